"""The adapter at work: looks into the folder at its pace, while the kit sends and receives."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog

from adapters.folder.arrivals import Arrivals
from adapters.folder.bulletin import Bulletin
from adapters.folder.departures import Departures
from adapters.folder.naming import safe_name
from adapters.folder.out_tray import OutTray
from adapters.folder.reports import Reports
from adapters.folder.settings import FolderSettings
from adapters.kit.disk import is_full
from adapters.kit.error import JournalFull, single_error
from adapters.kit.mailbox import Mailbox

_log = structlog.get_logger("adapters.folder")
_ADVICE: Final = (
    "nothing is lost: what lies there stays and is tried again; see to the disk or the network of the folder"
)


class Desk:
    """One folder and its mailbox."""

    def __init__(self, settings: FolderSettings, mailbox: Mailbox) -> None:
        """Work for *mailbox*; `run` begins."""
        self._mailbox = mailbox
        self._poll_seconds = settings.limits.poll_seconds
        self._tray = OutTray(settings.places, settings.limits, max_octets=settings.kit.largest)
        self._departures = Departures(settings, mailbox)
        self._arrivals = Arrivals(settings, mailbox)
        self._bulletin = Bulletin(settings, mailbox)
        self._reports = Reports(settings, mailbox)
        self._troubles: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._arrivals.clear()
        with single_error():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive())
                tasks.create_task(self._look())

    async def _receive(self) -> None:
        await self._mailbox.run(
            self._arrivals.handle,
            status=self._bulletin.handle_status,
            receipt=self._bulletin.handle_receipt,
        )

    async def _look(self) -> None:
        steps: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = (
            ("finish", self._departures.finish_all),
            ("take", self._take),
            ("show", self._arrivals.show_ready),
            ("news", self._bulletin.write_news),
            ("follow", self._bulletin.follow),
            ("report", self._reports.send_all),
        )
        while True:
            for name, step in steps:
                await self._try(name, step)
            await asyncio.sleep(self._poll_seconds)

    async def _take(self) -> None:
        async for taken in self._tray.complete(time.monotonic):
            await self._try(f"take {safe_name(taken.name)}", partial(self._departures.take, taken))

    async def _try(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Do one step; what a disk or a file server refuses is told once, and done at the next look."""
        try:
            await step()
        except (OSError, JournalFull) as error:
            if name not in self._troubles:
                event = "folder.full" if isinstance(error, OSError) and is_full(error) else "folder.failed"
                _log.error(event, step=name, reason=str(error), advice=_ADVICE)
            self._troubles.add(name)
        else:
            if name in self._troubles:
                _log.warning("folder.recovered", step=name)
            self._troubles.discard(name)
