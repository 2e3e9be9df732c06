"""CRLs of every shape: whole and partial ones, deltas, those of strangers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hub.message.trust import TrustObject, TrustObjectKind
from hub.signature.authority import authority_key
from hub.signature.signing import SigningKey
from hub.signature.status_authority import CRL_LIFETIME, StatusAuthority
from tests.support.authority import AT
from tests.support.status_authority import HOUR, status_authority


@dataclass(frozen=True, kw_only=True)
class RevocationList:
    """A CRL of the issuing CA."""

    number: int | None = 10
    base: int | None = None
    """Of a delta."""
    at: datetime = AT - HOUR
    revoked: Mapping[int, x509.ReasonFlags] = field(default_factory=dict)
    revoked_at: datetime | None = None
    """When it was made, where nothing is said."""
    freshest: str | None = None
    points_to: Sequence[str] = ()
    """Its issuing distribution point."""
    only: str | None = None
    is_strange: bool = False
    """Whether it has a critical extension that nobody knows."""
    signer: SigningKey | None = None
    authority: StatusAuthority = field(default_factory=status_authority)

    def made(self) -> TrustObject:
        signer = self.signer or self.authority.issuing
        issuer = self.authority.issuing.certificate.subject
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer)
        builder = builder.last_update(self.at).next_update(self.at + CRL_LIFETIME)
        builder = builder.add_extension(authority_key(self.authority.issuing.private_key), critical=False)
        if self.number is not None:
            builder = builder.add_extension(x509.CRLNumber(self.number), critical=False)
        if self.base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(self.base), critical=True)
        if self.freshest is not None:
            builder = builder.add_extension(x509.FreshestCRL([point(self.freshest)]), critical=False)
        if self.points_to or self.only:
            builder = builder.add_extension(self._scope(), critical=True)
        if self.is_strange:
            strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")
            builder = builder.add_extension(strange, critical=True)
        for serial, reason in self.revoked.items():
            builder = builder.add_revoked_certificate(_entry(serial, reason, self.revoked_at or self.at))
        body = builder.sign(signer.private_key, SHA256()).public_bytes(Encoding.DER)
        return TrustObject.of(TrustObjectKind.CRL, body)

    def _scope(self) -> x509.IssuingDistributionPoint:
        return x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier(each) for each in self.points_to] or None,
            relative_name=None,
            only_contains_user_certs=self.only == "users",
            only_contains_ca_certs=self.only == "authorities",
            only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})
            if self.only == "reasons"
            else None,
            indirect_crl=False,
            only_contains_attribute_certs=self.only == "attributes",
        )


def point(address: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)


def _entry(serial: int, reason: x509.ReasonFlags, at: datetime) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    return entry.add_extension(x509.CRLReason(reason), critical=False).build()
