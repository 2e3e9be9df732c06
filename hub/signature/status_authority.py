"""A development CA that also publishes the status of what it issued; never for real agencies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from hub.message.identifiers import AgencyCode
from hub.signature.authority import (
    ISSUER_LIFETIME,
    ROOT_LIFETIME,
    SUBSCRIBER_LIFETIME,
    as_authority,
    authority_key,
    certificate_builder,
    make_private_key,
    name_of,
    usage_of,
)
from hub.signature.signing import SigningKey

ROOT_CRL: Final = "/root.crl"
ISSUING_CRL: Final = "/issuing.crl"
OCSP: Final = "/ocsp"
TIME_STAMPS: Final = "/tsa"
CRL_LIFETIME: Final = timedelta(hours=24)
RESPONSE_LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """When and why a certificate was revoked."""

    at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAuthority:
    """Keys of a root, of the issuing CA below it, and of its OCSP responder and time-stamping authority."""

    root: SigningKey
    issuing: SigningKey
    responder: SigningKey
    stamper: SigningKey
    address: str
    """Where the status is published: `http://host:port`; it stands in every certificate."""

    @classmethod
    def create(cls, name: str, address: str, at: datetime) -> Self:
        """Make a new authority called *name*, valid from *at*, whose certificates name *address*."""
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        root_name, issuing_name = (name_of(f"{name} ({role})", name) for role in ("root", "issuing"))
        built = certificate_builder(root_name, root_name, keys[0], at, ROOT_LIFETIME)
        root = as_authority(built, keys[0], path_length=1).sign(keys[0], SHA256())
        built = certificate_builder(issuing_name, root_name, keys[1], at, ISSUER_LIFETIME)
        built = built.add_extension(_published_at(address + ROOT_CRL), critical=False)
        certificate = as_authority(built, keys[0], path_length=0).sign(keys[0], SHA256())
        issuing = SigningKey(private_key=keys[1], certificate=certificate, chain=(root,))
        return cls(
            root=SigningKey(private_key=keys[0], certificate=root),
            issuing=issuing,
            responder=_servant(issuing, f"{name} (OCSP)", ExtendedKeyUsageOID.OCSP_SIGNING, at),
            stamper=_servant(issuing, f"{name} (TSA)", ExtendedKeyUsageOID.TIME_STAMPING, at),
            address=address,
        )

    def issue(
        self,
        *,
        agency_code: AgencyCode,
        name: str,
        at: datetime,
        key_type: Literal["rsa", "ec"] = "rsa",
        lifetime: timedelta = SUBSCRIBER_LIFETIME,
    ) -> SigningKey:
        """Make a new key for the agency *name* and certify it; the certificate names CRL and responder."""
        private_key = make_private_key(key_type)
        subject, issuer = name_of(name, name, agency_code), self.issuing.certificate.subject
        builder = certificate_builder(subject, issuer, private_key, at, lifetime)
        responder = x509.UniformResourceIdentifier(self.address + OCSP)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, responder)
        builder = (
            builder.add_extension(usage_of(digital_signature=True, content_commitment=True), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(authority_key(self.issuing.private_key), critical=False)
            .add_extension(_published_at(self.address + ISSUING_CRL), critical=False)
            .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        )
        certificate = builder.sign(self.issuing.private_key, SHA256())
        return SigningKey(private_key=private_key, certificate=certificate, chain=(self.issuing.certificate,))

    def crl(
        self, revoked: Mapping[int, Revoked], at: datetime, *, number: int, of_root: bool = False
    ) -> bytes:
        """Return the CRL of the issuing CA or the root, in force from *at*, in DER form."""
        signer = self.root if of_root else self.issuing
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(signer.certificate.subject)
            .last_update(at.replace(microsecond=0))
            .next_update(at.replace(microsecond=0) + CRL_LIFETIME)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(authority_key(signer.private_key), critical=False)
        )
        for serial, each in revoked.items():
            builder = builder.add_revoked_certificate(_entry(serial, each))
        return builder.sign(signer.private_key, SHA256()).public_bytes(Encoding.DER)

    def answer(
        self, request: bytes, issued: Collection[int], revoked: Mapping[int, Revoked], at: datetime
    ) -> bytes:
        """Return the OCSP response to *request*, in DER form; malformed requests are answered, too."""
        try:
            asked = ocsp.load_der_ocsp_request(request)
        except ValueError:
            return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=_status(asked.serial_number, issued, revoked),
            this_update=at.replace(microsecond=0),
            next_update=at.replace(microsecond=0) + RESPONSE_LIFETIME,
            revocation_time=revoked[asked.serial_number].at if asked.serial_number in revoked else None,
            revocation_reason=revoked[asked.serial_number].reason if asked.serial_number in revoked else None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.responder.certificate)
        builder = builder.certificates([self.responder.certificate])
        return builder.sign(self.responder.private_key, SHA256()).public_bytes(Encoding.DER)


def _servant(issuing: SigningKey, name: str, purpose: x509.ObjectIdentifier, at: datetime) -> SigningKey:
    """Return a key that the issuing CA certifies for one *purpose* only."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = issuing.certificate.subject
    builder = (
        certificate_builder(name_of(name, name), issuer, key, at, SUBSCRIBER_LIFETIME)
        .add_extension(usage_of(digital_signature=True), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        .add_extension(authority_key(issuing.private_key), critical=False)
    )
    if purpose == ExtendedKeyUsageOID.OCSP_SIGNING:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    certificate = builder.sign(issuing.private_key, SHA256())
    return SigningKey(private_key=key, certificate=certificate, chain=(issuing.certificate,))


def _published_at(address: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(address)],
        relative_name=None,
        reasons=None,
        crl_issuer=None,
    )
    return x509.CRLDistributionPoints([point])


def _entry(serial: int, revoked: Revoked) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(revoked.at)
    if revoked.reason is not x509.ReasonFlags.unspecified:  # RFC 5280 §5.3.1: left out then
        entry = entry.add_extension(x509.CRLReason(revoked.reason), critical=False)
    return entry.build()


def _status(serial: int, issued: Collection[int], revoked: Mapping[int, Revoked]) -> ocsp.OCSPCertStatus:
    if serial in revoked:
        return ocsp.OCSPCertStatus.REVOKED
    return ocsp.OCSPCertStatus.GOOD if serial in issued else ocsp.OCSPCertStatus.UNKNOWN


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
