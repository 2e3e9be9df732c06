"""The frames that carry messages (AMQP 0-9-1 §4.2) as octets, without an object for each part of each.

The client library makes objects of every frame, copies its octets four times and wakes three tasks for it,
which costs the hub more processor than its signature checks. So the library keeps what is said once, on
connections, channels and subscriptions; what is said for each message is written and read here. In the tests
its codec is the judge.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Final

import structlog
from pamqp import decode

log: structlog.stdlib.BoundLogger = structlog.get_logger()

HEAD: Final = struct.Struct(">BHI")
"""Kind, channel and size of what follows; behind that, one closing octet."""
END: Final = b"\xce"
OVERHEAD: Final = HEAD.size + len(END)
METHOD, HEADER, BODY = 1, 2, 3
HEARTBEAT: Final = HEAD.pack(8, 0, 0) + END

_METHOD: Final = struct.Struct(">HH")
NAME: Final = _METHOD.size
"""Octets that name a method."""
PUBLISH: Final = _METHOD.pack(60, 40)
RETURN: Final = _METHOD.pack(60, 50)
DELIVER: Final = _METHOD.pack(60, 60)
ACK: Final = _METHOD.pack(60, 80)
REJECT: Final = _METHOD.pack(60, 90)
NACK: Final = _METHOD.pack(60, 120)

UNREADABLE: Final = "x-unreadable-properties"
"""Header of a message whose properties could not be read, with the reason."""
_NO_TICKET: Final = b"\x00\x00"
_MANDATORY: Final = b"\x01"
_PERSISTENT: Final = 2
_MULTIPLE, _REQUEUE = 1, 2
_TAG: Final = struct.Struct(">QB")
_CONTENT: Final = struct.Struct(">HHQH")
"""Class, nothing, size of the body, and which properties follow."""
_OCTETS: Final = struct.Struct(">BB")
_LENGTH: Final = struct.Struct(">I")
_INSTANT: Final = struct.Struct(">Q")
_INT: Final = struct.Struct(">cq")


class _Bit(IntEnum):
    """Where a property stands in the flags; they follow one another in this order."""

    CONTENT_TYPE = 15
    CONTENT_ENCODING = 14
    HEADERS = 13
    DELIVERY_MODE = 12
    PRIORITY = 11
    CORRELATION_ID = 10
    REPLY_TO = 9
    EXPIRATION = 8
    MESSAGE_ID = 7
    TIMESTAMP = 6
    TYPE = 5
    USER_ID = 4
    APP_ID = 3
    CLUSTER_ID = 2


_WRITTEN: Final = sum(
    1 << bit
    for bit in _Bit
    if bit not in {_Bit.CONTENT_ENCODING, _Bit.REPLY_TO, _Bit.EXPIRATION, _Bit.APP_ID, _Bit.CLUSTER_ID}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the hub says with a message that it publishes."""

    content_type: str
    headers: Mapping[str, str | int]
    priority: int
    correlation_id: str
    message_id: str
    sent_at: datetime
    kind: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is said with a message that came; None for what is not."""

    headers: dict[str, object]
    correlation_id: str | None = None
    message_id: str | None = None
    sent_at: datetime | None = None
    kind: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One message as it came."""

    method: bytes
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where frames go: a channel, and how much it takes in one frame."""

    channel: int
    largest: int


def publishing(exchange: str, routing_key: str, said: Said, body: bytes, *, at: Place) -> list[bytes]:
    """Return the octets that publish *body*, mandatory and persistent, in pieces to be joined.

    Raises `ValueError` where something is longer than AMQP can say.
    """
    header = _content_header(said, len(body))
    if len(header) > at.largest:
        raise ValueError(f"properties of {len(header)} bytes do not fit into a frame")
    pieces = [_publish(at.channel, exchange, routing_key), HEAD.pack(HEADER, at.channel, len(header)), header]
    for start in range(0, len(body), at.largest):
        piece = body[start : start + at.largest]
        pieces += (END, HEAD.pack(BODY, at.channel, len(piece)), piece)
    pieces.append(END)
    return pieces


def acknowledging(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the octets that acknowledge *tag*, and all before it where *multiple*."""
    return _method(channel, ACK + _TAG.pack(tag, multiple))


def giving_back(channel: int, tag: int) -> bytes:
    """Return the octets that put *tag* back into its queue."""
    return _method(channel, NACK + _TAG.pack(tag, _REQUEUE))


def rejecting(channel: int, tag: int) -> bytes:
    """Return the octets that send *tag* to the dead-letter exchange of its queue."""
    return _method(channel, REJECT + _TAG.pack(tag, 0))


def read_confirm(method: bytes) -> tuple[int, bool]:
    """Return the tag of an ack or nack, and whether it is about all before it, too."""
    tag, bits = _TAG.unpack_from(method, len(ACK))
    return tag, bool(bits & _MULTIPLE)


def read_deliver(method: bytes) -> tuple[int, bool, str]:
    """Return the tag of a delivery, whether it was delivered before, and its routing key."""
    start = len(DELIVER) + 1 + method[len(DELIVER)]  # behind the consumer's tag
    tag, is_redelivered = _TAG.unpack_from(method, start)
    start += _TAG.size
    start += 1 + method[start]  # behind the exchange
    routing_key = method[start + 1 : start + 1 + method[start]]
    return tag, bool(is_redelivered), routing_key.decode(errors="replace")


def body_size(header: bytes) -> int:
    """Return how many octets of body follow *header*."""
    size: int = _CONTENT.unpack_from(header)[2]
    return size


def read_properties(header: bytes) -> Heard:
    """Return what *header* says; where that cannot be read, only that it cannot.

    The broker passes on properties as they were published: text that is not UTF-8, instants beyond the year
    9999, tables nested a thousand deep. Nobody vouches for such a message, and it is quarantined.
    """
    try:
        return _read(header)
    except (ValueError, TypeError, ArithmeticError, OSError, RecursionError, LookupError) as error:
        reason = type(error).__name__
    except struct.error:
        reason = "too short"
    log.warning("message.unreadable", reason=reason)
    return Heard(headers={UNREADABLE: reason})


def _read(header: bytes) -> Heard:
    texts: dict[int, str] = {}
    headers: dict[str, object] = {}
    sent_at: datetime | None = None
    position = _CONTENT.size
    for bit in _present(_CONTENT.unpack_from(header)[3]):
        if bit == _Bit.HEADERS:
            used, table = decode.field_table(header[position:])
            headers = dict(table)
        elif bit == _Bit.TIMESTAMP:
            used, sent_at = decode.timestamp(header[position:])
        elif bit in {_Bit.DELIVERY_MODE, _Bit.PRIORITY}:
            used = 1
        else:
            used = 1 + header[position]
            texts[bit] = header[position + 1 : position + used].decode()
        position += used
    if position > len(header):
        raise ValueError("properties end beyond their frame")
    return Heard(
        headers=headers,
        correlation_id=texts.get(_Bit.CORRELATION_ID),
        message_id=texts.get(_Bit.MESSAGE_ID),
        sent_at=sent_at,
        kind=texts.get(_Bit.TYPE),
        user_id=texts.get(_Bit.USER_ID),
    )


@lru_cache(maxsize=256)
def _present(flags: int) -> tuple[int, ...]:
    return tuple(int(bit) for bit in _Bit if flags >> bit & 1)


@lru_cache(maxsize=8_192)
def _publish(channel: int, exchange: str, routing_key: str) -> bytes:
    """Return the method frame of a publish; there are not many different ones."""
    return _method(channel, PUBLISH + _NO_TICKET + _short(exchange) + _short(routing_key) + _MANDATORY)


def _method(channel: int, payload: bytes) -> bytes:
    return HEAD.pack(METHOD, channel, len(payload)) + payload + END


def _content_header(said: Said, size: int) -> bytes:
    table = b"".join(_entries(said.headers))
    return b"".join(
        (
            _CONTENT.pack(60, 0, size, _WRITTEN),
            _name(said.content_type),
            _LENGTH.pack(len(table)),
            table,
            _OCTETS.pack(_PERSISTENT, said.priority),
            _short(said.correlation_id),
            _short(said.message_id),
            _INSTANT.pack(int(said.sent_at.timestamp())),
            _name(said.kind),
            _name(said.user_id),
        )
    )


def _entries(headers: Mapping[str, str | int]) -> Iterator[bytes]:
    for name, value in headers.items():
        yield _name(name)
        if isinstance(value, int):
            yield _INT.pack(b"l", value)
        else:
            octets = value.encode()
            yield b"S" + _LENGTH.pack(len(octets)) + octets


@lru_cache(maxsize=256)
def _name(text: str) -> bytes:
    """Return *text*, one of a few, as AMQP says a short text."""
    return _short(text)


def _short(text: str) -> bytes:
    octets = text.encode()
    try:
        return bytes((len(octets),)) + octets
    except ValueError:
        raise ValueError(f"{text[:40]}… is longer than the 255 bytes that AMQP has for it") from None
