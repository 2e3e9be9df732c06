"""The order of delivery, and its net: route, deliver; what the broker said is recorded by the relay."""

from dataclasses import dataclass

import structlog

from hub.delivery.deliver import deliver
from hub.message.directory import Directory
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from hub.ports import Clock, Publisher

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """Takes one entry to the broker; calls that begin in an order publish in that order."""

    publisher: Publisher
    clock: Clock

    async def attempt(self, entry: OutboxEntry, directory: Directory) -> Attempted:
        """Try *entry* once; whatever happens to one delivery stays with it."""
        try:
            return await deliver(entry, directory, self.publisher, self.clock)
        except Exception as error:
            # The other of the two nets: a failure of ours is retried, and then becomes a case.
            log.exception("delivery.failed", delivery_id=str(entry.delivery_id))
            note = f"{type(error).__name__}: {error}"
            return Attempted(entry=entry, result=PublishResult.FAILED, at=self.clock.now(), note=note)
