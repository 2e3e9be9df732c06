"""What leaves the hub, what happened when it was tried, and what is to be done about it: all values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, MailboxName, MessageId
from hub.message.receipt import ReceiptEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A promise not yet kept: everything that is needed to publish one delivery once more."""

    entry_id: int
    delivery_id: DeliveryId
    message_id: MessageId | None
    """None for receipts about several messages."""
    kind: MessageKind
    mailbox: MailboxName
    sender: AgencyKey | None
    recipient: AgencyKey
    is_urgent: bool
    lane_number: int
    attempt: int
    """The attempt that publishing this entry makes; the first is 1."""
    correlation_id: str
    """What a receipt answers, or the name of a sheet that answers several; else the message id."""
    document_id: DocumentId | None
    event: ReceiptEvent | None
    """What a receipt proves; None where a sheet proves several things."""
    expires_at: datetime | None
    body: bytes


class PublishResult(StrEnum):
    """What the broker said to one publish."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    """Returned: the mailbox's queue does not exist."""
    FULL = "full"
    """Refused for length: the mailbox is parked, and this is no failed attempt."""
    FAILED = "failed"
    """The hub itself failed on it before anything was sent."""
    EXPIRED = "expired"
    """Its time was over before anything was sent."""
    UNKNOWN = "unknown"
    """No answer: an outage, which counts as no attempt; the entry is published again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One entry, what the broker said, and when."""

    entry: OutboxEntry
    result: PublishResult
    at: datetime
    note: str | None = None


class ReturnReason(StrEnum):
    """Why a delivery came back from a mailbox (`reason` of x-death)."""

    REJECTED = "rejected"
    DELIVERY_LIMIT = "delivery_limit"
    EXPIRED = "expired"
    UNROUTABLE = "unroutable"
    HUB_FAILURE = "hub_failure"
    """The hub itself failed on it; the note names the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedDelivery:
    """A delivery that came back from a mailbox's queue."""

    delivery_id: DeliveryId
    attempt: int
    reason: ReturnReason
    note: str | None
    """What the recipient said about it, where it said something."""
    at: datetime
    mailbox: MailboxName | None = None
    """Where it came back from; known once its row has been looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again, not before a moment."""

    not_before: datetime
    costs_try: bool = True
    """False while its mailbox is parked for failing: the attempt rises, the tries do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Stop trying: a case for an operator and a signed failure for the sender."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """Its time is over; final."""

    cause: str


Recovery: TypeAlias = Retry | GiveUp | Expire
