"""Receipts: signed evidence that the hub gives, with the event names of ETSI EN 319 522."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.errors import Violation
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)


class ReceiptEvent(StrEnum):
    """What a receipt proves (ETSI EN 319 522-1, clause 6)."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    CONTENT_CONSIGNMENT = "ContentConsignment"
    CONTENT_HANDOVER = "ContentHandover"
    CONTENT_CONSIGNMENT_FAILURE = "ContentConsignmentFailure"


class FailureKind(StrEnum):
    """How sure the hub is that the recipient does not have it."""

    NOT_DELIVERED = "not delivered"
    UNKNOWN = "unknown"
    """A publish was never confirmed: the recipient may have it all the same."""
    EXPIRED = "expired"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSubject:
    """One delivery that a receipt speaks about."""

    recipient: AgencyKey
    delivery_id: DeliveryId | None = None
    lane_number: int | None = None
    attempt: int | None = None
    already_had_it: bool = False
    """In an acceptance: this recipient still has the same content from before, so nothing new is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the hub attests, before it is written as XML and signed."""

    receipt_id: ReceiptId
    event: ReceiptEvent
    issued_at: datetime
    mailbox: MailboxName
    """Whose queue it goes to."""
    submission_id: SubmissionId
    message_id: MessageId
    digest: Digest
    """SHA-256 of the exact bytes that were submitted."""
    sender: AgencyKey | None
    """None where nothing in the document could be believed."""
    document_id: DocumentId | None
    subjects: tuple[ReceiptSubject, ...] = ()
    violations: tuple[Violation, ...] = ()
    failure: FailureKind | None = None
    cause: str | None = None
    episode: int = 1
    """Counts what happens to one delivery again: 2 after the first replay."""
    supersedes: ReceiptId | None = None
