"""Keeps time stamps over receipt sheets: one session at a time looks for sheets without one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from hub.backends.postgres.pool import translated
from hub.backends.postgres.primary import AWAY, Primary
from hub.backends.postgres.statements import statement
from hub.message.identifiers import SheetId, named_at

STAMPERS_LOCK: Final = (0x7276, 1)
"""Advisory lock of the one who has sheets stamped."""
FIRST: Final = SheetId(UUID(int=0))
_SESSION: Final = {
    "application_name": "truc time stamps",
    "timezone": "UTC",
    "statement_timeout": "60s",
    # A machine that is gone holds the lock no longer than this.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A receipt sheet that has no time stamp yet."""

    sheet_id: SheetId
    digest: bytes
    """SHA-256 of its signed octets."""

    @property
    def made_at(self) -> datetime:
        """When its name was given, to the millisecond (UUIDv7)."""
        return named_at(self.sheet_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStamp:
    """A time stamp with what it is for."""

    at: datetime
    authority: str
    manifest: bytes
    token: bytes


class StampingSession:
    """The connection that holds the lock: who has lost the one cannot keep a stamp with the other."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Work over *connection*; `stamping_session` makes one."""
        self._connection = connection

    async def lead(self) -> bool:
        """Become the one who has sheets stamped, unless another is; for as long as the connection lasts."""
        with translated():
            return bool(await self._connection.fetchval(statement("try_sealers_lock"), *STAMPERS_LOCK))

    async def unstamped(self, after: SheetId, *, limit: int) -> tuple[Sheet, ...]:
        """Return up to *limit* sheets behind *after* that have no stamp, the oldest first."""
        with translated():
            rows = await self._connection.fetch(statement("read_unstamped_sheets"), after, limit)
        return tuple(Sheet(sheet_id=SheetId(row["sheet_id"]), digest=row["digest"]) for row in rows)

    async def keep(self, stamp: KeptStamp, sheets: Sequence[SheetId]) -> None:
        """Append *stamp* and what it is for, all of it or nothing; nothing is stamped twice."""
        with translated():
            await self._connection.execute(
                statement("keep_time_stamp"),
                stamp.at,
                stamp.authority,
                stamp.manifest,
                stamp.token,
                list(sheets),
            )


@asynccontextmanager
async def stamping_session(primary: Primary) -> AsyncIterator[StampingSession]:
    """Connect for as long as the block lasts; raises `TemporaryFailure` where the database is away."""
    with translated():
        connection = await primary.connect(timeout=10, command_timeout=90, server_settings=_SESSION)
    try:
        yield StampingSession(connection)
    except BaseException:
        primary.forget()
        raise
    finally:
        with suppress(*AWAY):
            await connection.close(timeout=2)
