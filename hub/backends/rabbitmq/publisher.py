"""Publishes outbox entries with confirms; the order of calls is the order on the wire.

One pump writes everything, many publishes in one write, straight into the channel of the client library: its
own `basic_publish` takes a lock, a timer and a context for each message: a third of the processor more.
What the library does stays its own: it matches confirms to tags and returns to `message_id`s. Hence a fresh
one on every attempt: two in flight with the same id would be taken for each other.

When a channel is lost, everything that waits fails together with what is in flight: otherwise a later
delivery of a lane could go out before an earlier one that has to be tried again.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

import structlog
from aiormq import Channel
from aiormq.abc import ChannelFrame, FrameType
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from hub.backends.rabbitmq.connection import BrokerLink
from hub.errors import TemporaryFailure
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.properties import CONTENT_TYPE, DELIVER_EXCHANGE, headers_of, priority_of
from hub.ports import Clock

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PERSISTENT: Final = 2
LARGEST_BODY: Final = 16_777_216
"""What the broker takes where nothing else is configured; it closes the channel at anything larger."""
_FRAME_OVERHEAD: Final = 8
WRITE_OCTETS: Final = 262_144
"""How much is written at once; one larger body is still written whole."""
REOPEN_PAUSE: Final = 0.2
"""Seconds between two channels, so that one that is refused at once burns no processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishLimits:
    """How much may be in flight, and how long the broker may take."""

    window: int = 200
    octets: int = 64_000_000
    confirm_timeout: timedelta = timedelta(seconds=30)
    outage_patience: timedelta = timedelta(seconds=2)
    """How long a publish waits for a lost connection before it is answered with `UNKNOWN`."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Flight:
    """One publish between the call and the broker's answer."""

    entry: OutboxEntry
    message_id: str
    answer: asyncio.Future[object]
    """Resolved by the client library: an acknowledgement, or an error for a return or a refusal; or by us."""
    sent_at: float = 0.0


class RabbitPublisher:
    """`hub.ports.Publisher` over a link of its own: `async with RabbitPublisher(...) as publisher`."""

    def __init__(
        self, link: BrokerLink, *, user: str, clock: Clock, limits: PublishLimits | None = None
    ) -> None:
        """Prepare; *user* is the broker user of *link*, since the broker refuses any other `user_id`."""
        self._link = link
        self._user = user
        self._clock = clock
        self._limits = limits or PublishLimits()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Flight] = deque()
        self._flying: dict[str, _Flight] = {}
        self._flying_octets = 0
        self._work = asyncio.Event()
        self._channel: Channel | None = None
        self._closing: asyncio.Future[object] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reopen_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._is_ending = False
        link.alarm.watchers.append(self._on_alarm)
        self._pump_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the pump."""
        # It lives as long as the publisher and is awaited when that is closed.
        self._pump_task = asyncio.create_task(self._pump(), name="publisher pump")
        self._pump_task.add_done_callback(lambda _: self._answer_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; what was not answered yet is answered with `UNKNOWN`."""
        if self._pump_task is not None:
            self._pump_task.cancel()
            await asyncio.wait([self._pump_task])
        self._lose_channel()

    @property
    def is_up(self) -> bool:
        """Whether there is a connection to publish over at this moment, and the broker reads it."""
        return self._link.is_up and not self._link.alarm.is_raised

    def wait_for_no_alarm(self) -> None:
        """Answer with `UNKNOWN`, from now on, what an alarm of the broker holds up: this process ends."""
        self._is_ending = True
        self._on_alarm()

    async def publish(self, entry: OutboxEntry) -> PublishResult:
        """Publish *entry* once, after all that were started before it, and return what the broker said."""
        if self._pump_task is None or self._pump_task.done() or self._is_held_up_at_the_end():
            return PublishResult.UNKNOWN
        flight = _Flight(entry=entry, message_id=uuid4().hex, answer=self._loop.create_future())
        self._waiting.append(flight)
        self._work.set()
        try:
            answer = await flight.answer
        except PublishError:
            return PublishResult.UNROUTABLE
        except DeliveryError:
            return PublishResult.FULL
        finally:
            self._land(flight)
        return PublishResult.CONFIRMED if isinstance(answer, Basic.Ack) else PublishResult.UNKNOWN

    async def _pump(self) -> None:
        while True:
            while not self._may_send():
                self._work.clear()
                await self._work.wait()
            channel = await self._ready_channel()
            if channel is None:
                self._answer_all()
            else:
                await self._send(channel, list(self._next_flights()))

    def _may_send(self) -> bool:
        return (
            bool(self._waiting)
            and not self._link.alarm.is_raised
            and len(self._flying) < self._limits.window
            and (not self._flying or self._flying_octets < self._limits.octets)
        )

    async def _ready_channel(self) -> Channel | None:
        """Return the open channel, or a new one; nothing while the broker is away."""
        if self._channel is not None:
            return self._channel
        try:
            await asyncio.sleep(max(0.0, self._reopen_at - self._loop.time()))
            await self._link.wait_up(self._limits.outage_patience)
            self._adopt(await self._link.open_channel(confirms=True))
        except TemporaryFailure as failure:
            self._reopen_at = self._loop.time() + REOPEN_PAUSE
            log.warning("publisher.waiting", reason=str(failure), entries=len(self._waiting))
        return self._channel

    def _adopt(self, channel: Channel) -> None:
        self._channel = channel
        self._closing = channel.closing
        self._closing.add_done_callback(self._on_closed)
        self._watch_confirms()

    def _next_flights(self) -> Iterator[_Flight]:
        """Take what may be sent now, in order; who has stopped waiting is left out."""
        octets = 0
        while octets < WRITE_OCTETS and self._may_send():
            flight = self._waiting.popleft()
            if flight.answer.done():
                continue
            octets += len(flight.entry.body)
            self._flying[flight.message_id] = flight
            self._flying_octets += len(flight.entry.body)
            yield flight

    async def _send(self, channel: Channel, flights: list[_Flight]) -> None:
        """Write *flights* at once and wait until the socket has taken them."""
        payload = b"".join([self._register(flight, channel) for flight in flights])
        self._drained = self._loop.create_future()
        frame = ChannelFrame(payload=payload, should_close=False, drain_future=self._drained)
        try:
            channel.write_queue.put_nowait(frame)
        except asyncio.QueueFull:
            # Nothing else writes on this connection, and we wait for each write: it has stopped moving.
            self._lose_channel()
            self._link.drop()
        await self._drained

    def _register(self, flight: _Flight, channel: Channel) -> bytes:
        """Return the bytes of *flight* and expect its confirm; one that cannot be written fails alone."""
        try:
            frames = self._frames(flight, channel.max_content_size)
            payload = ChannelFrame.marshall(channel.number, frames).payload
            _check_sizes(len(flight.entry.body), len(payload), len(frames), channel.max_content_size)
        except (TypeError, ValueError, struct.error) as error:
            flight.answer.set_exception(error)
            return b""
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = flight.answer
        channel.message_id_delivery_tag[flight.message_id] = channel.delivery_tag
        flight.sent_at = self._loop.time()
        return payload

    def _frames(self, flight: _Flight, largest: int) -> list[FrameType]:
        entry = flight.entry
        body = entry.body
        properties = Basic.Properties(
            content_type=CONTENT_TYPE,
            headers={**headers_of(entry, span=flight.message_id[:16])},
            delivery_mode=PERSISTENT,
            priority=priority_of(entry),
            correlation_id=entry.correlation_id,
            message_id=flight.message_id,
            timestamp=self._clock.now(),
            message_type=entry.kind.value,
            user_id=self._user,
        )
        return [
            Basic.Publish(exchange=DELIVER_EXCHANGE, routing_key=entry.mailbox, mandatory=True),
            ContentHeader(properties=properties, body_size=len(body)),
            *(ContentBody(body[start : start + largest]) for start in range(0, len(body), largest)),
        ]

    def _land(self, flight: _Flight) -> None:
        """Make room for others; called once for each publish, answered or abandoned."""
        if self._flying.pop(flight.message_id, None) is not None:
            self._flying_octets -= len(flight.entry.body)
        if self._channel is not None:
            self._channel.message_id_delivery_tag.pop(flight.message_id, None)
        self._work.set()

    def _is_held_up_at_the_end(self) -> bool:
        return self._is_ending and self._link.alarm.is_raised

    def _on_alarm(self) -> None:
        """Begin to wait anew: what an alarm has held up is answered now, in its time."""
        for flight in self._flying.values():
            flight.sent_at = self._loop.time()
        if self._is_held_up_at_the_end():
            self._answer_all()
        self._work.set()

    def _watch_confirms(self) -> None:
        """Give up a connection on which the oldest publish has waited too long, without an alarm."""
        timeout = self._limits.confirm_timeout.total_seconds()
        oldest = next(iter(self._flying.values()), None)
        is_late = oldest is not None and self._loop.time() - oldest.sent_at > timeout
        if is_late and not self._link.alarm.is_raised:
            log.warning("publisher.unanswered", seconds=timeout, entries=len(self._flying))
            self._lose_channel()
            self._link.drop()
        else:
            self._watch = self._loop.call_later(timeout / 10, self._watch_confirms)

    def _on_closed(self, closing: asyncio.Future[object]) -> None:
        reason = None if closing.cancelled() else closing.exception()
        log.warning("publisher.channel_lost", reason=repr(reason), entries=len(self._flying))
        self._lose_channel()

    def _lose_channel(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._closing is not None:
            self._closing.remove_done_callback(self._on_closed)
        self._channel = self._closing = None
        self._reopen_at = self._loop.time() + REOPEN_PAUSE
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._answer_all()

    def _answer_all(self) -> None:
        """Answer everything with `UNKNOWN`, what waits too."""
        for flight in (*self._flying.values(), *self._waiting):
            with suppress(asyncio.InvalidStateError):
                flight.answer.set_result(None)
        self._waiting.clear()


def _check_sizes(body: int, payload: int, frames: int, largest_frame: int) -> None:
    """Raise `ValueError` for what the broker would close the channel at, now and at each later attempt."""
    if body > LARGEST_BODY:
        raise ValueError(f"a body of {body} bytes is more than the broker takes")
    properties = payload - body - frames * _FRAME_OVERHEAD
    if properties > largest_frame:
        raise ValueError(f"properties of {properties} bytes do not fit into a frame")
