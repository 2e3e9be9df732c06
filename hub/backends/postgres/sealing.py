"""Seals the event trail: one session at a time chains what is committed and can no longer change its place.

Events get their numbers from a sequence and become visible in another order. A number is settled when the
transaction that took it is over. Whoever inserts an event locks the table (ROW EXCLUSIVE) before the sequence
gives the number, and holds both locks to the end: so every number up to the one that was the highest before a
look at the locks is settled as soon as nobody who was seen there is left. Sealing goes no further than that,
so events are sealed in the order of their numbers and none can appear between them afterwards.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import asyncpg

from hub.backends.postgres.pool import PROBE_SECONDS, translated
from hub.backends.postgres.primary import AWAY, PROBE, Primary
from hub.backends.postgres.statements import statement
from hub.crash import crash_point

SEALERS_LOCK: Final = (0x7276, 0)
"""Advisory lock of the one sealer."""
BATCH: Final = 2000
"""Events of one statement, which is one commit: some tens of milliseconds."""
_SESSION: Final = {
    "application_name": "truc sealer",
    "timezone": "UTC",
    "statement_timeout": "30s",
    # A machine that is gone holds the lock no longer than this.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What one statement has sealed."""

    count: int
    position: int
    """Of the last event: as many are sealed in all."""
    event_id: int
    link: bytes

    @property
    def is_full(self) -> bool:
        """Whether the statement sealed as many as it may: more may be waiting."""
        return self.count >= BATCH


class SealingSession:
    """The connection that holds the sealer's lock; what it knows about others ends with it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Seal over *connection*; `leading` makes one."""
        self._connection = connection
        self._horizon = 0
        self._next_horizon = 0
        self._awaited: frozenset[str] = frozenset()
        self._probed_at = asyncio.get_running_loop().time()

    async def lead(self) -> bool:
        """Become the one sealer, unless another is; for as long as the connection lasts."""
        with translated():
            return bool(await self._connection.fetchval(statement("try_sealers_lock"), *SEALERS_LOCK))

    @property
    def is_waiting(self) -> bool:
        """Whether somebody who was seen writing has to end before more can be sealed."""
        return bool(self._awaited)

    async def seal(self) -> Sealed | None:
        """Seal up to `BATCH` events that are settled; None where there are none.

        A crash leaves all of it or nothing. Raises `TemporaryFailure` where the database is away,
        `StorageRefused` where somebody else has sealed too.
        """
        with translated():
            await self._look()
            async with self._connection.transaction():
                row = await self._connection.fetchrow(statement("seal_events"), self._horizon, BATCH)
                if row is None:
                    await self._probe()
                    return None
                crash_point("audit.inside_seal")
        crash_point("audit.after_seal")
        return Sealed(
            count=row["sealed"], position=row["position"], event_id=row["event_id"], link=row["link"]
        )

    async def _probe(self) -> None:
        """Commit something now and then: a server that has been replaced does not notice it by reading."""
        now = asyncio.get_running_loop().time()
        if now - self._probed_at > PROBE_SECONDS:
            self._probed_at = now
            await self._connection.execute(PROBE)

    async def _look(self) -> None:
        """Move the horizon. The number is read before the locks: who takes one later is of no concern."""
        highest = int(str(await self._connection.fetchval(statement("read_allocated_event"))))
        rows = await self._connection.fetch(statement("read_event_writers"))
        writing = frozenset(row["virtualtransaction"] for row in rows)
        self._awaited &= writing
        if not self._awaited:
            self._horizon = self._next_horizon
            self._next_horizon, self._awaited = highest, writing
        if not self._awaited:
            self._horizon = self._next_horizon


@asynccontextmanager
async def sealing_session(primary: Primary) -> AsyncIterator[SealingSession]:
    """Connect to the database as the sealer; the lock belongs to this session, as all that it seals.

    Who has lost the one cannot do the other. Raises `TemporaryFailure` where the database is away.
    """
    with translated():
        connection = await primary.connect(timeout=10, command_timeout=30, server_settings=_SESSION)
    try:
        yield SealingSession(connection)
    except BaseException:
        primary.forget()
        raise
    finally:
        with suppress(*AWAY):
            await connection.close(timeout=2)
