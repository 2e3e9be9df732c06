"""What the database knows of messages, deliveries and receipts that others name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, Digest, MailboxName, MessageId, ReceiptId

T = TypeVar("T")
CHUNK: Final = 5000
"""Names in one question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as it stands in the database."""

    delivery_id: DeliveryId
    kind: MessageKind
    state: DeliveryState
    attempt: int
    submitted_by: MailboxName | None
    """None for receipts about several messages."""


async def known_receipts(connection: Transaction, names: Sequence[ReceiptId]) -> frozenset[ReceiptId]:
    """Return those of *names* that the database knows."""
    found: set[ReceiptId] = set()
    for part in _parts(names):
        rows = await connection.fetch(statement("recollect_receipts"), part)
        found |= {ReceiptId(row["receipt_id"]) for row in rows}
    return frozenset(found)


async def known_messages(connection: Transaction, names: Sequence[MessageId]) -> frozenset[MessageId]:
    """Return those of *names* that the database knows."""
    found: set[MessageId] = set()
    for part in _parts(names):
        rows = await connection.fetch(statement("recollect_messages"), part)
        found |= {MessageId(row["message_id"]) for row in rows}
    return frozenset(found)


async def known_submissions(
    connection: Transaction, submitted: Sequence[tuple[MailboxName, Digest]]
) -> dict[tuple[MailboxName, Digest], MessageId]:
    """Return which of *submitted* were accepted, and as which message."""
    found: dict[tuple[MailboxName, Digest], MessageId] = {}
    for part in _parts(submitted):
        rows = await connection.fetch(statement("recollect_submissions"), *columns(part, 2))
        found |= {
            (MailboxName(row["mailbox"]), Digest(row["digest"])): MessageId(row["message_id"]) for row in rows
        }
    return found


async def known_deliveries(
    connection: Transaction, names: Sequence[DeliveryId]
) -> dict[DeliveryId, StoredDelivery]:
    """Return those of *names* that the database knows, as they stand."""
    found: dict[DeliveryId, StoredDelivery] = {}
    for part in _parts(names):
        for row in await connection.fetch(statement("recollect_deliveries"), part):
            delivery_id = DeliveryId(row["delivery_id"])
            found[delivery_id] = StoredDelivery(
                delivery_id=delivery_id,
                kind=MessageKind(row["kind"]),
                state=DeliveryState(row["state"]),
                attempt=row["attempt"],
                submitted_by=row["submitted_by"],
            )
    return found


async def last_hold(connection: Transaction) -> datetime | None:
    """Return when hub processes were last kept out of this database."""
    found = await connection.fetchval(statement("find_last_hold"))
    return found if isinstance(found, datetime) else None


async def last_event_before(connection: Transaction, instant: datetime) -> datetime | None:
    """Return when the last thing happened that the database knows from before *instant*."""
    found = await connection.fetchval(statement("find_last_event"), instant)
    return found if isinstance(found, datetime) else None


async def have_lanes_jumped(connection: Transaction) -> bool:
    """Whether the lanes have jumped since the last restore."""
    since = await last_hold(connection) or datetime.min.replace(tzinfo=UTC)
    return bool(await connection.fetchval(statement("find_lane_jump"), since))


def _parts(names: Sequence[T]) -> Iterator[list[T]]:
    return (list(names[start : start + CHUNK]) for start in range(0, len(names), CHUNK))
