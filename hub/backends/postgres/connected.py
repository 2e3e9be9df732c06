"""Who is connected, read for people who keep an eye on them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.message.identifiers import AgencyKey, MailboxName

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedMailbox:
    """A mailbox, its agency, and what waits for it in the database."""

    mailbox: MailboxName
    agency: AgencyKey
    name: str
    kind: str
    connected_at: datetime
    closed_at: datetime | None
    breaker: str
    failing_since: datetime | None
    parked_since: datetime | None
    parked_until: datetime | None
    parked_because: str | None
    seen_at: datetime | None
    """When it last sent anything, refused messages too; None where it never did."""
    waiting: int
    """Deliveries that are not in its queue yet."""
    oldest_waiting: datetime | None
    mandates: tuple[AgencyKey, ...]
    """For whom it speaks and receives, with everything below."""
    certified_until: datetime | None
    """How long the last of the agency's own certificates is good; None where none is."""

    def days_certified(self, now: datetime) -> int | None:
        """Return how many whole days are left of `certified_until`."""
        return (self.certified_until - now) // _DAY if self.certified_until is not None else None


async def read_connected(database: Database) -> tuple[ConnectedMailbox, ...]:
    """Return every mailbox: those that fail or are parked first, closed ones last."""
    async with database.connection() as connection:
        rows = await connection.fetch(statement("read_connected"))
    return tuple(ConnectedMailbox(**{**row, "mandates": tuple(row["mandates"])}) for row in rows)
