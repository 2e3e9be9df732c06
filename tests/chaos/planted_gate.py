"""A gate before the broker: a hub holds every document that it would publish until the test opens it.

No fault in itself: the hub merely takes its time, as it may. What a fault does then hangs on no chance.
"""

import asyncio
import os
from pathlib import Path

from hub.backends.rabbitmq.publisher import RabbitPublisher
from hub.message.edxml import MessageKind
from hub.message.outbox import OutboxEntry, PublishResult
from tests.support.waiting import until

VARIABLE = "TRUC_TEST_GATE"
"""Environment variable: a folder; `held` appears there with the first document, `open` opens the gate."""
_PATIENCE = 120.0


def plant() -> None:
    """Put the gate before every publish of a document."""
    folder = Path(os.environ[VARIABLE])
    publish = RabbitPublisher.publish
    opened = asyncio.Event()
    watches: list[asyncio.Task[None]] = []

    async def watch() -> None:
        await until((folder / "open").exists, what="an open gate", seconds=_PATIENCE)
        opened.set()

    async def held(self: RabbitPublisher, entry: OutboxEntry) -> PublishResult:
        if entry.kind is MessageKind.DOCUMENT and not opened.is_set():
            (folder / "held").touch()
            watches[:] = watches or [asyncio.create_task(watch())]
            await opened.wait()  # wakes in the order of arrival, so that the lanes keep theirs
        return await publish(self, entry)

    RabbitPublisher.publish = held  # type: ignore[method-assign]
