"""Frames as they come from the socket, before the client library reads them.

The broker passes on properties as they were published: text that is not UTF-8, instants beyond the year 9999,
tables nested a thousand deep. The client library ends the connection at such a header frame, so that one
mailbox could stop the hub's intake, again at each redelivery. Here an unreadable header is exchanged for a
readable one that says so; nobody vouches for such a message, and it is quarantined.

The client library keeps to itself that the broker blocks a connection: this is where we see it.
"""

import asyncio
import ssl
import struct
from collections.abc import Iterable
from typing import Final, SupportsIndex

import structlog
from aiormq.connection import TransportFactory
from pamqp import frame
from pamqp.commands import Basic
from pamqp.constants import FRAME_HEADER
from pamqp.header import ContentHeader
from yarl import URL

from hub.backends.rabbitmq.alarm import METHOD_ON_CONNECTION, Alarm
from hub.backends.rabbitmq.gate import Gate

log: structlog.stdlib.BoundLogger = structlog.get_logger()

UNREADABLE: Final = "x-unreadable-properties"
"""Header of a message whose properties could not be read, with the reason."""
_HEAD: Final = struct.Struct(">BHI")
_REFUSAL: Final = b"AMQP"
_BODY_SIZE: Final = struct.Struct(">HHQ")


class TolerantTransport(TransportFactory):
    """Opens the socket as the client library would, and reads it through a `TolerantReader`."""

    def __init__(self, context: ssl.SSLContext | None, gate: Gate, alarm: Alarm) -> None:
        """Use TLS with *context*, where there is one; read only while *gate* is open; tell *alarm*."""
        self._context = context
        self._gate = gate
        self._alarm = alarm

    async def create(self, url: URL, **_: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to *url*."""
        loop = asyncio.get_running_loop()
        reader = TolerantReader(loop, self._gate, self._alarm)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _protocol = await loop.create_connection(
            lambda: protocol, str(url.host), int(url.port or 0), ssl=self._context
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class TolerantReader(asyncio.StreamReader):
    """Passes on what the socket has read, but header frames only whole and readable; watches for alarms."""

    _held: bytes = b""
    """The beginning of a frame whose kind or, where all of it has to be read, whose end is not known yet."""
    _passing: int = 0
    """Octets still to come of a frame that is passed on as it is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gate: Gate, alarm: Alarm) -> None:
        """Read while *gate* is open; what the broker says about its room is for *alarm*."""
        super().__init__(loop=loop)
        self._gate = gate
        self._alarm = alarm

    async def readexactly(self, n: int) -> bytes:
        """Return the next *n* octets, as soon as the gate is open; until then the socket fills up."""
        if not self._gate.is_open:
            await self._gate.passed()
        return await super().readexactly(n)

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take what the socket has read; nothing is copied where nothing has to be changed."""
        self._feed(self._held + bytes(data) if self._held else bytes(data))

    def _feed(self, data: bytes) -> None:
        self._held = b""
        start, position = 0, self._passing
        while (end := _end_of_frame(data, position)) is not None:
            if data[position] == FRAME_HEADER and (instead := _replacement(data[position:end])):
                super().feed_data(data[start:position] + instead)
                start = end
            elif data.startswith(METHOD_ON_CONNECTION, position):
                self._alarm.read(data[position + _HEAD.size : end - 1])
            position = end
        if position < len(data):
            self._held = data[position:]
        self._passing = max(0, position - len(data))
        if rest := data[start:position]:
            super().feed_data(rest)

    def feed_eof(self) -> None:
        """Pass on what there is."""
        if self._held:
            super().feed_data(self._held)
        super().feed_eof()


def _end_of_frame(data: bytes, start: int) -> int | None:
    """Return where the frame at *start* ends; nothing where more of it must be seen first.

    Others than header frames and those about the whole connection may end beyond *data*. The broker's refusal
    of the protocol is no frame.
    """
    if len(data) - start < _HEAD.size:
        return None
    if data.startswith(_REFUSAL, start):
        return start + _HEAD.size + 1
    kind, _, size = _HEAD.unpack_from(data, start)
    end: int = start + _HEAD.size + size + 1
    is_read = kind == FRAME_HEADER or data.startswith(METHOD_ON_CONNECTION, start)
    return None if is_read and end > len(data) else end


def _replacement(header: bytes) -> bytes | None:
    """Return a header frame for the same body without properties, where those of *header* cannot be read."""
    payload = header[_HEAD.size : -1]
    try:
        ContentHeader().unmarshal(payload)
    except (
        ValueError,
        TypeError,
        ArithmeticError,
        OSError,
        RecursionError,
        LookupError,
        struct.error,
    ) as error:
        reason = type(error).__name__
    else:
        return None
    log.warning("message.unreadable", reason=reason)
    _, _, body_size = _BODY_SIZE.unpack_from(payload)
    properties = Basic.Properties(headers={UNREADABLE: reason})
    return frame.marshal(
        ContentHeader(body_size=body_size, properties=properties), _HEAD.unpack_from(header)[1]
    )
