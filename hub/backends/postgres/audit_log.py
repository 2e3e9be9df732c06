"""Reads the audit log: events beside their seals, as they lie there and not as the database judges them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import statement

BATCH: Final = 5000
LOWEST: Final = -(2**63)
"""Of all numbers that fit: nothing hides below the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """How far the log is sealed."""

    sealed: int
    event_id: int
    """The last that is sealed; 0 where none is."""
    link: bytes | None
    lag_seconds: float
    """Age of the oldest event that waits for its seal; 0 where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event, its seal, or one of them where the other is missing."""

    event_id: int
    fields: tuple[bytes | None, ...] | None
    """Those of the canonical form, in its order; None where the event is missing."""
    position: int | None
    link: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """What waits for its seal."""

    count: int
    oldest_at: datetime | None


async def read_log_state(database: Database) -> LogState:
    """Ask how far the log is sealed; raises `TemporaryFailure` where the database is away."""
    async with database.connection() as connection:
        row = await connection.fetchrow(statement("read_log_state"))
    if row is None:
        raise AssertionError("a left join of one row gives one row")
    return LogState(**row)


async def read_log(
    connection: Transaction, *, start: int, up_to: int, limit: int = BATCH
) -> tuple[Sequence[LoggedEvent], int]:
    """Return what lies from the event id *start* to *up_to*, in order, and how far that is all.

    Of either side at most *limit* are read; beyond the last that both have reached nothing is returned.
    """
    rows = await connection.fetch(statement("read_audit_log"), start, up_to, limit)
    reached = int(rows[0]["reached"]) if rows else up_to
    return [_logged(row) for row in rows if row["event_id"] <= reached], reached


async def count_unsealed(connection: Transaction, after: int) -> Unsealed:
    """Count the events behind *after*, the last that is sealed."""
    (row,) = await connection.fetch(statement("count_unsealed_events"), after)
    return Unsealed(count=row["count"], oldest_at=row["oldest_at"])


async def read_restores(connection: Transaction) -> list[tuple[datetime, str, dict[str, object]]]:
    """Return when this database was put back to an earlier instant, and by whom, in order."""
    rows = await connection.fetch(statement("read_restores"))
    return [(row["at"], row["operator"], row["detail"] or {}) for row in rows]


def _logged(row: asyncpg.Record) -> LoggedEvent:
    # The order of the columns is that of the statement: taking a slice costs a fifth of ten lookups by name.
    _, event_id, position, link, *fields = row
    return LoggedEvent(
        event_id=event_id,
        fields=None if fields[0] is None else tuple(fields),
        position=position,
        link=link,
    )
