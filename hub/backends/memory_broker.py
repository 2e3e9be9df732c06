"""The broker's twin in memory, for tests of the lines: the same contract suite holds it to the real one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from hub.message.identifiers import MailboxName
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.properties import (
    DEAD_LETTER_QUEUE,
    INTAKE_QUEUE,
    INVALID_QUEUE,
    RETURNED_QUEUE,
    headers_of,
    queue_of,
)
from hub.ports import BatchLimits, Clock, Inbound

DELIVERY_LIMIT: Final = 20
_BEHIND: Final = {INTAKE_QUEUE: DEAD_LETTER_QUEUE, RETURNED_QUEUE: DEAD_LETTER_QUEUE}


@dataclass(slots=True, kw_only=True)
class StoredMessage:
    """One message in a queue, and how often it was delivered in vain."""

    body: bytes
    user_id: str | None = None
    message_id: str | None = None
    correlation_id: str | None = None
    routing_key: str = ""
    headers: dict[str, object] = field(default_factory=dict)
    kind: str | None = None
    sent_at: datetime | None = None
    returned: int = 0


@dataclass(slots=True, kw_only=True)
class _Queue:
    name: str
    max_length: int
    ready: deque[StoredMessage] = field(default_factory=deque)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, message: StoredMessage) -> bool:
        """Add at the end, unless the queue is full."""
        if len(self.ready) >= self.max_length:
            return False
        self.ready.append(message)
        self.changed.set()
        return True


class MemoryBroker:
    """Queues with the broker's guarantees, and its outages: `go_down`, `come_up`."""

    def __init__(
        self, mailboxes: Iterable[MailboxName] = (), *, clock: Clock, max_length: int = 200_000
    ) -> None:
        """Make the hub's queues and those of *mailboxes*."""
        names = (INTAKE_QUEUE, RETURNED_QUEUE, DEAD_LETTER_QUEUE, INVALID_QUEUE, *map(queue_of, mailboxes))
        self.clock = clock
        self.queues = {name: _Queue(name=name, max_length=max_length) for name in names}
        self.is_up = True
        self._consumers: list[MemoryConsumer] = []

    def put(self, queue: str, message: StoredMessage) -> bool:
        """Store *message*; tells whether there was room."""
        return self.queues[queue].append(message)

    def waiting(self, queue: str) -> int:
        """Count what is ready."""
        return len(self.queues[queue].ready)

    def publisher(self, user: str = "hub") -> "MemoryPublisher":
        """Return a publisher that speaks as *user*."""
        return MemoryPublisher(self, user)

    def consumer(self, queue: str, *, prefetch: int, limits: BatchLimits) -> "MemoryConsumer":
        """Return a consumer of *queue*."""
        consumer = MemoryConsumer(self, self.queues[queue], prefetch, limits)
        self._consumers.append(consumer)
        return consumer

    def go_down(self) -> None:
        """Lose every connection; what was not settled is ready again."""
        self.is_up = False
        for consumer in self._consumers:
            consumer.lose()

    def come_up(self) -> None:
        """Answer again."""
        self.is_up = True
        for queue in self.queues.values():
            queue.changed.set()

    def return_to(self, queue: _Queue, messages: Sequence[StoredMessage]) -> None:
        """Put *messages* back at the head in their order; those over the limit are dead letters."""
        for message in reversed(messages):
            message.returned += 1
            if message.returned > DELIVERY_LIMIT:
                self.dead_letter(queue, message, "delivery_limit")
            else:
                queue.ready.appendleft(message)
        queue.changed.set()

    def dead_letter(self, queue: _Queue, message: StoredMessage, reason: str) -> None:
        """Move *message* to where its queue dead-letters to, with the reason in `x-death`."""
        target = RETURNED_QUEUE if queue.name.startswith("agency.") else _BEHIND.get(queue.name)
        if target is not None:
            death = {
                "reason": reason,
                "count": 1,
                "queue": queue.name,
                "routing-keys": [message.routing_key],
                "time": self.clock.now(),
            }
            self.put(target, replace(message, headers={**message.headers, "x-death": [death]}, returned=0))


class MemoryPublisher:
    """`hub.ports.Publisher` into memory."""

    def __init__(self, broker: MemoryBroker, user: str) -> None:
        """Publish into *broker* as *user*."""
        self._broker = broker
        self._user = user

    @property
    def is_up(self) -> bool:
        """Whether the broker answers."""
        return self._broker.is_up

    async def publish(self, entry: OutboxEntry) -> PublishResult:
        """Store *entry* in its mailbox's queue."""
        if not self._broker.is_up:
            return PublishResult.UNKNOWN
        if (name := queue_of(entry.mailbox)) not in self._broker.queues:
            return PublishResult.UNROUTABLE
        stored = self._broker.put(name, self._message_of(entry))
        return PublishResult.CONFIRMED if stored else PublishResult.FULL

    def _message_of(self, entry: OutboxEntry) -> StoredMessage:
        message_id = uuid4().hex
        return StoredMessage(
            body=entry.body,
            user_id=self._user,
            message_id=message_id,
            correlation_id=entry.correlation_id,
            routing_key=entry.mailbox,
            headers={**headers_of(entry, span=message_id[:16])},
            kind=entry.kind.value,
            sent_at=self._broker.clock.now().replace(microsecond=0),
        )


class MemoryConsumer:
    """`hub.ports.Consumer` from memory."""

    def __init__(self, broker: MemoryBroker, queue: _Queue, prefetch: int, limits: BatchLimits) -> None:
        """Take from *queue*."""
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._limits = limits
        self._unsettled: dict[int, StoredMessage] = {}
        self._last_tag = 0
        self._is_paused = False

    async def batches(self) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what has arrived; ends when `pause` or `close` is called."""
        while not self._is_paused:
            if batch := self._take():
                yield batch
            else:
                self._queue.changed.clear()
                await self._queue.changed.wait()
                await asyncio.sleep(self._limits.linger.total_seconds())

    async def settle(self, accepted: Sequence[Inbound]) -> None:
        """Forget them."""
        self._withdraw(accepted)
        self._queue.changed.set()

    async def give_back(self, unsettled: Sequence[Inbound]) -> None:
        """Put them back."""
        self._broker.return_to(self._queue, self._withdraw(unsettled))

    async def reject(self, refused: Sequence[Inbound]) -> None:
        """Dead-letter them."""
        for message in self._withdraw(refused):
            self._broker.dead_letter(self._queue, message, "rejected")
        self._queue.changed.set()

    async def pause(self) -> None:
        """Take nothing more; nothing is held that nobody has taken."""
        self._is_paused = True
        self._queue.changed.set()

    async def resume(self) -> None:
        """Take messages again."""
        self._is_paused = False

    async def close(self) -> None:
        """Pause, and put back what is unsettled."""
        await self.pause()
        self.lose()

    def lose(self) -> None:
        """Lose the channel."""
        messages = list(self._unsettled.values())
        self._unsettled.clear()
        self._broker.return_to(self._queue, messages)

    def _take(self) -> list[Inbound]:
        """Take at least one, then as much as fits into a batch and the prefetch."""
        batch: list[Inbound] = []
        room = self._limits.octets
        ready = self._queue.ready
        while ready and self._broker.is_up and self._may_take(len(batch)):
            if batch and len(ready[0].body) > room:
                break
            message = ready.popleft()
            room -= len(message.body)
            self._last_tag += 1
            self._unsettled[self._last_tag] = message
            batch.append(_inbound(message, self._last_tag))
        return batch

    def _may_take(self, taken: int) -> bool:
        return taken < self._limits.count and len(self._unsettled) < self._prefetch

    def _withdraw(self, messages: Sequence[Inbound]) -> list[StoredMessage]:
        found = (self._unsettled.pop(message.tag, None) for message in messages)
        return [message for message in found if message is not None]


def _inbound(message: StoredMessage, tag: int) -> Inbound:
    return Inbound(
        tag=tag,
        body=message.body,
        user_id=message.user_id,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        routing_key=message.routing_key,
        headers=dict(message.headers),
        kind=message.kind,
        sent_at=message.sent_at,
        is_redelivered=message.returned > 0,
    )
