"""The order of delivery, and its net: route, deliver; what the broker said is recorded by the relay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from hub.delivery.deliver import deliver
from hub.errors import TemporaryFailure
from hub.message.directory import Directory
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from hub.ports import Clock, Publisher

log = structlog.get_logger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The hub itself failed on a delivery item: a developer acts."""

    error: str


async def guarded(act: Callable[[], Awaitable[Value]]) -> Value | Broken:
    """Do *act*; an outage is raised, anything else that goes wrong is returned and stays with its item."""
    try:
        return await act()
    except TemporaryFailure:
        raise
    except Exception as error:
        # The other of the two nets: a failure of ours is retried, and then becomes a case.
        log.exception("delivery.failed")
        return Broken(error=f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """Takes one entry to the broker; calls that begin in an order publish in that order."""

    publisher: Publisher
    clock: Clock

    async def attempt(self, entry: OutboxEntry, directory: Directory) -> Attempted:
        """Try *entry* once; whatever happens to one delivery stays with it."""
        attempted = await guarded(partial(deliver, entry, directory, self.publisher, self.clock))
        if isinstance(attempted, Broken):
            note = attempted.error
            return Attempted(entry=entry, result=PublishResult.FAILED, at=self.clock.now(), note=note)
        return attempted
