"""What leaves: rows of deliveries and of the outbox, in the transaction of whatever makes them leave."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.backends.postgres.claimant import Claimant
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.edxml import BusinessType, MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    SheetId,
)
from hub.message.outbox import OutboxEntry
from hub.message.receipt import ReceiptEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """One thing that is to go to one mailbox."""

    delivery_id: DeliveryId
    message_id: MessageId | None
    """None for a sheet of receipts about several messages."""
    kind: MessageKind
    mailbox: MailboxName
    sender: AgencyKey | None
    recipient: AgencyKey
    correlation_id: str
    body: bytes
    document_id: DocumentId | None = None
    sheet_id: SheetId | None = None
    event: ReceiptEvent | None = None
    business_type: BusinessType | None = None
    content_digest: Digest | None = None
    is_urgent: bool = False
    lane_number: int = 0
    expires_at: datetime | None = None

    def entry(self, entry_id: int) -> OutboxEntry:
        """Return the outbox entry of the first attempt."""
        return OutboxEntry(
            entry_id=entry_id,
            delivery_id=self.delivery_id,
            message_id=self.message_id,
            kind=self.kind,
            mailbox=self.mailbox,
            sender=self.sender,
            recipient=self.recipient,
            is_urgent=self.is_urgent,
            lane_number=self.lane_number,
            attempt=1,
            correlation_id=self.correlation_id,
            document_id=self.document_id,
            event=self.event,
            expires_at=self.expires_at,
            body=self.body,
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """Sender, recipient and urgency: what is accepted on one lane arrives in that order."""

    sender: AgencyKey
    recipient: AgencyKey
    is_urgent: bool


async def number(transaction: Transaction, lanes: Sequence[Lane]) -> list[int]:
    """Return the next number of each lane in *lanes*, one for each mention, in their order."""
    if not lanes:
        return []
    wanted = Counter(_lane_key(lane) for lane in lanes)
    rows = await transaction.fetch(
        statement("number_lanes"), *columns([(*key, count) for key, count in sorted(wanted.items())], 4)
    )
    following = {key: row["next_number"] - wanted[key] for row in rows for key in [tuple(row.values())[:3]]}
    numbers = []
    for lane in lanes:
        numbers.append(following[_lane_key(lane)])
        following[_lane_key(lane)] += 1
    return numbers


async def enter(transaction: Transaction, deliveries: Sequence[NewDelivery]) -> frozenset[DeliveryId]:
    """Insert *deliveries* and return those that are new; the others have the same content already."""
    if not deliveries:
        return frozenset()
    rows = await transaction.fetch(
        statement("insert_deliveries"), *columns([_delivery_row(each) for each in deliveries], 14)
    )
    return frozenset(DeliveryId(row["delivery_id"]) for row in rows)


async def close_gaps(
    transaction: Transaction, built: Sequence[NewDelivery], entered: frozenset[DeliveryId]
) -> list[NewDelivery]:
    """Give back the numbers of deliveries that were not entered, so that no recipient misses one.

    The lanes are locked since they were numbered: nobody has seen the later numbers yet.
    """
    unused: Counter[tuple[str, str, bool]] = Counter()
    closed = []
    for each in built:
        lane = (each.sender or "", each.recipient, each.is_urgent)
        unused[lane] += each.delivery_id not in entered
        closed.append(replace(each, lane_number=each.lane_number - unused[lane]))
    moved = [
        (new.delivery_id, new.lane_number)
        for new, old in zip(closed, built, strict=True)
        if new.lane_number != old.lane_number and new.delivery_id in entered
    ]
    if moved:
        await transaction.execute(statement("renumber_deliveries"), *columns(moved, 2))
    shorter = [(*lane, count) for lane, count in unused.items() if count]
    await transaction.execute(statement("shorten_lanes"), *columns(shorter, 4))
    return closed


async def promise(
    transaction: Transaction, deliveries: Sequence[NewDelivery], claimant: Claimant
) -> tuple[OutboxEntry, ...]:
    """Insert an outbox entry for each delivery, which was entered, and return those that may go out at once.

    Those are this process's own; the others wait as rows.
    """
    if not deliveries:
        return ()
    rows = await transaction.fetch(
        statement("insert_outbox_entries"),
        [each.delivery_id for each in deliveries],
        [len(each.body) for each in deliveries],
        claimant.number,
        claimant.lease,
    )
    handed_over = {row["delivery_id"]: row["entry_id"] for row in rows if row["is_handed_over"]}
    return tuple(
        each.entry(handed_over[each.delivery_id]) for each in deliveries if each.delivery_id in handed_over
    )


def _lane_key(lane: Lane) -> tuple[str, str, bool]:
    return (lane.sender, lane.recipient, lane.is_urgent)


def _delivery_row(each: NewDelivery) -> tuple[object, ...]:
    return (
        each.delivery_id,
        each.message_id,
        each.sheet_id,
        each.kind.value,
        each.mailbox,
        each.sender,
        each.recipient,
        each.document_id,
        each.business_type,
        each.content_digest,
        each.is_urgent,
        each.lane_number,
        each.correlation_id,
        each.expires_at,
    )
