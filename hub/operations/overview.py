"""How the axis is at this moment: what an operator looks at first."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.backends.postgres.audit_log import read_log_state
from hub.backends.postgres.gauges import Backlog, MailboxBacklog, read_backlog
from hub.backends.postgres.pool import Database
from hub.backends.postgres.traffic import FailingMailbox, Minute, count_traffic, read_failing_mailboxes
from hub.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One look at the axis."""

    at: datetime
    minutes: tuple[Minute, ...]
    """The last hour, the oldest minute first; the last one is not over yet."""
    waiting: int
    """Deliveries that the broker has not confirmed in a queue yet."""
    oldest_waiting: MailboxBacklog | None
    """The mailbox for which one has been waiting longest."""
    failing: tuple[FailingMailbox, ...]
    open_cases: int
    invalid_messages: int
    unsealed_for: timedelta
    """Age of the oldest event that is not in the audit log's chain yet."""

    @property
    def arrived_per_minute(self) -> float:
        """Documents per minute over the last five whole minutes."""
        return sum(each.arrived for each in self.minutes[-6:-1]) / 5

    @property
    def consigned_per_minute(self) -> float:
        """Deliveries per minute over the last five whole minutes."""
        return sum(each.consigned for each in self.minutes[-6:-1]) / 5


async def look(database: Database, clock: Clock) -> Overview:
    """Return how the axis is now; raises `TemporaryFailure` where the database is away."""
    now = clock.now()
    minutes, backlog, failing, log = await asyncio.gather(
        count_traffic(database, now),
        read_backlog(database),
        read_failing_mailboxes(database),
        read_log_state(database),
    )
    return Overview(
        at=now,
        minutes=minutes,
        waiting=sum(each.waiting for each in backlog.mailboxes),
        oldest_waiting=_oldest(backlog),
        failing=failing,
        open_cases=backlog.open_cases,
        invalid_messages=backlog.invalid_messages,
        unsealed_for=timedelta(seconds=log.lag_seconds),
    )


def _oldest(backlog: Backlog) -> MailboxBacklog | None:
    waiting = [each for each in backlog.mailboxes if each.waiting]
    return max(waiting, key=lambda each: each.oldest_seconds, default=None)
