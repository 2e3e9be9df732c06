"""When the axis is at rest again: nothing waits, nothing lies in a queue, nobody has anything to say."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aio_pika
import asyncpg

from deploy.local.broker import PRODUCT_VHOST
from hub.commands.local_axis import LocalAxis
from hub.message import properties
from hub.message.identifiers import MailboxName
from tests.chaos.actor import Actor
from tests.chaos.cast import CAST, Office

_HUB_QUEUES: Final = (
    properties.INTAKE_QUEUE,
    properties.RETURNED_QUEUE,
    properties.INVALID_QUEUE,
    properties.DEAD_LETTER_QUEUE,
)
_WAITING: Final = {
    "outbox entries": "select count(*) from outbox_entries",
    "documents under way": (
        "select count(*) from deliveries where kind = 'document' and state in ('waiting', 'consigned')"
    ),
    "events without a seal": (
        "select count(*) from events where event_id > (select coalesce(max(event_id), 0) from event_seals)"
    ),
}
_JOURNALLED: Final = {
    "not yet submitted": "SELECT count(*) FROM outgoing WHERE state = 'journalled'",
    "undecided": "SELECT count(*) FROM outgoing WHERE state = 'confirmed' AND kind = 'document'",
    "in hand": "SELECT count(*) FROM incoming WHERE state IN ('received', 'handed_over')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrest:
    """What is still under way, and how much of it."""

    what: str
    count: int

    def __str__(self) -> str:
        return f"{self.what}: {self.count}"


async def unrest(axis: LocalAxis, folder: Path, offices: Sequence[Office] = CAST) -> tuple[Unrest, ...]:
    """Return all that is still under way; empty when everything has come to its end."""
    found = [*await _in_database(axis), *await _in_queues(axis, offices), *_in_journals(folder)]
    return tuple(each for each in found if each.count)


def starting(actors: Iterable[Actor]) -> tuple[Unrest, ...]:
    """Return who has not come to work yet: asked to end just then, it would die of the signal."""
    return tuple(Unrest(what=f"{actor.name} starts", count=1) for actor in actors if not actor.is_ready)


async def _in_database(axis: LocalAxis) -> list[Unrest]:
    connection = await asyncpg.connect(axis.dsn("postgres"))
    try:
        return [
            Unrest(what=what, count=int(await connection.fetchval(query))) for what, query in _WAITING.items()
        ]
    finally:
        await connection.close()


async def in_mailboxes(axis: LocalAxis, offices: Sequence[Office] = CAST) -> Mapping[MailboxName, int]:
    """Return what lies with the broker for each mailbox."""
    return {
        MailboxName(name.removeprefix("agency.")): count
        for name, count in (await _depths(axis, offices)).items()
        if name.startswith("agency.")
    }


async def _in_queues(axis: LocalAxis, offices: Sequence[Office]) -> list[Unrest]:
    return [Unrest(what=f"in {name}", count=count) for name, count in (await _depths(axis, offices)).items()]


async def _depths(axis: LocalAxis, offices: Sequence[Office]) -> dict[str, int]:
    """Look passively: a look that takes a message counts as a delivery of it."""
    address = axis.address
    connection = await aio_pika.connect(
        host=address.amqp_host,
        port=address.amqp_port,
        login=address.broker_admin,
        password=address.broker_admin_password,
        virtualhost=PRODUCT_VHOST,
    )
    async with connection:
        channel = await connection.channel()
        names = [*_HUB_QUEUES, *(f"agency.{office.code}" for office in offices)]
        queues = [await channel.declare_queue(name, passive=True) for name in names]
        return {queue.name: queue.declaration_result.message_count or 0 for queue in queues}


def _in_journals(folder: Path) -> list[Unrest]:
    return [
        Unrest(what=f"{what} at {journal.parent.name}", count=_count(journal, query))
        for journal in sorted(folder.glob("*/journal.db"))
        for what, query in _JOURNALLED.items()
    ]


def _count(journal: Path, query: str) -> int:
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute(query).fetchone()[0])
    return 1  # it cannot be read just now, so nobody knows
