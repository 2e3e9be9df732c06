"""Where deliveries wait, in the order in which they came, until somebody takes a batch of them."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from hub.backends.rabbitmq.gate import Gate
from hub.ports import BatchLimits, Inbound

BATCHES_IN_HAND: Final = 4
"""Full ones, by their octets, that wait while one is worked on."""


class Intray:
    """Batches by count, by octets and by a short wait for more; shuts the gate while it holds many."""

    def __init__(self, limits: BatchLimits, gate: Gate) -> None:
        """Start empty."""
        self._limits = limits
        self._gate = gate
        self._items: deque[Inbound] = deque()
        self._octets = 0
        self._some = asyncio.Event()
        self._enough = asyncio.Event()

    def put(self, inbound: Inbound) -> None:
        """Add one at the end."""
        self._items.append(inbound)
        self._octets += len(inbound.body)
        self._some.set()
        if self._octets >= BATCHES_IN_HAND * self._limits.octets:
            self._gate.shut(self)
        if len(self._items) >= self._limits.count or self._octets >= self._limits.octets:
            self._enough.set()

    async def take(self) -> list[Inbound]:
        """Return the next batch; nothing when `interrupt` was called first."""
        await self._some.wait()
        if not self._enough.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.linger.total_seconds()):
                    await self._enough.wait()
        batch = self._next()
        self._settle_events()
        return batch

    def interrupt(self) -> None:
        """Let who waits in `take` go with what there is."""
        self._some.set()
        self._enough.set()

    def empty(self) -> list[Inbound]:
        """Take out everything at once."""
        everything = list(self._items)
        self._items.clear()
        self._octets = 0
        self._settle_events()
        return everything

    def _next(self) -> list[Inbound]:
        """Take at least one, then as much as fits."""
        batch: list[Inbound] = []
        room = self._limits.octets
        while self._items and len(batch) < self._limits.count:
            size = len(self._items[0].body)
            if batch and size > room:
                break
            batch.append(self._items.popleft())
            room -= size
            self._octets -= size
        return batch

    def _settle_events(self) -> None:
        if self._octets < BATCHES_IN_HAND * self._limits.octets:
            self._gate.open(self)
        if not self._items:
            self._some.clear()
        if len(self._items) < self._limits.count and self._octets < self._limits.octets:
            self._enough.clear()
