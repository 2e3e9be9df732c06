"""The socket of a connection, under the client library: what carries messages goes past it.

Frames are cut here as they come. Those of a tapped channel that carry messages go to its tap, whole and at
once; all others go on to the client library, which so never reads the properties that strangers wrote. What
the broker says about its own room, which the library keeps to itself, is read here, too.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Final, SupportsIndex, TypeAlias

from aiormq.connection import TransportFactory
from yarl import URL

from hub.backends.rabbitmq.alarm import Alarm
from hub.backends.rabbitmq.frames import (
    BODY,
    HEAD,
    HEADER,
    HEARTBEAT,
    METHOD,
    NAME,
    OVERHEAD,
    Delivered,
    body_size,
)
from hub.backends.rabbitmq.gate import Gate

_REFUSAL: Final = ord("A")
"""How a broker begins that refuses the protocol: with `AMQP` and the one that it speaks, not with a frame."""
_SIGN_OF_LIFE: Final = 1.0
"""Seconds after which the client library is told that frames come: silence is a dead broker to it."""
_UNREAD: Final = 1_048_576
"""Octets that may wait for the client library: without messages, it never comes to that."""

TakeMessage: TypeAlias = Callable[[Delivered], None]
TakeMethod: TypeAlias = Callable[[bytes], None]


class Tap:
    """Takes some methods of one channel, and the messages that come with them, off the wire."""

    def __init__(
        self,
        *,
        messages: Mapping[bytes, TakeMessage],
        methods: Mapping[bytes, TakeMethod] | None = None,
    ) -> None:
        """Hand over what the given methods announce; a handler must not raise."""
        self._messages = dict(messages)
        self._methods = dict(methods or {})
        self._take: TakeMessage | None = None
        self._method = self._header = b""
        self._body: list[bytes] = []
        self._missing = 0

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a frame; returns whether it is one for this tap."""
        if kind == METHOD:
            return self._take_method(payload)
        take = self._take
        if take is None:
            return False
        if kind == HEADER:
            self._header, self._missing = payload, body_size(payload)
        elif kind == BODY:
            self._body.append(payload)
            self._missing -= len(payload)
        if self._missing <= 0:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._take, self._body = None, []
            take(Delivered(method=self._method, header=self._header, body=body))
        return True

    def _take_method(self, payload: bytes) -> bool:
        name = payload[:NAME]
        act = self._methods.get(name)
        if act is not None:
            act(payload)
            return True
        self._take, self._method = self._messages.get(name), payload
        return self._take is not None


class Wire:
    """Both ends of the socket of one connection, shared with the client library.

    It writes whole frames at a time, as we do, so that nothing gets between.
    """

    def __init__(
        self, reader: "FrameReader", writer: asyncio.StreamWriter, transport: asyncio.Transport
    ) -> None:
        """Share the socket that *transport* is."""
        self._reader = reader
        self._writer = writer
        self._transport = transport

    def tap(self, channel: int, tap: Tap) -> None:
        """Let *tap* have what comes on *channel* from now on."""
        self._reader.taps[channel] = tap

    def untap(self, channel: int, tap: Tap) -> None:
        """Take *tap* away, unless another one has its place by now."""
        if self._reader.taps.get(channel) is tap:
            del self._reader.taps[channel]

    def write(self, octets: bytes) -> None:
        """Send whole frames; over a lost connection they go nowhere."""
        if not self._transport.is_closing():
            self._writer.write(octets)

    async def drained(self) -> None:
        """Return once there is room for more; raises `OSError` where the connection is lost."""
        await self._writer.drain()

    def abort(self) -> None:
        """Close the socket at once, whatever waits to be sent: who waits for room hears of it."""
        self._transport.abort()

    def heed(self, gate: Gate) -> None:
        """Read only while *gate* is open: TCP makes the broker wait."""
        if self._transport.is_closing():
            return
        if gate.is_open:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


class TappedTransport(TransportFactory):
    """Opens the socket as the client library would, with a `FrameReader` at it."""

    def __init__(self, context: ssl.SSLContext | None, gate: Gate, alarm: Alarm) -> None:
        """Use TLS with *context*, where there is one; heed *gate*; tell *alarm* about the broker's room."""
        self._context = context
        self._gate = gate
        self._alarm = alarm
        self.wire: Wire | None = None
        """What was opened last."""

    async def create(self, url: URL, **_: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to *url*."""
        loop = asyncio.get_running_loop()
        reader = FrameReader(loop, self._alarm)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _protocol = await loop.create_connection(
            lambda: protocol, str(url.host), int(url.port or 0), ssl=self._context
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.wire = Wire(reader, writer, transport)
        self._gate.watcher = self.wire.heed
        return reader, writer


class FrameReader(asyncio.StreamReader):
    """Cuts what the socket has read into frames; what no tap takes is passed on unchanged."""

    def __init__(self, loop: asyncio.AbstractEventLoop, alarm: Alarm) -> None:
        """Begin without taps; what the broker says about its room is for *alarm*."""
        super().__init__(limit=_UNREAD, loop=loop)
        self.taps: dict[int, Tap] = {}
        self._alarm = alarm
        self._now = loop.time
        self._told_at = loop.time()
        self._come = bytearray()
        """What has come and is not a whole frame yet."""

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take what the socket has read, up to the end of the last whole frame."""
        self._come += bytes(data)
        with memoryview(self._come) as come:
            end = self._sort(come)
        del self._come[:end]

    def feed_eof(self) -> None:
        """Pass on what there is."""
        if self._come:
            super().feed_data(bytes(self._come))
        super().feed_eof()

    def _sort(self, come: memoryview) -> int:
        """Give each whole frame to whom it is for; returns where the last one ends."""
        start = passed = taken = 0
        while (end := _end_of_frame(come, start)) is not None:
            if self._is_taken(come[start:end]):
                super().feed_data(come[passed:start])
                passed, taken = end, taken + 1
            start = end
        super().feed_data(come[passed:start])
        if taken and self._now() - self._told_at > _SIGN_OF_LIFE:
            self._told_at = self._now()
            super().feed_data(HEARTBEAT)
        return start

    def _is_taken(self, frame: memoryview) -> bool:
        kind, channel, _ = HEAD.unpack_from(frame)
        if channel:
            tap = self.taps.get(channel)
            return tap is not None and tap.take(kind, bytes(frame[HEAD.size : -1]))
        if kind == METHOD:
            self._alarm.read(bytes(frame[HEAD.size : -1]))
        return False


def _end_of_frame(come: memoryview, start: int) -> int | None:
    """Return where the frame at *start* ends; nothing where more of it has to come first."""
    if len(come) - start < HEAD.size:
        return None
    kind, _, size = HEAD.unpack_from(come, start)
    end: int = len(come) if kind == _REFUSAL else start + OVERHEAD + size
    return end if end <= len(come) else None
