"""Receipts: signed in the transaction that makes them true, their bytes stored, and sent as stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.posting import NewDelivery
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.message.edxml import MessageKind
from hub.message.evidence import subject
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    MailboxName,
    MessageId,
    ReceiptId,
    SheetId,
    SubmissionId,
)
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
from hub.message.receipt_sheet import ReceiptSheet
from hub.ports import Attest

NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the hub stopped trying, and how sure it is that nothing arrived."""

    kind: FailureKind
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message that was submitted once more, by whom, and under which name this time."""

    message_id: MessageId
    mailbox: MailboxName
    sender: AgencyKey | None
    submission_id: SubmissionId


async def issue(
    transaction: Transaction, receipts: Sequence[Receipt], attest: Attest, new_id: NewId
) -> list[NewDelivery]:
    """Sign and store *receipts*; returns the deliveries that carry them, not yet entered."""
    if not receipts:
        return []
    sheets = await attest(receipts)
    rows = [_receipt_row(receipt, sheet) for sheet in sheets for receipt in sheet.receipts]
    sheet_rows = [(sheet.sheet_id, sheet.event, sheet.body) for sheet in sheets]
    await transaction.execute(statement("insert_receipts"), *columns(rows, 7), *columns(sheet_rows, 3))
    return [_delivery_of(sheet, DeliveryId(new_id())) for sheet in sheets]


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


async def again(transaction: Transaction, wanted: Iterable[Asked], new_id: NewId) -> list[NewDelivery]:
    """Return deliveries that send stored answers once more.

    Every document has one answer, an acceptance or a rejection; an accepted status has none. A sheet with
    several of them goes out once. Who asks under another submission id than before is answered under it.
    """
    asked = list(wanted)
    if not asked:
        return []
    found = await transaction.fetch(statement("find_answers"), [each.message_id for each in asked])
    answers = {row["message_id"]: row for row in found}
    letters: dict[tuple[object, ...], list[Asked]] = {}
    for each in [each for each in asked if each.message_id in answers]:
        answer = answers[each.message_id]
        name = None if each.submission_id == answer["submission_id"] else each.submission_id
        letters.setdefault((answer["sheet_id"], each.mailbox, each.sender, name), []).append(each)
    sheets = {row["sheet_id"]: row for row in await _read_sheets(transaction, answers.values())}
    return [
        _letter(sheets[answers[together[0].message_id]["sheet_id"]], together, DeliveryId(new_id()))
        for together in letters.values()
    ]


async def _read_sheets(
    transaction: Transaction, answers: Iterable[asyncpg.Record]
) -> Sequence[asyncpg.Record]:
    return await transaction.fetch(
        statement("read_receipt_sheets"), sorted({row["sheet_id"] for row in answers})
    )


def _letter(sheet: asyncpg.Record, together: Sequence[Asked], delivery_id: DeliveryId) -> NewDelivery:
    """Return the delivery of a stored *sheet* that answers all who ask *together*."""
    first = together[0]
    is_one = all(each.message_id == first.message_id for each in together)
    return NewDelivery(
        delivery_id=delivery_id,
        message_id=first.message_id if is_one else None,
        sheet_id=SheetId(sheet["sheet_id"]),
        kind=MessageKind.RECEIPT,
        mailbox=first.mailbox,
        sender=None,
        recipient=first.sender or AgencyKey(first.mailbox),
        correlation_id=first.submission_id if is_one else str(sheet["sheet_id"]),
        event=None if sheet["event"] is None else ReceiptEvent(sheet["event"]),
        body=sheet["body"],
    )


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
    if first.submitted is None:
        raise ValueError(f"delivery {first.delivery_id} carries receipts, and no receipt is about those")
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


def _delivery_of(sheet: ReceiptSheet, delivery_id: DeliveryId) -> NewDelivery:
    return NewDelivery(
        delivery_id=delivery_id,
        message_id=sheet.message_id,
        sheet_id=sheet.sheet_id,
        kind=MessageKind.RECEIPT,
        mailbox=sheet.mailbox,
        sender=None,
        recipient=sheet.recipient,
        document_id=sheet.document_id,
        correlation_id=sheet.correlation_id,
        event=sheet.event,
        body=sheet.body,
    )


def _receipt_row(receipt: Receipt, sheet: ReceiptSheet) -> tuple[object, ...]:
    return (
        receipt.receipt_id,
        receipt.message_id,
        receipt.event.value,
        receipt.mailbox,
        receipt.issued_at,
        receipt.supersedes,
        sheet.sheet_id,
    )
