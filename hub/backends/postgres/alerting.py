"""Alerts and what is told about them: rows, so that a restart forgets nothing and tells nothing twice."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.alert import AlertKind, Incident, Moment
from hub.message.alert_text import Notice
from hub.message.identifiers import AgencyKey

WATCHERS_LOCK: Final = (0x7276, 3)
"""Advisory lock of the one who looks for incidents at a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """An incident that is known."""

    alert_id: int
    key: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAlert:
    """An alert as it is listed."""

    alert_id: int
    kind: AlertKind
    subject: str
    opened_at: datetime
    closed_at: datetime | None
    detail: dict[str, object]
    notices: tuple[dict[str, object], ...]
    """Each with `moment`, `channel`, `sent_at`, `attempts` and `last_error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRisk:
    """Documents that fall due and that their recipient has not acknowledged."""

    recipient: AgencyKey
    name: str | None
    documents: int
    earliest: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentTrouble:
    """What came up lately; never more than 10,000 of each are counted."""

    invalid_messages: int
    cases: int


@asynccontextmanager
async def watching(database: Database) -> AsyncIterator[Transaction | None]:
    """Open the transaction of the one who looks; None where another looks at this moment."""
    async with database.transaction() as transaction:
        leads = await transaction.fetchval("select pg_try_advisory_xact_lock($1, $2)", *WATCHERS_LOCK)
        yield transaction if leads else None


async def read_open(transaction: Transaction) -> tuple[OpenAlert, ...]:
    """Return the incidents that are known and not over."""
    return tuple(
        OpenAlert(alert_id=row["alert_id"], key=(row["kind"], row["subject"]))
        for row in await transaction.fetch(statement("read_open_alerts"))
    )


async def open_alerts(
    transaction: Transaction, incidents: Sequence[Incident], channels: Sequence[str]
) -> None:
    """Keep *incidents*, and promise to tell each that is new on every channel."""
    rows: list[tuple[object, ...]] = [(each.kind.value, each.subject, each.detail) for each in incidents]
    await transaction.execute(statement("open_alerts"), *columns(rows, 3), list(channels))


async def close_alerts(transaction: Transaction, alerts: Sequence[int], channels: Sequence[str]) -> None:
    """End *alerts*, and promise to tell of each end."""
    await transaction.execute(statement("close_alerts"), list(alerts), list(channels))


async def enter_test(transaction: Transaction, operator: str, channels: Sequence[str]) -> int | None:
    """Promise to tell a test on every channel; None while an earlier one of *operator* is not over."""
    number = await transaction.fetchval(statement("enter_test_alert"), operator, list(channels))
    return int(str(number)) if number is not None else None


async def claim_notices(transaction: Transaction, channel: str, *, limit: int) -> tuple[Notice, ...]:
    """Lock up to *limit* notices that are due on *channel*, the oldest first."""
    return tuple(
        Notice(
            notice_id=row["notice_id"],
            alert_id=row["alert_id"],
            moment=Moment(row["moment"]),
            kind=AlertKind(row["kind"]),
            subject=row["subject"],
            detail=row["detail"] or {},
            opened_at=row["opened_at"],
            closed_at=row["closed_at"],
            attempts=row["attempts"],
        )
        for row in await transaction.fetch(statement("claim_alert_notices"), channel, limit)
    )


async def settle_notices(
    transaction: Transaction, notices: Sequence[Notice], *, trouble: str | None, again_at: datetime
) -> None:
    """Note that *notices* were sent, or what went wrong and when to try again."""
    numbers = [each.notice_id for each in notices]
    await transaction.execute(statement("settle_alert_notices"), numbers, trouble, again_at)


async def count_recent_trouble(transaction: Transaction, since: datetime) -> RecentTrouble:
    """Count what came up since then."""
    row = await transaction.fetchrow(statement("count_recent_trouble"), since)
    if row is None:
        raise AssertionError("two counts are one row")
    return RecentTrouble(**row)


async def count_deadlines_at_risk(
    transaction: Transaction, last_day: date, since: datetime
) -> tuple[AtRisk, ...]:
    """Count, by recipient, what is due on *last_day* or the day before and is not acknowledged."""
    rows = await transaction.fetch(statement("count_deadlines_at_risk"), last_day, since)
    return tuple(AtRisk(**row) for row in rows)


async def read_alerts(
    database: Database, *, is_open: bool = False, limit: int = 100, alert_id: int | None = None
) -> tuple[KnownAlert, ...]:
    """Return up to *limit* alerts, the newest first, or the one with *alert_id*."""
    async with database.connection() as connection:
        rows = await connection.fetch(statement("list_alerts"), is_open, limit, alert_id)
    return tuple(
        KnownAlert(
            alert_id=row["alert_id"],
            kind=AlertKind(row["kind"]),
            subject=row["subject"],
            opened_at=row["opened_at"],
            closed_at=row["closed_at"],
            detail=row["detail"] or {},
            notices=tuple(row["notices"] or ()),
        )
        for row in rows
    )
