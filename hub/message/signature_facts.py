"""What is worth remembering of a signature that holds: which profile it has, and what it says of time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from hub.message.mandate_role import MandateRole

MANDATED_FOR: Final = "signed_under_mandate_for"
HANDED_OVER: Final = "handed_over"
"""What an event calls the system for which a gateway signed, and the SHA-256 of what that handed over."""


class SignatureProfile(StrEnum):
    """The kinds of signature that the axis tells apart (decision 0003)."""

    XMLDSIG = "XML-DSig"
    XADES_BES = "XAdES-BES"
    XADES_T = "XAdES-T"


class StampVerdict(StrEnum):
    """What became of a signature's time stamp, in the words of ETSI EN 319 102-1."""

    PASSED = "PASSED"
    NO_ANCHOR = "INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND"
    """The stamp is for this signature; that its authority is an allowed one could not be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When a time stamp authority says that it saw the signature."""

    at: datetime
    verdict: StampVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What a signature is, beside the fact that it holds."""

    profile: SignatureProfile
    claimed_at: datetime | None = None
    """The signer's own word (`SigningTime`); signed, but proven by nobody."""
    stamp: Stamp | None = None
    claimed_roles: tuple[str, ...] = ()
    """What the signer calls itself (`ClaimedRole`), as short lines; signed, but proven by nobody."""

    @property
    def mandate(self) -> MandateRole | None:
        """For which system the signer says that it signed under mandate."""
        return next((found for each in self.claimed_roles if (found := MandateRole.read(each))), None)

    def as_detail(self) -> dict[str, object]:
        """Return the facts as an event records them."""
        detail: dict[str, object] = {"signature": self.profile.value}
        if self.claimed_at is not None:
            detail["signing_time"] = self.claimed_at.isoformat()
        if self.stamp is not None:
            detail |= {
                "time_stamp": self.stamp.at.isoformat(),
                "time_stamp_finding": self.stamp.verdict.value,
            }
        return detail | self._roles()

    def _roles(self) -> dict[str, object]:
        mandate, detail = self.mandate, dict[str, object]()
        if mandate is not None:
            detail |= {MANDATED_FOR: mandate.system, HANDED_OVER: mandate.digest.hex()}
        others = [each for each in self.claimed_roles if MandateRole.read(each) is None]
        return detail | ({"claimed_roles": others} if others else {})


PLAIN: Final = SignatureFacts(profile=SignatureProfile.XMLDSIG)
