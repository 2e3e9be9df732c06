"""Receipts in the twin: one for each delivery, event and episode, stored and sent as they were signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.backends.memory_store import MemoryStore, StoredDelivery, Tables
from hub.message.edxml import MessageKind
from hub.message.evidence import Submitted, subject
from hub.message.identifiers import DeliveryId, ReceiptId
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
from hub.message.receipt_sheet import ReceiptSheet
from hub.ports import Attest

ANSWERS = frozenset({ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the hub stopped trying, and how sure it is that nothing arrived."""

    kind: FailureKind
    cause: str


async def issue(
    store: MemoryStore, tables: Tables, receipts: Sequence[Receipt], attest: Attest
) -> list[StoredDelivery]:
    """Sign and store *receipts*; returns the deliveries that carry them."""
    if not receipts:
        return []
    letters = []
    for sheet in await attest(receipts):
        for receipt in sheet.receipts:
            if receipt.event in ANSWERS:
                tables.answers[receipt.message_id] = (sheet, receipt.submission_id)
            if receipt.event is ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE:
                tables.failures |= {
                    each.delivery_id: receipt.receipt_id
                    for each in receipt.subjects
                    if each.delivery_id is not None
                }
        submitted = None if sheet.message_id is None else _submitted(sheet.receipts[0])
        letters.append(_letter(store, tables, sheet, submitted, sheet.correlation_id))
    return letters


def again(store: MemoryStore, tables: Tables, asked: Sequence[Submitted]) -> list[StoredDelivery]:
    """Return deliveries that send stored answers once more; a sheet with several of them goes out once."""
    letters: dict[tuple[object, ...], list[Submitted]] = {}
    for each in [each for each in asked if each.message_id in tables.answers]:
        sheet, submission_id = tables.answers[each.message_id]
        name = None if each.submission_id == submission_id else each.submission_id
        letters.setdefault((sheet.sheet_id, each.mailbox, each.sender, name), []).append(each)
    return [_letter_again(store, tables, together) for together in letters.values()]


def _letter_again(store: MemoryStore, tables: Tables, together: Sequence[Submitted]) -> StoredDelivery:
    first = together[0]
    sheet, _ = tables.answers[first.message_id]
    if any(each.message_id != first.message_id for each in together):
        return _letter(store, tables, sheet, None, str(sheet.sheet_id))
    return _letter(store, tables, sheet, first, first.submission_id)


def _letter(
    store: MemoryStore, tables: Tables, sheet: ReceiptSheet, submitted: Submitted | None, correlation_id: str
) -> StoredDelivery:
    """Enter and return a delivery that carries *sheet* to whom it is for."""
    delivery = StoredDelivery(
        delivery_id=DeliveryId(store.new_id()),
        submitted=submitted,
        kind=MessageKind.RECEIPT,
        mailbox=sheet.mailbox,
        sender=None,
        recipient=sheet.recipient,
        document_id=None if submitted is None else submitted.document_id,
        correlation_id=correlation_id,
        event=sheet.event,
        body=sheet.body,
    )
    tables.deliveries[delivery.delivery_id] = delivery
    return delivery


def _submitted(receipt: Receipt) -> Submitted:
    return Submitted(
        message_id=receipt.message_id,
        mailbox=receipt.mailbox,
        submission_id=receipt.submission_id,
        digest=receipt.digest,
        sender=receipt.sender,
        document_id=receipt.document_id,
    )


def owe(
    store: MemoryStore,
    tables: Tables,
    event: ReceiptEvent,
    groups: Sequence[Sequence[StoredDelivery]],
    *,
    failures: Mapping[DeliveryId, Failure] | None = None,
) -> list[Receipt]:
    """Return one unsigned receipt of *event* for each group, without what was told before."""
    owed = []
    for group in groups:
        still = [each for each in group if (each.delivery_id, event, each.episode) not in tables.subjects]
        tables.subjects |= {(each.delivery_id, event, each.episode) for each in still}
        if still:
            owed.append(_receipt_about(store, tables, event, still, failures or {}))
    return owed


def _receipt_about(
    store: MemoryStore,
    tables: Tables,
    event: ReceiptEvent,
    deliveries: Sequence[StoredDelivery],
    failures: Mapping[DeliveryId, Failure],
) -> Receipt:
    first = deliveries[0]
    failure = failures.get(first.delivery_id)
    if first.submitted is None:
        raise ValueError(f"delivery {first.delivery_id} carries receipts, and no receipt is about those")
    return first.submitted.receipt(
        event,
        receipt_id=ReceiptId(store.new_id()),
        at=store.clock.now(),
        subjects=[
            subject(each.recipient, each.delivery_id, lane_number=each.lane_number, attempt=each.attempt)
            for each in deliveries
        ],
        failure=None if failure is None else failure.kind,
        cause=None if failure is None else failure.cause,
        episode=first.episode,
        supersedes=tables.failures.get(first.delivery_id),
    )
