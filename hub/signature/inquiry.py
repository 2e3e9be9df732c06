"""What to ask, and whom, to know whether registered certificates are revoked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hub.message.identifiers import Fingerprint
from hub.message.trust import NOTHING_KNOWN, RevocationPolicy, TrustMaterial, TrustObject, TrustObjectKind
from hub.signature.certificates import TrustAnchors
from hub.signature.delta import freshest_addresses, is_delta
from hub.signature.path import NoPath, Path
from hub.signature.revocation import RevocationState, Scope, find_revocation
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
    is_for_delta: bool = False
    """Whether the list is to say only what has changed since another."""

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

    def is_answered_by(
        self, data: TrustObject, at: datetime, material: TrustMaterial = NOTHING_KNOWN
    ) -> bool:
        """Whether *data* tell the status at *at*: signed by who may, about this certificate, and in force.

        A delta does together with the list that it completes, out of *material*.
        """
        if is_delta(data) is not self.is_for_delta:
            return False
        known = lists_of(self.path[-1], material)
        if self.is_for_delta:
            found = find_revocation(self.path, [*known, data], at, scope=Scope.OWN)
        else:
            found = find_revocation(self.path, [data], at, scope=Scope.OWN_BY_LIST_ALONE)
        return found.state is not RevocationState.UNKNOWN


def lists_of(certificate: x509.Certificate, material: TrustMaterial) -> list[TrustObject]:
    """Return the complete CRLs about *certificate* that *material* has."""
    found = (material.crls.get(address) for address in crl_addresses(certificate))
    return [each for each in found if each is not None]


def deltas_of(lists: Iterable[TrustObject], material: TrustMaterial) -> list[TrustObject]:
    """Return the deltas to *lists* that *material* has."""
    found = (material.crls.get(address) for each in lists for address in freshest_addresses(each))
    return [each for each in found if each is not None]


def named_for_deltas(material: TrustMaterial) -> frozenset[str]:
    """Return all addresses of deltas that the lists in *material* name: other ones change the plan."""
    return frozenset(address for each in material.crls.values() for address in freshest_addresses(each))


def plan(
    certificates: Iterable[x509.Certificate],
    issuers: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    at: datetime,
    material: TrustMaterial = NOTHING_KNOWN,
) -> dict[str, Inquiry]:
    """Return, by their keys, all sources for *certificates* and the authorities above them.

    Where deltas are published stands in the lists, of which *material* has the newest. A certificate that
    leads to no anchor, or to one whose policy does not look at revocation, has none. A path is five
    milliseconds of work, and looked for only where somebody on it may name a source.
    """
    wanted: dict[str, Inquiry] = {}
    may_all = any(_names_a_source(each) for each in issuers)
    for certificate in certificates:
        if not may_all and not _names_a_source(certificate):
            continue
        path = anchors.path_to(certificate, tuple(issuers), max(at, certificate.not_valid_before_utc))
        if not isinstance(path, NoPath):
            found = _along(path, anchors, material)
            wanted.update({each.key: each for each in found if each.key not in wanted})
    return wanted


def _names_a_source(certificate: x509.Certificate) -> bool:
    return bool(crl_addresses(certificate) or ocsp_addresses(certificate))


def _along(path: Path, anchors: TrustAnchors, material: TrustMaterial) -> list[Inquiry]:
    policy = anchors.policy_of(path[0])
    if policy.revocation is RevocationPolicy.NONE:
        return []
    found: list[Inquiry] = []
    for length, certificate in enumerate(path[1:], start=2):
        about = partial(Inquiry, path=path[:length], hosts=policy.hosts)
        crl, response = TrustObjectKind.CRL, TrustObjectKind.OCSP
        found += [about(kind=crl, url=url) for url in crl_addresses(certificate)]
        found += [about(kind=response, url=url) for url in ocsp_addresses(certificate)]
        named = [url for each in lists_of(certificate, material) for url in freshest_addresses(each)]
        found += [about(kind=crl, url=url, is_for_delta=True) for url in named]
    return found
