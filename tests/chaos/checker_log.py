"""The audit log as it lies there, and what was said of it: by hubs while they sealed, by `truc audit verify`.

Rows are read as COPY BINARY writes them and hashed by the checker's own lines, from the words of decision
0011: neither the database's functions nor the hub's are asked whether the chain holds.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from hub.backends.postgres.pool import Database
from hub.message.identifiers import DeliveryId, MessageId
from hub.operations.audit import verify_log

GENESIS: Final = bytes(32)
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_END: Final = b"\xff\xff"
_EVENTS: Final = """
    select event_id, at, name, message_id, delivery_id, detail::text from events order by event_id"""
_SEALS: Final = "select position, event_id, link from event_seals order by position"
_SEALED: Final = "audit.sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One event."""

    event_id: int
    name: str
    message_id: MessageId | None
    delivery_id: DeliveryId | None
    form: bytes
    """Its canonical form: each field with its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A place in the chain, and the event that has it."""

    position: int
    event_id: int
    link: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `truc audit verify` says."""

    holds: bool
    sealed: int
    told: tuple[str, ...] = ()
    """What it found wrong, in its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLog:
    """Everything that is known about the log."""

    rows: tuple[LogRow, ...] = ()
    """In the order of their numbers."""
    seals: tuple[Seal, ...] = ()
    """In the order of their positions."""
    heads: Mapping[int, bytes] = field(default_factory=dict)
    """Links by their positions, as hubs told them when they had just sealed so far."""
    verified: Verified | None = None
    is_shared: bool = False
    """Whether events of others, who are not judged, stand in it as well."""


def link_after(before: bytes, form: bytes) -> bytes:
    """Return the link of an event in its canonical *form* that follows the link *before*."""
    return sha256(b"\x02" + before + sha256(b"\x00" + form).digest()).digest()


def sealed(rows: Sequence[LogRow]) -> tuple[Seal, ...]:
    """Return the seals that a correct sealer gives to *rows*."""
    links = list(accumulate(rows, lambda before, row: link_after(before, row.form), initial=GENESIS))[1:]
    return tuple(
        Seal(position=position, event_id=row.event_id, link=link)
        for position, (row, link) in enumerate(zip(rows, links, strict=True), start=1)
    )


async def read_log(connection: asyncpg.Connection) -> SeenLog:
    """Return the log as the transaction of *connection* sees it."""
    copied = BytesIO()
    await connection.copy_from_query(_EVENTS, output=copied, format="binary")
    seals = await connection.fetch(_SEALS)
    return SeenLog(
        rows=tuple(_rows(copied.getvalue())), seals=tuple(Seal(**dict(each.items())) for each in seals)
    )


async def verify(operator_dsn: str, heads: Mapping[int, bytes]) -> Verified:
    """Do what `truc audit verify --head …` does."""
    database = await Database.open(operator_dsn, name="checker", size=1)
    try:
        found = await verify_log(database, heads=heads)
    finally:
        await database.close()
    told = tuple(f"{each.damage} at {each.position}, event {each.event_id}" for each in found.broken)
    return Verified(holds=found.holds, sealed=found.state.sealed, told=told)


def told_heads(logs: Iterable[Path]) -> Mapping[int, bytes]:
    """Return the heads that hubs wrote into their *logs*."""
    lines = (line for log in logs for line in log.read_text("utf-8", "replace").splitlines())
    told = (_parsed(line) for line in lines if _SEALED in line)
    return {int(str(each["position"])): bytes.fromhex(str(each["link"])) for each in told if each}


def _parsed(line: str) -> Mapping[str, object]:
    """Read a line, or nothing where its process was killed in the middle of it."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) and found.get("event") == _SEALED else {}


def _rows(copied: bytes) -> Iterator[LogRow]:
    """Take apart what COPY BINARY wrote: a header, then the number of fields and the fields of each row."""
    begin = len(_SIGNATURE) + 8
    if not copied.startswith(_SIGNATURE):
        raise ValueError("this is not what COPY BINARY writes")
    while copied[begin : begin + 2] != _END:
        fields, end = _fields(copied, begin + 2, int.from_bytes(copied[begin : begin + 2]))
        number, _, name, message_id, delivery_id, _ = fields
        yield LogRow(
            event_id=int.from_bytes(number or b"", signed=True),
            name=(name or b"").decode(),
            message_id=MessageId(UUID(bytes=message_id)) if message_id is not None else None,
            delivery_id=DeliveryId(UUID(bytes=delivery_id)) if delivery_id is not None else None,
            form=copied[begin + 2 : end],
        )
        begin = end


def _fields(copied: bytes, at: int, count: int) -> tuple[list[bytes | None], int]:
    """Return *count* fields from *at* on, and where they end."""
    fields: list[bytes | None] = []
    for _ in range(count):
        length = int.from_bytes(copied[at : at + 4], signed=True)
        at += 4
        fields.append(None if length < 0 else copied[at : at + length])
        at += max(length, 0)
    return fields, at
