"""What goes on at present: counted for people who look, not for decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.message.identifiers import MailboxName

WINDOW: Final = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What happened to documents in one minute."""

    at: datetime
    arrived: int = 0
    """Accepted and refused together."""
    refused: int = 0
    consigned: int = 0
    """Deliveries that came to lie in recipients' queues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingMailbox:
    """A mailbox that gets nothing, or little, at present."""

    mailbox: MailboxName
    agency: str
    breaker: str
    failures: int
    failing_since: datetime | None
    parked_since: datetime | None
    parked_until: datetime | None
    parked_because: str | None
    drain_allowance: int | None
    waiting: int


async def count_traffic(database: Database, now: datetime) -> tuple[Minute, ...]:
    """Return each of the last `WINDOW`'s minutes, the oldest first, also those in which nothing happened."""
    first = now.replace(second=0, microsecond=0) - WINDOW + timedelta(minutes=1)
    async with database.connection() as connection:
        rows = await connection.fetch(statement("count_traffic"), first)
    found = {
        row["minute"]: Minute(
            at=row["minute"], arrived=row["arrived"], refused=row["refused"], consigned=row["consigned"]
        )
        for row in rows
    }
    minutes = (first + timedelta(minutes=each) for each in range(WINDOW // timedelta(minutes=1)))
    return tuple(found.get(each, Minute(at=each)) for each in minutes)


async def read_failing_mailboxes(database: Database) -> tuple[FailingMailbox, ...]:
    """Return the open mailboxes that are parked, probed or drained, those that fail longest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(statement("read_failing_mailboxes"))
    return tuple(FailingMailbox(**row) for row in rows)
