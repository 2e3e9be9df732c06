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
    def position(self) -> int: ...  # noqa: D102
    @property
    def link(self) -> bytes: ...  # noqa: D102


class Session(Protocol):
    """Seals as long as it holds the sealer's lock."""

    @property
    def is_waiting(self) -> bool: ...  # noqa: D102
    async def seal(self) -> SealedEvents | None: ...  # noqa: D102


Lead: TypeAlias = Callable[[], AbstractAsyncContextManager[Session | None]]
"""Becomes the one sealer for as long as its block lasts; gives None where another one is."""


@dataclass(slots=True, kw_only=True)
class SealerWorker:
    """Seals while it holds the lock; applies for it again when it was lost, or was another's."""

    lead: Lead
    clock: Clock
    _told_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*. What fails is told and tried again: the hub goes on, the gauge shows the lag."""
        while not stop.is_set():
            try:
                await self._lead_until(stop)
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("audit.not_sealed", reason=str(failure))
            await wait(stop, _APPLY_AGAIN)

    async def _lead_until(self, stop: asyncio.Event) -> None:
        async with self.lead() as session:
            if session is None:
                return
            log.info("audit.sealing")
            while not stop.is_set():
                sealed = await session.seal()
                self._tell(sealed)
                if sealed is None:
                    await wait(stop, _SHORT_PAUSE if session.is_waiting else _PAUSE)

    def _tell(self, sealed: SealedEvents | None) -> None:
        """Count, and write the head of the log now and then: a log kept elsewhere is a witness."""
        if sealed is None:
            return
        measures.SEALED.inc(sealed.count)
        now = self.clock.now()
        if self._told_at is None or now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            log.info("audit.sealed", position=sealed.position, link=sealed.link.hex())
