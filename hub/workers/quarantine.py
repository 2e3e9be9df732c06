"""The quarantine worker: keeps what nobody vouches for and what the hub itself failed on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import structlog

from hub.ports import Clock, Consumer, Inbound, InvalidMessage, Quarantine
from hub.workers import measures
from hub.workers.waiting import until_it_works

log = structlog.get_logger(__name__)
_DEATHS: Final = MappingProxyType(
    {
        "expired": "its sender let it expire before the hub took it: submissions carry no expiration",
        "delivery_limit": "the hub was interrupted again and again while it had this in hand",
    }
)
"""Sentences for the reasons of `x-death` that need another one than the queue's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineWorker:
    """Keeps what *queue* holds, once each, and settles it after the commit."""

    queue: str
    reason: str
    consumer: Consumer
    quarantine: Quarantine
    clock: Clock

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*."""
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(self._keep_forever(stop))
            await stop.wait()
            await self.consumer.pause()
            await working

    async def handle(self, batch: Sequence[Inbound]) -> None:
        """Keep one batch and settle it."""
        now = self.clock.now()
        await self.quarantine.keep(
            [
                InvalidMessage(
                    queue=self.queue, body=each.body, claimed_by=each.user_id, reason=self._why(each), at=now
                )
                for each in batch
            ]
        )
        await self.consumer.settle(batch)
        measures.QUARANTINED.inc(len(batch))
        log.warning("message.quarantined", queue=self.queue, count=len(batch), reason=self.reason)

    def _why(self, inbound: Inbound) -> str:
        """Return why it is here: what the broker says about it, where that is not the usual thing."""
        reason = inbound.headers.get("x-first-death-reason")
        return _DEATHS.get(reason, self.reason) if isinstance(reason, str) else self.reason

    async def _keep_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            async for batch in self.consumer.batches():
                if await until_it_works(partial(self._kept, batch), stop, what=self.queue) is None:
                    await self.consumer.give_back(batch)

    async def _kept(self, batch: Sequence[Inbound]) -> bool:
        await self.handle(batch)
        return True
