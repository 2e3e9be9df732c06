"""Messages that nobody vouches for: looked at, never believed."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hub.backends.postgres.pool import Database
from hub.backends.postgres.statements import statement
from hub.errors import NothingFound
from hub.message.identifiers import Digest

PREVIEWED: Final = 4096
"""Octets of a message that are shown."""
MOST: Final = 200
_CONTROL_PICTURES: Final = 0x2400
_KEPT: Final = frozenset("\n\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidMessage:
    """An invalid message without its bytes."""

    invalid_id: int
    queue: str
    digest: Digest
    octets: int
    beginning: bytes = field(repr=False)
    """At most the first `PREVIEWED` octets; nothing in a list."""
    claimed_by: str | None
    reason: str
    arrived_at: datetime
    times: int

    @property
    def preview(self) -> str:
        """The beginning as harmless text: what acts on a terminal or turns a line around is made visible."""
        return "".join(_visible(each) for each in self.beginning.decode("utf-8", errors="replace"))


async def list_messages(
    database: Database, *, reason: str | None = None, older_than: int | None = None, limit: int = 50
) -> tuple[InvalidMessage, ...]:
    """Return up to *limit* invalid messages, the newest first."""
    return await _read(database, older_than=older_than, reason=reason, limit=min(limit, MOST))


async def show(database: Database, invalid_id: int) -> InvalidMessage:
    """Return one, with its beginning; raises `NothingFound` where there is none."""
    found = await _read(database, invalid_id=invalid_id, octets=PREVIEWED, limit=1)
    if not found:
        raise NothingFound(f"there is no invalid message {invalid_id}")
    return found[0]


async def exact_bytes(database: Database, invalid_id: int) -> bytes:
    """Return the bytes as they came; raises `NothingFound` where there is no such message."""
    async with database.connection() as connection:
        row = await connection.fetchrow(statement("read_invalid_body"), invalid_id)
    if row is None:
        raise NothingFound(f"there is no invalid message {invalid_id}")
    return bytes(row["body"])


async def _read(
    database: Database,
    *,
    invalid_id: int | None = None,
    older_than: int | None = None,
    reason: str | None = None,
    octets: int = 0,
    limit: int,
) -> tuple[InvalidMessage, ...]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            statement("list_invalid_messages"), invalid_id, older_than, reason, octets, limit
        )
    return tuple(InvalidMessage(**row) for row in rows)


def _visible(character: str) -> str:
    """Show control characters as their pictures, and what is invisible by its number."""
    category = unicodedata.category(character)
    if character in _KEPT or category not in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}:
        return character
    if category == "Cc" and ord(character) < ord(" "):
        return chr(_CONTROL_PICTURES + ord(character))
    return f"⟨U+{ord(character):04X}⟩"
