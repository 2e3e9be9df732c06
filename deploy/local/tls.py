"""A small authority of the stack's own, for connections to its servers; never for signing documents."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.address import LOOPBACK, StackError, write_private

AUTHORITY_NAME: Final = "Truc local broker authority"
AUTHORITY_LIFETIME: Final = timedelta(days=20 * 365)
CERTIFICATE_LIFETIME: Final = timedelta(days=397)
"""The broker gets a new one whenever it starts."""
SERVER_NAMES: Final = ("localhost", LOOPBACK)
_TOLERANCE: Final = timedelta(minutes=5)
"""Clocks differ."""


@dataclass(frozen=True, slots=True)
class BrokerAuthority:
    """Issues certificates for the servers of one home and for clients of its broker; `ensure` makes it."""

    folder: Path

    @property
    def certificate_file(self) -> Path:
        """What clients trust: `broker_ca` in their settings."""
        return self.folder / "ca.pem"

    @property
    def key_file(self) -> Path:
        """Its key, readable by its owner only."""
        return self.folder / "ca.key"

    def ensure(self) -> None:
        """Make the authority unless it is there."""
        if self.certificate_file.exists():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(AUTHORITY_NAME, AUTHORITY_NAME, key, datetime.now(UTC), AUTHORITY_LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(is_authority=True), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        write_private(self.key_file, _pem(key))
        write_private(self.certificate_file, _text(builder.sign(key, SHA256())))

    def issue_server(
        self, file: Path, names: tuple[str, ...] = SERVER_NAMES, *, at: datetime | None = None
    ) -> None:
        """Write a new key and a certificate for a server with *names*, which may be addresses, to *file*."""
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        self._issue(file, names[0], ExtendedKeyUsageOID.SERVER_AUTH, alternatives, at)

    def issue_client(self, file: Path, name: str, *, at: datetime | None = None) -> None:
        """Write a new key and a certificate for the broker user *name* to *file*."""
        alternatives = x509.SubjectAlternativeName([x509.DNSName(f"{name.lower()}.client.invalid")])
        self._issue(file, name, ExtendedKeyUsageOID.CLIENT_AUTH, alternatives, at)

    def _issue(
        self,
        file: Path,
        name: str,
        usage: x509.ObjectIdentifier,
        alternatives: x509.SubjectAlternativeName,
        at: datetime | None,
    ) -> None:
        authority, authority_key = self._load()
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, AUTHORITY_NAME, key, at or datetime.now(UTC), CERTIFICATE_LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(is_authority=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(alternatives, critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        certificate = builder.add_extension(issuer, critical=False).sign(authority_key, SHA256())
        write_private(file, _pem(key) + _text(certificate) + _text(authority))

    def _load(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
            key = load_pem_private_key(self.key_file.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise StackError(f"the broker's authority in {self.folder} cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StackError(f"{self.key_file} is not the key that this stack has made")
        return certificate, key


def authority_of(home: Path) -> BrokerAuthority:
    """Return the authority of the stack in *home*, made or not."""
    return BrokerAuthority(home / "tls")


def trusting(authorities: str, setting: str) -> ssl.SSLContext:
    """Return how to speak TLS to a server whose name and chain are verified; *setting* named *authorities*.

    Empty *authorities* are those that the machine trusts. Raises `StackError` where the file is of no use.
    """
    try:
        context = ssl.create_default_context(cafile=authorities or None)
    except OSError as error:
        raise StackError(f"{setting} {authorities} cannot be used: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _builder(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, at: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _TOLERANCE)
        .not_valid_after(at + lifetime)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
