"""What operators did, as it was recorded: for whoever has to answer for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.message.identifiers import DeliveryId

MOST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFilter:
    """Which acts are meant; what is not set does not narrow."""

    operator: str | None = None
    action: str | None = None
    """How the act's name begins: `account` for all acts on accounts."""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAction:
    """One act of an operator."""

    action_id: int
    at: datetime
    operator: str
    action: str
    case_id: int | None
    delivery_id: DeliveryId | None
    reason: str | None
    detail: dict[str, object] | None


async def list_actions(
    database: Database, wanted: ActionFilter, *, older_than: int | None = None, limit: int = 50
) -> tuple[RecordedAction, ...]:
    """Return up to *limit* of the acts that *wanted* describes, the newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            statement("list_operator_actions"),
            wanted.operator,
            wanted.action,
            wanted.since,
            wanted.until,
            older_than,
            min(limit, MOST),
        )
    return tuple(RecordedAction(**row) for row in rows)
