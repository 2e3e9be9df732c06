"""A CA that publishes the status of what it issues, and what a hub has fetched from it, without a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hub.message.identifiers import AgencyCode, Fingerprint
from hub.message.trust import RevocationPolicy, TrustMaterial, TrustObject, TrustObjectKind
from hub.signature.certificates import AnchorPolicy, TrustAnchors
from hub.signature.signing import SigningKey
from hub.signature.source import fingerprint_of
from hub.signature.status_authority import ISSUING_CRL, ROOT_CRL, Revoked, StatusAuthority
from tests.support.authority import AT, LIFETIME, SINCE

ADDRESS = "http://127.0.0.1:8301"
HOUR = timedelta(hours=1)


@cache
def status_authority() -> StatusAuthority:
    """Return the CA of this session, the same for all tests."""
    return StatusAuthority.create("Trục status CA", ADDRESS, SINCE)


@cache
def status_key(agency_code: str = "H41") -> SigningKey:
    return status_authority().issue(
        agency_code=AgencyCode(agency_code),
        name=f"Agency {agency_code}",
        at=SINCE,
        key_type="ec",
        lifetime=LIFETIME,
    )


def anchors(policy: RevocationPolicy) -> TrustAnchors:
    certificates = [status_authority().root.certificate]
    return TrustAnchors(certificates, otherwise=AnchorPolicy(revocation=policy))


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the CA publishes at an instant, as a hub has fetched it."""

    at: datetime = AT - HOUR
    revoked: Mapping[int, Revoked] = field(default_factory=dict)
    """By the issuing CA."""
    revoked_by_root: Mapping[int, Revoked] = field(default_factory=dict)

    def crl(self, *, of_root: bool = False) -> TrustObject:
        revoked = self.revoked_by_root if of_root else self.revoked
        body = status_authority().crl(revoked, self.at, number=1, of_root=of_root)
        return TrustObject.of(TrustObjectKind.CRL, body)

    def lists(self) -> dict[str, TrustObject]:
        return {ADDRESS + ROOT_CRL: self.crl(of_root=True), ADDRESS + ISSUING_CRL: self.crl()}

    def response(self, key: SigningKey, *, is_known: bool = True) -> dict[Fingerprint, TrustObject]:
        request = ocsp_request(key.certificate, key.chain[0])
        issued = {key.certificate.serial_number} if is_known else set()
        body = status_authority().answer(request, issued, self.revoked, self.at)
        return {fingerprint_of(key.certificate): TrustObject.of(TrustObjectKind.OCSP, body)}

    def material(self) -> TrustMaterial:
        return TrustMaterial(crls=self.lists())


def ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA256())
    return builder.build().public_bytes(Encoding.DER)
