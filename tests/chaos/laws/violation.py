"""What a law says when it is broken."""

from dataclasses import dataclass
from enum import StrEnum

from hub.message.identifiers import DeliveryId, ReceiptId, SubmissionId


class Law(StrEnum):
    """Each law by the name of its count in `build/chaos.json`."""

    NOTHING_LOST = "lost"
    ONE_EFFECT = "double_effects"
    SAME_BYTES = "changed"
    VISIBLE_END = "unended"
    TRUE_RECEIPTS = "untrue_receipts"
    ORDER = "order_violations"
    WHOLE_TRAIL = "broken_trails"
    OUTAGE_IS_NO_ATTEMPT = "wrong_attempts"
    SEALED_LOG = "broken_seals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One law broken once."""

    law: Law
    what: str
    """A sentence that names what happened and what should have."""
    submission_id: SubmissionId | None = None
    delivery_id: DeliveryId | None = None
    receipt_id: ReceiptId | None = None
    story: tuple[str, ...] = ()
    """Every line of every ledger about it, in the order of time."""
