"""The adapter at work: what arrives goes to the endpoint, and what is kept goes when its time is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self

import structlog

from adapters.kit.error import single_error
from adapters.kit.mailbox import Mailbox
from adapters.webhook import books
from adapters.webhook.arrivals import Arrivals
from adapters.webhook.bulletin import Bulletin
from adapters.webhook.departures import Departures
from adapters.webhook.posting import Poster
from adapters.webhook.settings import HookSettings
from adapters.webhook.spool import Spool
from adapters.webhook.tray import Tray

_log = structlog.get_logger("adapters.webhook")
_SWEEP_SECONDS: Final = 3_600.0


def utc_now() -> datetime:
    """Return what the clock says."""
    return datetime.now(UTC)


class Desk:
    """One mailbox, one endpoint, and the programs that ask the server."""

    def __init__(
        self,
        settings: HookSettings,
        mailbox: Mailbox,
        posters: tuple[Poster, Poster],
        clock: Callable[[], datetime],
    ) -> None:
        """Work for *mailbox* with the posters of documents and of events; `open` makes them."""
        documents, events = posters
        self.mailbox: Final = mailbox
        self.spool: Final = Spool(settings.spool, settings.public_url)
        self.tray: Final = Tray(self.spool.fresh)
        self.departures: Final = Departures(mailbox, clock)
        self._kept = settings.kept
        self._clock = clock
        self._arrivals = Arrivals(documents, self.spool, clock)
        self._bulletin = Bulletin(mailbox.journal, events, clock, kept=settings.kept)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: HookSettings, mailbox: Mailbox) -> AsyncIterator[Self]:
        """Make ready to work; nothing is asked before `run`."""
        async with (
            Poster.open(settings.documents, utc_now) as documents,
            Poster.open(settings.events, utc_now) as events,
        ):
            desk = cls(settings, mailbox, (documents, events), utc_now)
            await asyncio.to_thread(desk.spool.open)
            yield desk

    async def run(self) -> None:
        """Work until cancelled."""
        with single_error():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive())
                tasks.create_task(self._bulletin.run())
                tasks.create_task(self._sweep())

    async def _receive(self) -> None:
        await self.mailbox.run(
            self._arrivals.handle,
            status=self._bulletin.handle_status,
            receipt=self._bulletin.handle_receipt,
        )

    async def _sweep(self) -> None:
        while True:
            before = self._clock() - self._kept
            try:
                deliveries = await asyncio.to_thread(self.spool.sweep, before)
            except OSError as error:
                _log.error("spool.failed", reason=error.strerror, advice="it is swept again in an hour")
            else:
                keys = await self.mailbox.journal.write(partial(books.forget_requests, before=before))
                _log.info("spool.swept", deliveries=deliveries, keys=keys)
            await asyncio.sleep(_SWEEP_SECONDS)
