"""The sealer: chains committed events a moment after they were committed, in one hub process at a time."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

import structlog

from hub.errors import StorageRefused, TemporaryFailure
from hub.ports import Clock
from hub.workers import measures
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_PAUSE: Final = timedelta(milliseconds=250)
"""Between two looks: with the events of a transaction that has to end first, half a second at most."""
_SHORT_PAUSE: Final = timedelta(milliseconds=50)
_APPLY_AGAIN: Final = timedelta(seconds=1)
"""How often a process that is not the sealer tries to become it."""
_TELL_EVERY: Final = timedelta(minutes=1)


class SealedEvents(Protocol):
    """How far the log is sealed after an act."""

    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def is_full(self) -> bool: ...  # noqa: D102
    @property
    def position(self) -> int: ...  # noqa: D102
    @property
    def link(self) -> bytes: ...  # noqa: D102


class Session(Protocol):
    """A connection to the database as the sealer."""

    async def lead(self) -> bool: ...  # noqa: D102
    @property
    def is_waiting(self) -> bool: ...  # noqa: D102
    async def seal(self) -> SealedEvents | None: ...  # noqa: D102


Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[Session]]


@dataclass(slots=True, kw_only=True)
class SealerWorker:
    """Stands by until it is the one sealer, then seals for as long as its connection lasts."""

    connect: Connect
    clock: Clock
    _told_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*. What fails is told and tried again: the hub goes on, the gauge shows the lag."""
        while not stop.is_set():
            try:
                async with self.connect() as session:
                    await self._seal_until(stop, session)
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("audit.not_sealed", reason=str(failure))
                await wait(stop, _APPLY_AGAIN)

    async def _seal_until(self, stop: asyncio.Event, session: Session) -> None:
        while not await session.lead():
            await wait(stop, _APPLY_AGAIN)
            if stop.is_set():
                return
        log.info("audit.sealing")
        while not stop.is_set():
            sealed = await session.seal()
            self._tell(sealed)
            if sealed is None:
                await wait(stop, _SHORT_PAUSE if session.is_waiting else _PAUSE)
            elif not sealed.is_full:  # what has come since waits for more: a look costs as much as ten events
                await wait(stop, _PAUSE)

    def _tell(self, sealed: SealedEvents | None) -> None:
        """Count, and write the head of the log now and then: a log kept elsewhere is a witness."""
        if sealed is None:
            return
        measures.SEALED.inc(sealed.count)
        now = self.clock.now()
        if self._told_at is None or now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            log.info("audit.sealed", position=sealed.position, link=sealed.link.hex())
