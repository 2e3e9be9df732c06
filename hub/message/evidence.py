"""Which receipt says what: builders for the five events, so that every one is filled in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent, ReceiptSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What every receipt repeats about the message it belongs to."""

    message_id: MessageId
    mailbox: MailboxName
    submission_id: SubmissionId
    digest: Digest
    sender: AgencyKey | None
    document_id: DocumentId | None

    def receipt(
        self,
        event: ReceiptEvent,
        *,
        receipt_id: ReceiptId,
        at: datetime,
        subjects: Sequence[ReceiptSubject] = (),
        violations: Sequence[Violation] = (),
        failure: FailureKind | None = None,
        cause: str | None = None,
        episode: int = 1,
        supersedes: ReceiptId | None = None,
    ) -> Receipt:
        """Return the receipt of *event* for this message."""
        return Receipt(
            receipt_id=receipt_id,
            event=event,
            issued_at=at,
            mailbox=self.mailbox,
            submission_id=self.submission_id,
            message_id=self.message_id,
            digest=self.digest,
            sender=self.sender,
            document_id=self.document_id,
            subjects=tuple(subjects),
            violations=tuple(violations),
            failure=failure,
            cause=cause,
            episode=episode,
            supersedes=supersedes,
        )


def subject(
    recipient: AgencyKey,
    delivery_id: DeliveryId,
    *,
    lane_number: int | None = None,
    attempt: int | None = None,
) -> ReceiptSubject:
    """Return the subject of a receipt about one delivery."""
    return ReceiptSubject(
        recipient=recipient, delivery_id=delivery_id, lane_number=lane_number, attempt=attempt
    )
