"""Receipts: signed in the transaction that makes them true, their bytes stored, and sent as stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.posting import NewDelivery
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.message.edxml import MessageKind
from hub.message.evidence import subject
from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, MessageId, ReceiptId, SubmissionId
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
from hub.ports import Attest

NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the hub stopped trying, and how sure it is that nothing arrived."""

    kind: FailureKind
    cause: str


async def issue(
    transaction: Transaction, receipts: Sequence[Receipt], attest: Attest, new_id: NewId
) -> list[NewDelivery]:
    """Sign and store *receipts*; returns the deliveries that carry them, not yet entered."""
    if not receipts:
        return []
    bodies = await attest(receipts)
    rows = [_receipt_row(receipt, body) for receipt, body in zip(receipts, bodies, strict=True)]
    await transaction.execute(statement("insert_receipts"), *columns(rows, 7))
    return [
        _delivery_of(receipt, body, DeliveryId(new_id()))
        for receipt, body in zip(receipts, bodies, strict=True)
    ]


async def enlist(
    transaction: Transaction, subjects: Sequence[tuple[DeliveryId, ReceiptEvent, int, ReceiptId]]
) -> dict[DeliveryId, ReceiptId | None]:
    """Reserve (delivery, event, episode) for each subject.

    Returns the deliveries that are owed a receipt, each with the failure that this receipt supersedes.
    """
    if not subjects:
        return {}
    rows = await transaction.fetch(statement("enlist_receipt_subjects"), *columns(subjects, 4))
    return {DeliveryId(row["delivery_id"]): row["superseded"] for row in rows}


async def owe(
    transaction: Transaction,
    event: ReceiptEvent,
    groups: Sequence[Sequence[LockedDelivery]],
    *,
    at: datetime,
    new_id: NewId,
    failures: Mapping[DeliveryId, Failure] | None = None,
) -> list[Receipt]:
    """Return one unsigned receipt of *event* for each group of deliveries of one submission.

    A delivery whose receipt for this event and episode exists is left out. What comes after a failure, by
    replay or because the recipient had it after all, names the failure that it supersedes.
    """
    wanted = [
        (delivery.delivery_id, event, delivery.episode, receipt_id)
        for group in groups
        for receipt_id in [ReceiptId(new_id())]
        for delivery in group
    ]
    owed = await enlist(transaction, wanted)
    receipt_ids = {delivery_id: receipt_id for delivery_id, _, _, receipt_id in wanted}
    return [
        _receipt_about(
            event,
            still,
            receipt_id=receipt_ids[still[0].delivery_id],
            at=at,
            superseded=owed,
            failures=failures or {},
        )
        for group in groups
        if (still := [delivery for delivery in group if delivery.delivery_id in owed])
    ]


async def again(
    transaction: Transaction,
    wanted: Iterable[tuple[MessageId, MailboxName, AgencyKey | None, SubmissionId]],
    new_id: NewId,
) -> list[NewDelivery]:
    """Return deliveries that send stored answers once more, under the submission id that was used this time.

    Every document has one answer, an acceptance or a rejection; an accepted status has none.
    """
    asked = list(wanted)
    if not asked:
        return []
    rows = await transaction.fetch(statement("find_answers"), [each[0] for each in asked])
    stored = {row["message_id"]: row for row in rows}
    return [
        NewDelivery(
            delivery_id=DeliveryId(new_id()),
            message_id=message_id,
            receipt_id=ReceiptId(stored[message_id]["receipt_id"]),
            kind=MessageKind.RECEIPT,
            mailbox=mailbox,
            sender=None,
            recipient=sender or AgencyKey(mailbox),
            correlation_id=submission_id,
            event=ReceiptEvent(stored[message_id]["event"]),
            body=stored[message_id]["body"],
        )
        for message_id, mailbox, sender, submission_id in asked
        if message_id in stored
    ]


def _receipt_about(
    event: ReceiptEvent,
    deliveries: Sequence[LockedDelivery],
    *,
    receipt_id: ReceiptId,
    at: datetime,
    superseded: Mapping[DeliveryId, ReceiptId | None],
    failures: Mapping[DeliveryId, Failure],
) -> Receipt:
    first = deliveries[0]
    failure = failures.get(first.delivery_id)
    return first.submitted.receipt(
        event,
        receipt_id=receipt_id,
        at=at,
        subjects=[
            subject(each.recipient, each.delivery_id, lane_number=each.lane_number, attempt=each.attempt)
            for each in deliveries
        ],
        failure=None if failure is None else failure.kind,
        cause=None if failure is None else failure.cause,
        episode=first.episode,
        supersedes=superseded[first.delivery_id],
    )


def _delivery_of(receipt: Receipt, body: bytes, delivery_id: DeliveryId) -> NewDelivery:
    return NewDelivery(
        delivery_id=delivery_id,
        message_id=receipt.message_id,
        receipt_id=receipt.receipt_id,
        kind=MessageKind.RECEIPT,
        mailbox=receipt.mailbox,
        sender=None,
        recipient=receipt.sender or AgencyKey(receipt.mailbox),
        document_id=receipt.document_id,
        correlation_id=receipt.submission_id,
        event=receipt.event,
        body=body,
    )


def _receipt_row(receipt: Receipt, body: bytes) -> tuple[object, ...]:
    return (
        receipt.receipt_id,
        receipt.message_id,
        receipt.event.value,
        receipt.mailbox,
        receipt.issued_at,
        receipt.supersedes,
        body,
    )
