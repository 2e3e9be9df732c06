"""Deletes large bodies that nobody needs: what was never claimed, and what has been kept for its time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hub.backends.blobs import BlobStore
from hub.backends.postgres import bodies
from hub.backends.postgres.pool import Database
from hub.backends.postgres.trail import Event, append
from hub.crash import crash_point
from hub.errors import StorageRefused, TemporaryFailure
from hub.message.large_body import CheckedIn
from hub.ports import Clock
from hub.workers.waiting import wait

log = structlog.get_logger(__name__)
_BATCH: Final = 50
_GIVEN_UP_AFTER: Final = timedelta(minutes=10)
"""So long nobody else takes up what one process has begun to delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTerms:
    """How long bodies stay."""

    grace: timedelta
    """Since its last part, or the last claim, of one that no accepted message claims."""
    lifetime: timedelta | None
    """Since its message was accepted; None for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySweeper:
    """Sweeps now and then; several processes share the work.

    Whoever sweeps first makes a body nobody's, in a transaction of its own: from then on no message can be
    accepted that claims it, and nobody redeems it. Then its octets go, and then what is known of it. What a
    crash leaves between is taken up by the next.
    """

    database: Database
    blobs: BlobStore
    clock: Clock
    terms: SweepTerms
    interval: timedelta = timedelta(minutes=1)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; an outage is sat out."""
        while not stop.is_set():
            try:
                while await self.sweep() and not stop.is_set():
                    pass
            except (TemporaryFailure, StorageRefused) as failure:
                log.warning("sweep.paused", reason=str(failure))
            await wait(stop, self.interval)

    async def sweep(self) -> int:
        """Delete some of what nobody needs; returns how many."""
        now = self.clock.now()
        leaving = await bodies.leave_idle(
            self.database,
            untouched_since=now - self.terms.grace,
            given_up_since=now - _GIVEN_UP_AFTER,
            limit=_BATCH,
        )
        if self.terms.lifetime is not None:
            leaving += await bodies.leave_old(
                self.database,
                accepted_before=now - self.terms.lifetime,
                given_up_since=now - _GIVEN_UP_AFTER,
                limit=_BATCH,
            )
        await self._delete(leaving)
        return len(leaving)

    async def _delete(self, leaving: Sequence[CheckedIn]) -> None:
        for body in leaving:
            crash_point("sweep.before_delete")
            await self.blobs.delete((body.key.name, *body.parts))
            crash_point("sweep.after_delete")
            async with self.database.transaction() as transaction:
                await bodies.end(transaction, body.key)
                detail: dict[str, object] = {
                    "mailbox": body.key.mailbox,
                    "digest": body.key.digest.hex(),
                    "octets": body.octets,
                }
                await append(transaction, [Event(name="body.swept", detail=detail)])
            log.info("body.swept", mailbox=body.key.mailbox, digest=body.key.digest.hex())
