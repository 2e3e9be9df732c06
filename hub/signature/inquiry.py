"""What to ask, and whom, to know whether registered certificates are revoked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hub.message.identifiers import Fingerprint
from hub.message.trust import RevocationPolicy, TrustObject, TrustObjectKind
from hub.signature.certificates import TrustAnchors
from hub.signature.path import NoPath, Path
from hub.signature.revocation import RevocationState, find_revocation
from hub.signature.source import crl_addresses, fingerprint_of, host_of, ocsp_addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """One source of revocation data, and a certificate whose status it tells."""

    kind: TrustObjectKind
    url: str
    path: Path
    """From the anchor down to that certificate."""
    hosts: frozenset[str]
    """Which hosts the anchor's policy lets the hub ask."""

    @property
    def key(self) -> str:
        """What the source is known by: a list by its address, a response by that and the certificate."""
        return self.url if self.fingerprint is None else f"{self.url}#{self.fingerprint.hex()}"

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Of OCSP: the certificate that is asked about."""
        return fingerprint_of(self.path[-1]) if self.kind is TrustObjectKind.OCSP else None

    @property
    def is_allowed(self) -> bool:
        """Whether the anchor's policy names the host."""
        return host_of(self.url) in self.hosts

    def request(self) -> bytes | None:
        """Return what is asked, in DER form; None where the address alone says it."""
        if self.kind is not TrustObjectKind.OCSP:
            return None
        # A name, no signature: SHA-1 is what every responder understands (RFC 5019 §2.1.1).
        builder = ocsp.OCSPRequestBuilder().add_certificate(self.path[-1], self.path[-2], SHA1())  # noqa: S303
        return builder.build().public_bytes(Encoding.DER)

    def is_answered_by(self, data: TrustObject, at: datetime) -> bool:
        """Whether *data* tell the status at *at*: signed by who may, about this certificate, and in force."""
        found = find_revocation(self.path, [data], at, only_own=True)
        return found.state is not RevocationState.UNKNOWN


def plan(
    certificates: Iterable[x509.Certificate],
    issuers: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    at: datetime,
) -> dict[str, Inquiry]:
    """Return, by their keys, all sources for *certificates* and the authorities above them.

    A certificate that leads to no anchor, or to one whose policy does not look at revocation, has none.
    """
    wanted: dict[str, Inquiry] = {}
    for certificate in certificates:
        path = anchors.path_to(certificate, tuple(issuers), max(at, certificate.not_valid_before_utc))
        if not isinstance(path, NoPath):
            wanted.update({each.key: each for each in _along(path, anchors) if each.key not in wanted})
    return wanted


def _along(path: Path, anchors: TrustAnchors) -> list[Inquiry]:
    policy = anchors.policy_of(path[0])
    if policy.revocation is RevocationPolicy.NONE:
        return []
    asked = [
        (kind, url, length)
        for length, certificate in enumerate(path[1:], start=2)
        for kind, addresses in (
            (TrustObjectKind.CRL, crl_addresses(certificate)),
            (TrustObjectKind.OCSP, ocsp_addresses(certificate)),
        )
        for url in addresses
    ]
    return [
        Inquiry(kind=kind, url=url, path=path[:length], hosts=policy.hosts) for kind, url, length in asked
    ]
