"""What a signing certificate is judged by, as values: revocation data, and the verdict with its evidence."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.message.identifiers import Digest, Fingerprint, digest_of


class Indication(StrEnum):
    """The verdict of one building block of the validation (ETSI EN 319 102-1, clause 5.1)."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INDETERMINATE = "INDETERMINATE"
    """What is at hand does not decide it; the hub refuses all the same, save where an anchor is lenient."""


class RevocationPolicy(StrEnum):
    """What becomes of a message whose certificate's status is not known."""

    HARD = "hard"
    """It is refused."""
    SOFT = "soft"
    """It is accepted, and the verdict says that the status was not known."""
    NONE = "none"
    """Nobody looks whether certificates are revoked."""


class TrustObjectKind(StrEnum):
    """What kind of evidence it is."""

    CERTIFICATE = "certificate"
    CRL = "crl"
    OCSP = "ocsp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustObject:
    """A certificate, CRL or OCSP response in DER, known by its digest."""

    kind: TrustObjectKind
    digest: Digest
    body: bytes = field(repr=False, compare=False)

    @classmethod
    def of(cls, kind: TrustObjectKind, body: bytes) -> "TrustObject":
        """Return *body* with its digest."""
        return cls(kind=kind, digest=digest_of(body), body=body)


_NO_CRLS: Final[Mapping[str, TrustObject]] = MappingProxyType({})
_NO_RESPONSES: Final[Mapping[Fingerprint, TrustObject]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """A snapshot of what the hub knows beside the anchors; nothing in it is trusted by itself."""

    issuers: tuple[TrustObject, ...] = ()
    """Certificates of authorities below the anchors."""
    crls: Mapping[str, TrustObject] = field(default_factory=lambda: _NO_CRLS)
    """By the address from which they came, as certificates name it."""
    responses: Mapping[Fingerprint, TrustObject] = field(default_factory=lambda: _NO_RESPONSES)
    """OCSP responses, by the certificate that was asked about."""


NOTHING_KNOWN: Final = TrustMaterial()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The verdict on a signing certificate at the instant of receipt, with all that it was reached by.

    Judging the same certificate at the same instant by the same objects gives the same verdict again.
    """

    indication: Indication
    sub_indication: str | None
    policy: RevocationPolicy
    note: str
    """What the path validator said, where the verdict is not PASSED."""
    path: tuple[TrustObject, ...]
    """Certificates from the anchor down to the signer's."""
    revocation: tuple[TrustObject, ...]
    """The CRLs and OCSP responses that were looked at."""
    validation_id: Digest = field(init=False, compare=False)
    """The same for equal verdicts by equal evidence."""

    def __post_init__(self) -> None:
        """Derive the identifier."""
        evidence = [",".join(each.digest.hex() for each in part) for part in (self.path, self.revocation)]
        words = (self.indication, self.sub_indication or "", self.policy, self.note, *evidence)
        text = "\n".join(words).encode()
        object.__setattr__(self, "validation_id", Digest(hashlib.sha256(text).digest()))
