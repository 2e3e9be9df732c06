"""A small certification authority for development, demonstrations and tests; never for real agencies."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode
from hub.signature.signing import PrivateKey, SigningKey

ROOT_LIFETIME: Final = timedelta(days=20 * 365)
ISSUER_LIFETIME: Final = timedelta(days=10 * 365)
SUBSCRIBER_LIFETIME: Final = timedelta(days=3 * 365)
"""NĐ 68/2024 allows subscribers five years."""
_NAME_LENGTH: Final = 64  # RFC 5280, appendix A.1: ub-common-name, ub-organization-name


@dataclass(frozen=True, slots=True, kw_only=True)
class DevelopmentAuthority:
    """A root that has signed one issuing CA, which signs everybody else; the root's key is thrown away."""

    issuer: SigningKey
    """The issuing CA; its chain is the root, the trust anchor."""

    @classmethod
    def create(cls, name: str, at: datetime) -> Self:
        """Make a new authority called *name*, valid from *at*."""
        root_key, issuer_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root_name = name_of(f"{name} (root)", name)
        root = certificate_builder(root_name, root_name, root_key, at, ROOT_LIFETIME)
        root = as_authority(root, root_key, path_length=1)
        issuing = certificate_builder(
            name_of(f"{name} (issuing)", name), root_name, issuer_key, at, ISSUER_LIFETIME
        )
        issuing = as_authority(issuing, root_key, path_length=0)
        issuer = SigningKey(
            private_key=issuer_key,
            certificate=issuing.sign(root_key, SHA256()),
            chain=(root.sign(root_key, SHA256()),),
        )
        return cls(issuer=issuer)

    @property
    def anchor(self) -> x509.Certificate:
        """The root certificate."""
        return self.issuer.chain[0]

    @property
    def anchor_pem(self) -> bytes:
        """The root certificate, as a trust anchor is configured."""
        return self.anchor.public_bytes(Encoding.PEM)

    def issue(
        self,
        *,
        agency_code: AgencyCode,
        name: str,
        at: datetime,
        key_type: Literal["rsa", "ec"] = "rsa",
        lifetime: timedelta = SUBSCRIBER_LIFETIME,
    ) -> SigningKey:
        """Make a new key for the agency *name* and certify it, valid from *at*."""
        private_key = make_private_key(key_type)
        subject = name_of(name, name, agency_code)
        builder = certificate_builder(subject, self.issuer.certificate.subject, private_key, at, lifetime)
        usage = usage_of(digital_signature=True, content_commitment=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(authority_key(self.issuer.private_key), critical=False)
        certificate = builder.sign(self.issuer.private_key, SHA256())
        return SigningKey(private_key=private_key, certificate=certificate, chain=(self.issuer.certificate,))

    def to_pem(self, password: bytes) -> bytes:
        """Return issuing key, encrypted with *password*, issuing and root certificate as one PEM text."""
        return self.issuer.to_pem(password)

    @classmethod
    def from_pem(cls, encoded: bytes, password: bytes) -> Self:
        """Read what `to_pem` wrote; raises `ConfigurationError`."""
        issuer = SigningKey.from_pem(encoded, password)
        if len(issuer.chain) != 1:
            raise ConfigurationError(
                "a development authority is an issuing key with its own and the root certificate"
            )
        return cls(issuer=issuer)


def agency_code_of(certificate: x509.Certificate) -> AgencyCode | None:
    """Return the agency code that a development certificate names (`organizationIdentifier`)."""
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)
    return AgencyCode(str(found[0].value)) if found else None


def make_private_key(key_type: Literal["rsa", "ec"]) -> PrivateKey:
    """Return a new private key of the kind asked for."""
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def name_of(common_name: str, organization: str, agency_code: AgencyCode | None = None) -> x509.Name:
    """Return a subject as development certificates have it."""
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, _cut(organization)),
        x509.NameAttribute(NameOID.COMMON_NAME, _cut(common_name)),
    ]
    if agency_code is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, agency_code))
    return x509.Name(attributes)


def _cut(name: str) -> str:
    """Return as much of *name* as fits; the limit is one of octets, and Vietnamese takes several a letter."""
    return name.encode()[:_NAME_LENGTH].decode(errors="ignore")


def certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, at: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    """Return a certificate of *subject* from *at* on, without anything that says what it may do."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at.replace(microsecond=0))
        .not_valid_after(at.replace(microsecond=0) + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def as_authority(
    builder: x509.CertificateBuilder, issuer_key: PrivateKey, *, path_length: int
) -> x509.CertificateBuilder:
    """Return *builder* with what a certification authority has."""
    usage = usage_of(key_cert_sign=True, crl_sign=True)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(authority_key(issuer_key), critical=False)
    )


def authority_key(key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    """Return which *key* signed."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def usage_of(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    """Return a keyUsage extension with nothing but what is named."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
