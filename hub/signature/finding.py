"""What a check found, in the words of ETSI EN 319 102-1 (clause 5.1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.errors import RejectionCode, SignatureRejected, Violation
from hub.message.refusal import violation
from hub.message.trust import Indication


class SubIndication(StrEnum):
    """Why a verdict is not PASSED."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    REVOKED = "REVOKED"
    REVOKED_CA_NO_POE = "REVOKED_CA_NO_POE"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    TRY_LATER = "TRY_LATER"


INDETERMINATE: Final = frozenset(
    {
        SubIndication.SIG_CONSTRAINTS_FAILURE,
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
        SubIndication.NO_SIGNING_CERTIFICATE_FOUND,
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND,
        SubIndication.REVOKED_CA_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        SubIndication.TRY_LATER,
    }
)
"""Sub-indications that leave the verdict open; the others settle it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a check; a violation stands in it exactly where it is not PASSED."""

    indication: Indication
    sub_indication: SubIndication | None = None
    violation: Violation | None = None


PASSED: Final = Finding(indication=Indication.PASSED)


def adverse(
    sub_indication: SubIndication, code: RejectionCode, *, path: str, clause: str, **values: object
) -> Finding:
    """Return the finding that refuses with *code*; the rule names *clause* and the sub-indication."""
    verdict = Indication.INDETERMINATE if sub_indication in INDETERMINATE else Indication.FAILED
    rule = f"{clause}; ETSI EN 319 102-1 {sub_indication}"
    return Finding(
        indication=verdict,
        sub_indication=sub_indication,
        violation=violation(code, path=path, rule=rule, **values),
    )


def rejected(finding: Finding) -> SignatureRejected:
    """Return *finding*, which is not PASSED, as the refusal to raise."""
    if finding.violation is None:
        raise ValueError(f"a finding that is {finding.indication} refuses nothing")
    return SignatureRejected([finding.violation])
