"""The returns worker: what came back from mailboxes, and what waited beyond its time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from hub.crash import crash_point
from hub.delivery.line import Broken, guarded
from hub.delivery.report import report
from hub.errors import TemporaryFailure
from hub.message.outbox import ReturnedDelivery
from hub.message.properties import RETURNED_QUEUE
from hub.ports import Attest, Clock, Consumer, Inbound, InvalidMessage, Quarantine, Recover, Returns
from hub.workers import measures
from hub.workers.relay import Relay
from hub.workers.waiting import until_it_works, wait

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsWorker:
    """Settles what `hub.returned` holds; an outage settles nothing."""

    consumer: Consumer
    returns: Returns
    quarantine: Quarantine
    relay: Relay
    recover: Recover
    attest: Attest
    clock: Clock
    probe: Callable[[], Awaitable[bool]]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*."""
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(self._settle_forever(stop))
            tasks.create_task(self._expire_forever(stop))
            await stop.wait()
            await self.consumer.pause()
            await working

    async def handle(self, batch: Sequence[Inbound]) -> None:
        """Record one batch, hand over the receipts that it makes true, and only then settle it."""
        now = self.clock.now()
        read = [(inbound, report(inbound.headers, now)) for inbound in batch]
        strangers = [inbound for inbound, returned in read if returned is None]
        if strangers:
            await self.quarantine.keep([_stranger(inbound, self.clock) for inbound in strangers])
        returned = [each for _, each in read if each is not None]
        crash_point("returns.before_commit")
        broken = await self._settle(returned)
        crash_point("returns.after_commit_before_ack")
        refused = [inbound for inbound, each in read if each in broken]
        await self.consumer.reject(refused)
        await self.consumer.settle([inbound for inbound in batch if inbound not in refused])

    async def _settle(self, returned: Sequence[ReturnedDelivery]) -> Sequence[ReturnedDelivery]:
        """Settle them together or, where that breaks, each alone; return those that broke it."""
        if not returned or await self._is_settled(returned):
            return ()
        if len(returned) == 1:
            return returned
        return [each for each in returned if not await self._is_settled([each])]

    async def _is_settled(self, returned: Sequence[ReturnedDelivery]) -> bool:
        async with self.relay.claiming(lanes=False):
            handed_over = await guarded(partial(self.returns.settle, returned, self.recover, self.attest))
            if isinstance(handed_over, Broken):
                return False
            self.relay.offer(handed_over)
        for each in returned:
            measures.RETURNED.labels(each.reason.value).inc()
            log.info(
                "delivery.returned",
                delivery_id=str(each.delivery_id),
                attempt=each.attempt,
                reason=each.reason.value,
            )
        self.relay.hint()
        return True

    async def _settle_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            async for batch in self.consumer.batches():
                try:
                    await self.handle(batch)
                except TemporaryFailure as failure:
                    log.warning("returns.paused", reason=str(failure))
                    await self.consumer.pause()
                    await self.consumer.give_back(batch)
            await until_it_works(self._probe, stop, what="database")
            if not stop.is_set():
                await self.consumer.resume()

    async def _expire_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await until_it_works(self._expire, stop, what="expiry")
            await wait(stop, timedelta(seconds=30))

    async def _expire(self) -> None:
        """Settle all there is; what the hub fails on is found again in the next round."""
        while (expired := await self.returns.expired(200)) and not await self._settle(expired):
            pass

    async def _probe(self) -> None:
        if not await self.probe():
            raise TemporaryFailure("the database is away or has no room")


def _stranger(inbound: Inbound, clock: Clock) -> InvalidMessage:
    return InvalidMessage(
        queue=RETURNED_QUEUE,
        body=inbound.body,
        claimed_by=inbound.user_id,
        reason="returned without the headers of a delivery",
        at=clock.now(),
    )
