"""Publishes outbox entries with confirms; the order of calls is the order on the wire.

One pump writes everything, many publishes in one write. The broker counts the publishes of a channel, and so
do we: a confirm names such a number, or all up to it. What it cannot route it returns before it confirms it,
and names only its `message_id`: hence a fresh one on every attempt.

When a channel is lost, everything that waits fails together with what is in flight: otherwise a later
delivery of a lane could go out before an earlier one that has to be tried again.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from types import TracebackType
from typing import Final, Self

import structlog

from hub.backends.rabbitmq.channel import MessageChannel
from hub.backends.rabbitmq.connection import BrokerLink, translated
from hub.backends.rabbitmq.frames import (
    ACK,
    NACK,
    RETURN,
    Delivered,
    Said,
    publishing,
    read_confirm,
    read_properties,
)
from hub.errors import TemporaryFailure
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.properties import DELIVER_EXCHANGE, content_type_of, headers_of, priority_of
from hub.ports import Clock

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LARGEST_BODY: Final = 16_777_216
"""What the broker takes where nothing else is configured; it closes the channel at anything larger."""
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
    answer: asyncio.Future[PublishResult]
    tag: int = 0
    """Its number on its channel, from the moment when it is written."""
    is_returned: bool = False
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
        self._flying: dict[int, _Flight] = {}
        """By their tags, and so in the order in which they were written."""
        self._flying_octets = 0
        self._last_tag = 0
        self._work = asyncio.Event()
        self._channel: MessageChannel | None = None
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
        flight = _Flight(entry=entry, message_id=token_hex(16), answer=self._loop.create_future())
        self._waiting.append(flight)
        self._work.set()
        try:
            return await flight.answer
        finally:
            self._land(flight)

    async def _pump(self) -> None:
        while True:
            while not self._may_send():
                self._work.clear()
                await self._work.wait()
            channel = await self._ready_channel()
            if channel is None:
                self._answer_all()
            else:
                await self._send(channel)

    def _may_send(self) -> bool:
        return (
            bool(self._waiting)
            and not self._link.alarm.is_raised
            and len(self._flying) < self._limits.window
            and (not self._flying or self._flying_octets < self._limits.octets)
        )

    async def _ready_channel(self) -> MessageChannel | None:
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

    def _adopt(self, channel: MessageChannel) -> None:
        self._channel, self._last_tag = channel, 0
        channel.take(
            messages={RETURN: self._on_return}, methods={ACK: self._on_confirm, NACK: self._on_confirm}
        )
        channel.closing.add_done_callback(self._on_closed)
        self._watch_confirms()

    async def _send(self, channel: MessageChannel) -> None:
        """Write what may be sent now, at once, and wait until the socket has room again."""
        pieces: list[bytes] = []
        for flight in self._next_flights():
            try:
                pieces += self._written(flight, channel)
            except (TypeError, ValueError) as error:  # what cannot be written fails alone
                flight.answer.set_exception(error)
            else:
                self._take_off(flight)
        channel.write(b"".join(pieces))
        with suppress(TemporaryFailure), translated("publish"):  # a lost channel answers for its flights
            await channel.drained()

    def _next_flights(self) -> Iterator[_Flight]:
        """Take what may be sent now, in order; who has stopped waiting is left out."""
        octets = 0
        while octets < WRITE_OCTETS and self._may_send():
            flight = self._waiting.popleft()
            if not flight.answer.done():
                octets += len(flight.entry.body)
                yield flight

    def _take_off(self, flight: _Flight) -> None:
        self._last_tag += 1
        flight.tag, flight.sent_at = self._last_tag, self._loop.time()
        self._flying[flight.tag] = flight
        self._flying_octets += len(flight.entry.body)

    def _written(self, flight: _Flight, channel: MessageChannel) -> list[bytes]:
        entry = flight.entry
        if len(entry.body) > LARGEST_BODY:
            raise ValueError(f"a body of {len(entry.body)} bytes is more than the broker takes")
        said = Said(
            content_type=content_type_of(entry.body),
            headers=headers_of(entry, span=flight.message_id[:16]),
            priority=priority_of(entry),
            correlation_id=entry.correlation_id,
            message_id=flight.message_id,
            sent_at=self._clock.now(),
            kind=entry.kind.value,
            user_id=self._user,
        )
        return publishing(DELIVER_EXCHANGE, entry.mailbox, said, entry.body, at=channel.place)

    def _on_confirm(self, method: bytes) -> None:
        tag, is_multiple = read_confirm(method)
        tags = [each for each in self._flying if each <= tag] if is_multiple else [tag]
        for each in tags:
            flight = self._flying.get(each)
            if flight is not None and not flight.answer.done():
                flight.answer.set_result(_result(flight, is_taken=method.startswith(ACK)))

    def _on_return(self, returned: Delivered) -> None:
        """Remember what the broker could not route; it confirms it next."""
        message_id = read_properties(returned.header).message_id
        for flight in self._flying.values():
            if flight.message_id == message_id:
                flight.is_returned = True

    def _land(self, flight: _Flight) -> None:
        """Make room for others; called once for each publish, answered or abandoned."""
        if self._flying.get(flight.tag) is flight:
            del self._flying[flight.tag]
            self._flying_octets -= len(flight.entry.body)
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
        if self._channel is not None:
            self._channel.let_go()
            self._channel.closing.remove_done_callback(self._on_closed)
        self._channel = None
        self._reopen_at = self._loop.time() + REOPEN_PAUSE
        self._answer_all()

    def _answer_all(self) -> None:
        """Answer everything with `UNKNOWN`, what waits too."""
        for flight in (*self._flying.values(), *self._waiting):
            if not flight.answer.done():
                flight.answer.set_result(PublishResult.UNKNOWN)
        self._flying.clear()  # the next channel counts from the beginning
        self._flying_octets = 0
        self._waiting.clear()


def _result(flight: _Flight, *, is_taken: bool) -> PublishResult:
    """Return what it means that the broker acknowledges *flight*, or does not."""
    if not is_taken:
        return PublishResult.FULL
    return PublishResult.UNROUTABLE if flight.is_returned else PublishResult.CONFIRMED
