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
"""Documents of one commit."""
_LOOK_BACK: Final = timedelta(minutes=2)
"""Messages become visible in another order than they are named in; no transaction of the line is as long."""
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
        is_whole = now - self._looked_at_all >= _LOOK_AT_ALL
        start = _FIRST if is_whole else MessageId(first_id_of(now - _LOOK_BACK))
        after: MessageId | None = start
        while after is not None and not stop.is_set():
            after = await index_documents(self.database, after, limit=BATCH)
        if not stop.is_set():
            await note_sightings(self.database, start)
            self._looked_at_all = now if is_whole else self._looked_at_all
