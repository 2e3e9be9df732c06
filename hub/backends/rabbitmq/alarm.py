"""Whether the broker has stopped reading us, as it does with publishers while it is low on memory or disk.

It says so with `connection.blocked`, at the first publish after its alarm, which it takes no more, and takes
it back when the alarm ends. What was written meanwhile waits in the socket and is read then: nothing is lost,
nothing to try again. Who publishes nothing is told nothing.
"""

import struct
import time
from collections.abc import Callable
from typing import Final

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()

METHOD_ON_CONNECTION: Final = b"\x01\x00\x00"
"""How a frame begins that holds a method about the whole connection: its kind, then channel 0."""
ADVICE: Final = (
    "the broker is low on memory or disk and takes no messages: give it room (`rabbitmq-diagnostics alarms` "
    "tells which); nothing is lost, and publishing goes on by itself"
)
_METHOD: Final = struct.Struct(">HH")
_BLOCKED: Final = (10, 60)
_UNBLOCKED: Final = (10, 61)


class Alarm:
    """What the broker says about reading the connection that we have at this moment."""

    def __init__(self, *, purpose: str) -> None:
        """Begin without one; *purpose* names the connection in the log."""
        self._purpose = purpose
        self._since = 0.0
        self.reason: str | None = None
        """What is low, as the broker says; nothing while it reads."""
        self.watchers: list[Callable[[], None]] = []
        """Called when it begins and when it ends."""

    @property
    def is_raised(self) -> bool:
        """Whether the broker does not read what we write."""
        return self.reason is not None

    def read(self, method: bytes) -> None:
        """Take note of a method about the whole connection; most of them say nothing about this."""
        about = _METHOD.unpack_from(method)
        if about == _BLOCKED:
            start = _METHOD.size + 1
            reason = method[start : start + method[start - 1]]
            self._begin(reason.decode("utf-8", errors="replace"))
        elif about == _UNBLOCKED:
            self._end()

    def forget(self) -> None:
        """Begin anew: a connection that is gone waits for nothing."""
        if self.is_raised:
            self._end()

    def _begin(self, reason: str) -> None:
        self.reason, self._since = reason or "no reason given", time.monotonic()
        log.error("broker.blocked", purpose=self._purpose, reason=self.reason, advice=ADVICE)
        self._tell()

    def _end(self) -> None:
        self.reason = None
        seconds = round(time.monotonic() - self._since, 1)
        log.warning("broker.unblocked", purpose=self._purpose, seconds=seconds)
        self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()
