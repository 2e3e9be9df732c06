"""What a recipient or a hub may do, and a scene needs it to: no fault in itself."""

import asyncio

from hub.message.identifiers import DeliveryId
from hub.workers.sealer import SealerWorker
from tests.chaos import desk
from tests.chaos.conduct import Answering, Conduct


def take_nothing() -> None:
    """Let this recipient give everything back, for ever; what the hub does then is to be looked at."""

    def stubborn(_delivery_id: DeliveryId, _attempt: int, *, is_difficult: bool) -> Conduct:
        return Conduct(answering=Answering.RETRY, seconds=0.0)

    desk.conduct = stubborn  # type: ignore[assignment,attr-defined]


def leave_sealing_to_others() -> None:
    """Let this hub never be the one that seals, as if another always were."""

    async def stand_by(_self: SealerWorker, stop: asyncio.Event) -> None:
        await stop.wait()

    SealerWorker.run = stand_by  # type: ignore[method-assign]
