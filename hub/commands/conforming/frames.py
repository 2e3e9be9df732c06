"""Reads the frames of AMQP 0-9-1 out of what passes on a connection, piece by piece."""

from collections.abc import Iterator
from typing import Final, TypeAlias

import pamqp.frame
from pamqp import base, body, header, heartbeat
from pamqp.exceptions import PAMQPException

Frame: TypeAlias = (
    base.Frame | body.ContentBody | header.ContentHeader | header.ProtocolHeader | heartbeat.Heartbeat
)

_HEAD: Final = 7
"""Type, channel and size stand before each frame's payload, one octet behind it."""
_PROTOCOL: Final = 8
_LARGEST: Final = 16 * 1024 * 1024


class FrameReader:
    """Holds the beginning of a frame until its end has come; what is no AMQP is passed over for good."""

    def __init__(self) -> None:
        """Begin at the beginning of a connection."""
        self._octets = bytearray()
        self._is_lost = False

    def read(self, piece: bytes) -> Iterator[tuple[int, Frame]]:
        """Return each frame that is whole now, with its channel."""
        if self._is_lost:
            return
        self._octets += piece
        if self._octets.startswith(b"AMQP") and len(self._octets) >= _PROTOCOL:
            del self._octets[:_PROTOCOL]
        while (size := self._size()) is not None:
            octets = bytes(self._octets[:size])
            del self._octets[:size]
            try:
                _, channel, frame = pamqp.frame.unmarshal(octets)
            except (PAMQPException, ValueError, LookupError):
                self._is_lost = True
                return
            yield channel, frame

    def _size(self) -> int | None:
        if len(self._octets) < _HEAD or self._octets.startswith(b"AMQP"):
            return None
        size = _HEAD + int.from_bytes(self._octets[3:7], "big") + 1
        if size > _LARGEST:
            self._is_lost = True
            return None
        return size if len(self._octets) >= size else None
