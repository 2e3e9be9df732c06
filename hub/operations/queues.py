"""What waits for whom: rows that are not published yet, and what lies in the mailboxes' queues."""

from dataclasses import dataclass
from datetime import datetime

from hub.backends.postgres import register
from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.backends.rabbitmq.depths import queue_depths
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.message.identifiers import MailboxName


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxQueue:
    """One mailbox; what the broker has not counted yet is None."""

    mailbox: MailboxName
    waiting: int
    """Rows that are not published yet: fresh, between attempts, or parked."""
    oldest_waiting_since: datetime | None
    ready: int | None
    unacknowledged: int | None
    consumers: int | None
    parked_until: datetime | None
    parked_because: str | None
    breaker: str
    """`closed` where all is well; else it is `open`, `half_open` (probed) or `draining`."""
    is_closed: bool


async def mailbox_queues(database: Database, address: ManagementAddress) -> tuple[MailboxQueue, ...]:
    """Return every mailbox with what waits for it."""
    async with database.connection() as connection:
        mailboxes = await register.read_mailboxes(connection)
        waiting = {
            row["mailbox"]: row for row in await connection.fetch(statement("count_waiting_by_mailbox"))
        }
    async with ManagementApi(address) as api:
        depths = await queue_depths(api, [each.name for each in mailboxes])
    found = []
    for each in mailboxes:
        rows, depth = waiting.get(each.name), depths[each.name]
        found.append(
            MailboxQueue(
                mailbox=each.name,
                waiting=rows["waiting"] if rows is not None else 0,
                oldest_waiting_since=rows["oldest"] if rows is not None else None,
                ready=depth.ready if depth is not None else None,
                unacknowledged=depth.unsettled if depth is not None else None,
                consumers=depth.consumers if depth is not None else None,
                parked_until=each.parked_until,
                parked_because=each.parked_because,
                breaker=each.breaker,
                is_closed=each.closed_at is not None,
            )
        )
    return tuple(found)
