"""Keys for the peers: each library wants its own form of an RSA-2048 key with a certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

PASSWORD = "only for this bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A party's key and certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def pkcs12(self) -> bytes:
        """Return both in one file."""
        secret = BestAvailableEncryption(PASSWORD.encode())
        return pkcs12.serialize_key_and_certificates(b"peer", self.key, self.certificate, None, secret)

    def pem(self) -> bytes:
        """Return the certificate as text."""
        return self.certificate.public_bytes(Encoding.PEM)


def draw(name: str) -> Credentials:
    """Return fresh credentials for *name*, signed by themselves: no path is built, for nobody's cost."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return Credentials(key=key, certificate=certificate)
