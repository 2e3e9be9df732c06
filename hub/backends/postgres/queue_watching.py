"""What is known of the mailboxes' queues, and what was lost out of them, for whoever looks next."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import MailboxName
from hub.message.queue_ledger import LossKind, QueueCount

WATCHERS_LOCK: Final = (0x7276, 4)
"""Advisory lock of the one who compares at a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedQueue:
    """The queue of one open mailbox, as far as it is known."""

    mailbox: MailboxName
    mark: str | None
    """What is bound to it, or shall be."""
    marked_at: datetime | None
    """Since when the mark has been seen."""
    empty_at: datetime | None
    """When it was last certain that nothing lay in it."""
    base: QueueCount | None
    """What the broker had counted when it was last at rest."""
    lost: LossKind | None
    """The loss that waits for an operator."""
    is_full: bool = False
    """Whether it is parked since its queue takes nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoss:
    """Deliveries that may have been lost out of a mailbox's queue."""

    loss_id: int
    mailbox: MailboxName
    kind: LossKind
    since: datetime | None
    """What was confirmed before was not in the queue any more; None where that is not known."""
    noticed_at: datetime
    deliveries: int
    """How many may have been lost."""
    ended_at: datetime | None
    ended_because: str | None
    ended_by: str | None


@asynccontextmanager
async def comparing(database: Database) -> AsyncIterator[Transaction | None]:
    """Open the transaction of the one who compares; None where another does at this moment."""
    async with database.transaction() as transaction:
        leads = await transaction.fetchval("select pg_try_advisory_xact_lock($1, $2)", *WATCHERS_LOCK)
        yield transaction if leads else None


async def read_watches(transaction: Transaction) -> tuple[WatchedQueue, ...]:
    """Return the queue of every open mailbox."""
    return tuple(_watched(row) for row in await transaction.fetch(statement("read_queue_watches")))


async def store_watches(transaction: Transaction, watches: Sequence[WatchedQueue]) -> None:
    """Keep what is known of *watches*; each has a mark."""
    rows: list[tuple[object, ...]] = [
        (each.mailbox, each.mark, each.marked_at, each.empty_at, *_base_row(each.base)) for each in watches
    ]
    if rows:
        await transaction.execute(statement("store_queue_watches"), *columns(rows, 9))


async def newest_event(database: Database) -> int:
    """Return the number of the newest event in the trail."""
    async with database.connection() as connection:
        return int(str(await connection.fetchval(statement("read_newest_event"))))


async def count_returns(transaction: Transaction, mailbox: MailboxName, *, behind: int) -> int:
    """Count what came back from *mailbox* behind the event *behind*: rather too much than too little."""
    return int(str(await transaction.fetchval(statement("count_returns_of_mailbox"), mailbox, behind)))


async def count_possibly_lost(
    transaction: Transaction, mailbox: MailboxName, *, after: datetime, until: datetime
) -> int:
    """Count what the broker confirmed for *mailbox* in that time and nobody has said a word of."""
    return int(str(await transaction.fetchval(statement("count_possibly_lost"), mailbox, after, until)))


async def open_loss(
    transaction: Transaction,
    mailbox: MailboxName,
    kind: LossKind,
    *,
    since: datetime | None,
    deliveries: int,
) -> None:
    """Keep that deliveries may have been lost; while a loss of the mailbox is open, it is the same one."""
    await transaction.execute(statement("open_queue_loss"), mailbox, kind.value, since, deliveries)


async def read_losses(
    transaction: Transaction, *, is_open: bool, mailbox: MailboxName | None = None, limit: int = 1000
) -> tuple[QueueLoss, ...]:
    """Return up to *limit* losses, the newest first."""
    rows = await transaction.fetch(statement("read_queue_losses"), is_open, mailbox, limit)
    return tuple(_loss(row) for row in rows)


async def end_loss(transaction: Transaction, mailbox: MailboxName, *, because: str, by: str | None) -> bool:
    """End the open loss of *mailbox*; returns whether there was one."""
    return await transaction.fetchval(statement("end_queue_loss"), mailbox, because, by) is not None


def _base_row(base: QueueCount | None) -> tuple[object, ...]:
    if base is None:
        return None, None, None, None, None
    return base.at, base.depth, base.published, base.taken, base.event_id


def _watched(row: asyncpg.Record) -> WatchedQueue:
    return WatchedQueue(
        mailbox=MailboxName(row["mailbox"]),
        mark=row["mark"],
        marked_at=row["marked_at"],
        empty_at=row["empty_at"],
        base=None
        if row["counted_at"] is None
        else QueueCount(
            at=row["counted_at"],
            depth=row["depth"],
            published=row["published"],
            taken=row["taken"],
            event_id=row["event_id"],
        ),
        lost=LossKind(row["lost"]) if row["lost"] is not None else None,
        is_full=row["is_full"],
    )


def _loss(row: asyncpg.Record) -> QueueLoss:
    return QueueLoss(
        loss_id=row["loss_id"],
        mailbox=MailboxName(row["mailbox"]),
        kind=LossKind(row["kind"]),
        since=row["since"],
        noticed_at=row["noticed_at"],
        deliveries=row["deliveries"],
        ended_at=row["ended_at"],
        ended_because=row["ended_because"],
        ended_by=row["ended_by"],
    )
