"""Keeps the search index: what the line has committed is found by its words some seconds later.

Beside the line and never on it: an index of words costs more than the commit of a document may.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hub.backends.postgres.pool import Database
from hub.backends.postgres.searching import index_documents, note_sightings
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.identifiers import MessageId, first_id_of
from hub.ports import Clock
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
BATCH: Final = 1000
"""Messages of one commit."""
_LOOK_BACK: Final = ((timedelta(0), timedelta(seconds=10)), (timedelta(minutes=1), timedelta(minutes=2)))
"""After how long a pass goes back how far: messages become visible in another order than they are named in,
and no transaction of the line takes longer."""
_LOOK_AT_ALL: Final = timedelta(days=1)
"""What came later under an old name, by reconciling after a restore, is found so."""
_AFTER_FAILURE: Final = timedelta(seconds=10)
_FIRST: Final = MessageId(UUID(int=0))
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class SearchIndexer:
    """Enters what is new, again and again; several at a time do no harm, and no good."""

    database: Database
    clock: Clock
    interval: timedelta = timedelta(seconds=2)
    """How much older than the newest document the index may be."""
    _looked_at_all: datetime = field(default=_LONG_AGO)
    _looked_back: datetime = field(default=_LONG_AGO)
    _reached: MessageId = field(default=_FIRST)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; an outage of the database is sat out."""
        while not stop.is_set():
            pause = self.interval
            try:
                await self.catch_up(stop)
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("search.paused", reason=str(failure))
                pause = _AFTER_FAILURE
            await wait(stop, pause)

    async def catch_up(self, stop: asyncio.Event) -> None:
        """Enter everything that is committed and not entered yet, unless *stop* ends it between batches."""
        now = self.clock.now()
        start = self._start(now)
        after: MessageId | None = start
        while after is not None and not stop.is_set():
            after = await index_documents(self.database, after, limit=BATCH)
            self._reached = after or self._reached
        if not stop.is_set():
            await note_sightings(self.database, start)
            self._note(start, now)

    def _start(self, now: datetime) -> MessageId:
        """Return behind which message to begin: the later ones are looked at oftener."""
        if now - self._looked_at_all >= _LOOK_AT_ALL:
            return _FIRST
        back = max(reach for rest, reach in _LOOK_BACK if now - self._looked_back >= rest)
        return min(self._reached, MessageId(first_id_of(now - back)))

    def _note(self, start: MessageId, now: datetime) -> None:
        if start == _FIRST:
            self._looked_at_all = now
        if start <= first_id_of(now - _LOOK_BACK[-1][1]):
            self._looked_back = now
