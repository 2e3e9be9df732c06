"""What waits, counted when somebody asks: for metrics, not for decisions."""

from dataclasses import dataclass

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.message.breaker import BreakerState
from hub.message.identifiers import MailboxName


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxBacklog:
    """What waits in the outbox for one mailbox."""

    mailbox: MailboxName
    waiting: int
    oldest_seconds: float
    breaker: BreakerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for recipients, and what waits for operators."""

    mailboxes: tuple[MailboxBacklog, ...]
    open_cases: int
    invalid_messages: int


async def read_backlog(database: Database) -> Backlog:
    """Count what waits; raises `TemporaryFailure` where the database is away."""
    async with database.connection() as connection:
        rows = await connection.fetch(statement("read_backlog"))
        operators = await connection.fetchrow(statement("count_operator_work"))
    return Backlog(
        mailboxes=tuple(
            MailboxBacklog(
                mailbox=MailboxName(row["mailbox"]),
                waiting=row["waiting"],
                oldest_seconds=float(row["oldest_seconds"]),
                breaker=BreakerState(row["breaker"]),
            )
            for row in rows
        ),
        open_cases=operators["open_cases"] if operators else 0,
        invalid_messages=operators["invalid_messages"] if operators else 0,
    )
