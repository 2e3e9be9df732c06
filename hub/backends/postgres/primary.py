"""The one server that may be written to, among those that a DSN names.

A promotion begins a new timeline. A former primary that comes back, or that was only cut off, still takes
itself for the primary, on an older one: it is never chosen where a newer one was seen or can be reached. What
it takes in spite of that it cannot confirm, since its synchronous standby is gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import structlog

from hub.errors import TemporaryFailure
from hub.message.places import each_place

log: structlog.stdlib.BoundLogger = structlog.get_logger()

AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's own confusion over a connection that is just being lost
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    OSError,
    TimeoutError,
)
"""What the driver raises where a server cannot be reached or lets go of us."""
PROBE: Final = "select pg_logical_emit_message(true, 'truc', 'probe')"
"""The smallest commit there is: it waits for the disk and for the standby, as every other."""
LOOK_SECONDS: Final = 3.0
"""How long one server of several may take to let us in: a machine that is gone does not even refuse."""
_TIMELINE: Final = """
select case when pg_is_in_recovery() or current_setting('transaction_read_only')::bool then 0
    else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end
"""
"""0 for a standby, and for a server that an operator has fenced with `default_transaction_read_only`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """A server that let us in."""

    place: str
    timeline: int
    connection: asyncpg.Connection


class Primary:
    """Connects to the primary among several servers; never to an older one than it has seen."""

    def __init__(self, dsn: str) -> None:
        """Look among the hosts that *dsn* names."""
        self._places = each_place(dsn)
        self._place: str | None = None
        self._timeline = 1

    async def connect(self, _dsn: str = "", **options: object) -> asyncpg.Connection:
        """Return a connection; raises `TemporaryFailure` where no server may be written to.

        The arguments are those of `asyncpg.connect`, as a pool hands them over.
        """
        if self._place is not None and len(self._places) > 1:
            with suppress(*AWAY, TemporaryFailure):
                return await self._newest_of([self._place], options)
        return await self._newest_of(self._places, options)

    def forget(self) -> None:
        """Look at every server again before the next connection: the one that we were at does not commit."""
        self._place = None

    async def _newest_of(self, places: Sequence[str], options: Mapping[str, object]) -> asyncpg.Connection:
        reached: list[_Reached] = []
        chosen: _Reached | None = None
        try:
            troubles = await asyncio.gather(
                *(self._reach(place, reached, options) for place in places), return_exceptions=True
            )
            newest = max(reached, key=lambda each: each.timeline, default=None)
            if newest is None:
                raise next(each for each in troubles if each is not None)
            if newest.timeline < self._timeline:
                raise TemporaryFailure("no database server that answers may be written to")
            self._follow(newest)
            chosen = newest
            return newest.connection
        finally:
            for each in reached:
                if each is not chosen:
                    each.connection.terminate()

    def _follow(self, newest: _Reached) -> None:
        if newest.timeline > self._timeline or self._place is None:
            server = urlsplit(newest.place).netloc.rpartition("@")[2]  # without the password
            log.info("database.primary", server=server, timeline=newest.timeline)
        self._place, self._timeline = newest.place, newest.timeline

    async def _reach(self, place: str, reached: list[_Reached], options: Mapping[str, object]) -> None:
        patience = {} if len(self._places) == 1 else {"timeout": LOOK_SECONDS}
        connection = await asyncpg.connect(place, **{**options, **patience})
        try:
            timeline = await connection.fetchval(_TIMELINE, timeout=LOOK_SECONDS)
        except BaseException:
            connection.terminate()
            raise
        reached.append(_Reached(place=place, timeline=timeline, connection=connection))
