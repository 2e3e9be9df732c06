"""Issues certificates of any shape, right or wrong, for tests."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from hub.signature.signing import SigningKey
from tests.support.authority import LIFETIME, SINCE, session_authority

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SIGNING = ("digital_signature", "content_commitment")


@dataclass(frozen=True, kw_only=True)
class Certification:
    """What to certify; the defaults make a good signing certificate."""

    subject: str = "H41.07"
    private_key: PrivateKey | None = None
    issuer: SigningKey | None = None
    """The session's issuing CA unless given."""
    self_signed: bool = False
    not_before: datetime = SINCE
    lifetime: timedelta = LIFETIME
    is_ca: bool = False
    usages: tuple[str, ...] | None = SIGNING
    """None leaves the extension out."""
    critical: x509.ExtensionType | None = None
    """One more extension, critical."""


def certified(what: Certification) -> SigningKey:
    """Return the key with a certificate as *what* says; checks of the hub do not apply to it."""
    private_key = what.private_key or ec.generate_private_key(ec.SECP256R1())
    issuer = what.issuer or session_authority().issuer
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, what.subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if what.self_signed else issuer.certificate.subject)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(what.not_before)
        .not_valid_after(what.not_before + what.lifetime)
        .add_extension(x509.BasicConstraints(ca=what.is_ca, path_length=None), critical=True)
    )
    if what.usages is not None:
        builder = builder.add_extension(_usage(what.usages), critical=True)
    if what.critical is not None:
        builder = builder.add_extension(what.critical, critical=True)
    certificate = builder.sign(private_key if what.self_signed else issuer.private_key, SHA256())
    chain = () if what.self_signed else _chain(issuer)
    return unchecked(private_key, certificate, chain)


def unchecked(
    private_key: PrivateKey, certificate: x509.Certificate, chain: tuple[x509.Certificate, ...] = ()
) -> SigningKey:
    """Return a signing key that the hub itself would not hold: too weak, or another's certificate."""
    key = object.__new__(SigningKey)
    for name, value in (("private_key", private_key), ("certificate", certificate), ("chain", chain)):
        object.__setattr__(key, name, value)
    return key


def _chain(issuer: SigningKey) -> tuple[x509.Certificate, ...]:
    """Return the issuer and what stands above it, without the self-signed root."""
    above = (issuer.certificate, *issuer.chain)
    return tuple(each for each in above if each.subject != each.issuer)


def _usage(names: tuple[str, ...]) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in names for name in every})
