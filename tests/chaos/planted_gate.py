"""A gate before the broker, or inside a commit: a process holds what it has until the test opens the gate.

No fault in itself: a process may take its time. What a fault does then hangs on no chance.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from adapters.kit.broker import SubmitChannel
from adapters.kit.outgoing import Outgoing
from hub.backends.postgres.outbox import PostgresOutbox
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.rabbitmq.publisher import RabbitPublisher
from hub.message.edxml import MessageKind
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.receipt import Receipt
from tests.support.waiting import until

VARIABLE = "TRUC_TEST_GATE"
"""Environment variable: a folder; `held` appears there with the first message, `open` opens the gate."""
_PATIENCE = 300.0


class _Gate:
    """Whoever passes waits until it is open; all go on in the order of arrival, so that lanes keep theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def passes(self) -> None:
        if not self._opened.is_set():
            (self._folder / "held").touch()
            self._watch = self._watch or asyncio.create_task(self._wait())
            await self._opened.wait()

    async def _wait(self) -> None:
        await until((self._folder / "open").exists, what="an open gate", seconds=_PATIENCE)
        self._opened.set()


def plant_in_hub() -> None:
    """Hold every document that a hub would publish."""
    gate, publish = _Gate(Path(os.environ[VARIABLE])), RabbitPublisher.publish

    async def held(self: RabbitPublisher, entry: OutboxEntry) -> PublishResult:
        if entry.kind is MessageKind.DOCUMENT:
            await gate.passes()
        return await publish(self, entry)

    RabbitPublisher.publish = held  # type: ignore[method-assign]


def plant_in_commit() -> None:
    """Hold the first transaction that records what the broker has confirmed, with its events in it."""
    gate, owe = _Gate(Path(os.environ[VARIABLE])), PostgresOutbox._owe_consignments

    async def held(
        self: PostgresOutbox, transaction: Transaction, confirmed: Sequence[LockedDelivery], at: datetime
    ) -> list[Receipt]:
        if confirmed:
            await gate.passes()
        return await owe(self, transaction, confirmed, at)

    PostgresOutbox._owe_consignments = held  # type: ignore[method-assign]


def plant_in_kit() -> None:
    """Hold everything that an agency would submit."""
    gate, submit = _Gate(Path(os.environ[VARIABLE])), SubmitChannel.submit

    async def held(self: SubmitChannel, message: Outgoing) -> None:
        await gate.passes()
        await submit(self, message)

    SubmitChannel.submit = held  # type: ignore[assignment,method-assign]
