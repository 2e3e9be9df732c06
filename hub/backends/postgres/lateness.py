"""Deliveries that are late, read from where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import PLANNED_ANEW, statement
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, MailboxName, MessageId, document_code
from hub.message.lateness import Lateness, Today


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFilter:
    """Which late deliveries are meant; what is not set does not narrow."""

    since: datetime
    """Accepted since then; what is older is not looked for."""
    recipient: AgencyKey | None = None
    lateness: Lateness | None = None
    visible_to: tuple[AgencyKey, ...] | None = None
    """Only what these agencies have sent or receive; None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDelivery:
    """One document that is late at one recipient."""

    delivery_id: DeliveryId
    message_id: MessageId
    lateness: Lateness
    mailbox: MailboxName
    sender: AgencyKey
    recipient: AgencyKey
    state: DeliveryState
    document_id: DocumentId | None
    document_code: str | None
    subject: str | None
    due_on: date | None
    created_at: datetime
    consigned_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LateCount:
    """How many deliveries are late at one recipient, for one reason."""

    recipient: AgencyKey
    name: str | None
    lateness: Lateness
    deliveries: int
    oldest: datetime
    """When the oldest of them was accepted."""


async def find_late(
    database: Database, wanted: LateFilter, today: Today, *, behind: DeliveryId | None = None, limit: int
) -> tuple[LateDelivery, ...]:
    """Return up to *limit* of the late deliveries that *wanted* describes, the oldest first."""
    values = (
        wanted.since,
        today.began_at,
        today.date,
        wanted.recipient,
        wanted.lateness.value if wanted.lateness is not None else None,
        list(wanted.visible_to) if wanted.visible_to is not None else None,
        behind,
        limit,
    )
    return tuple(_late(row) for row in await _planned_anew(database, "find_late_deliveries", values))


async def count_late(
    database: Database, since: datetime, today: Today, visible_to: Sequence[AgencyKey] | None
) -> tuple[LateCount, ...]:
    """Count what is late, by recipient and reason."""
    agencies = list(visible_to) if visible_to is not None else None
    rows = await _planned_anew(
        database, "count_late_deliveries", (since, today.began_at, today.date, agencies)
    )
    return tuple(
        LateCount(
            recipient=AgencyKey(row["recipient"]),
            name=row["name"],
            lateness=Lateness(row["lateness"]),
            deliveries=row["deliveries"],
            oldest=row["oldest"],
        )
        for row in rows
    )


async def _planned_anew(database: Database, act: str, values: tuple[object, ...]) -> Sequence[asyncpg.Record]:
    """Run *act* with a plan for just these values: what is not asked for falls away."""
    async with database.transaction() as transaction:
        await transaction.execute(PLANNED_ANEW)
        return await transaction.fetch(statement(act), *values)


def _late(row: asyncpg.Record) -> LateDelivery:
    return LateDelivery(
        delivery_id=DeliveryId(row["delivery_id"]),
        message_id=MessageId(row["message_id"]),
        lateness=Lateness(row["lateness"]),
        mailbox=MailboxName(row["mailbox"]),
        sender=AgencyKey(row["sender"]),
        recipient=AgencyKey(row["recipient"]),
        state=DeliveryState(row["state"]),
        document_id=row["document_id"],
        document_code=document_code(row["code_number"], row["code_notation"]),
        subject=row["subject"],
        due_on=row["due_on"],
        created_at=row["created_at"],
        consigned_at=row["consigned_at"],
        acknowledged_at=row["acknowledged_at"],
    )
