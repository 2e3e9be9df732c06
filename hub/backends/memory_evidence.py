"""Receipts in the twin: one for each delivery, event and episode, stored and sent as they were signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.backends.memory_store import MemoryStore, StoredDelivery, Tables
from hub.message.edxml import MessageKind
from hub.message.evidence import Submitted, subject
from hub.message.identifiers import AgencyKey, DeliveryId, ReceiptId
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
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
    for receipt, body in zip(receipts, await attest(receipts), strict=True):
        if receipt.event in ANSWERS:
            tables.answers[receipt.message_id] = (receipt.event, body)
        if receipt.event is ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE:
            tables.failures |= {
                each.delivery_id: receipt.receipt_id
                for each in receipt.subjects
                if each.delivery_id is not None
            }
        submitted = Submitted(
            message_id=receipt.message_id,
            mailbox=receipt.mailbox,
            submission_id=receipt.submission_id,
            digest=receipt.digest,
            sender=receipt.sender,
            document_id=receipt.document_id,
        )
        letters.append(letter(store, tables, submitted, receipt.event, body))
    return letters


def letter(
    store: MemoryStore, tables: Tables, submitted: Submitted, event: ReceiptEvent, body: bytes
) -> StoredDelivery:
    """Enter and return a delivery that carries the stored receipt *body* to who submitted *submitted*."""
    delivery = StoredDelivery(
        delivery_id=DeliveryId(store.new_id()),
        submitted=submitted,
        kind=MessageKind.RECEIPT,
        mailbox=submitted.mailbox,
        sender=None,
        recipient=submitted.sender or AgencyKey(submitted.mailbox),
        document_id=submitted.document_id,
        correlation_id=submitted.submission_id,
        event=event,
        body=body,
    )
    tables.deliveries[delivery.delivery_id] = delivery
    return delivery


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
