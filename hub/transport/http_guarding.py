"""What stands between strangers and a web application: no client holds a connection by being slow."""

import asyncio
import http
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from hub.transport.http_terms import HttpTerms

LINGER_SECONDS: Final = 3.0
"""So long what still comes after a refusal is thrown away, or the client would not get to read it."""
_log = structlog.get_logger(__name__)


class Refusal(StrEnum):
    """Why a request does not get to the application, or the application's answer not to the client."""

    TOO_LARGE = "too-large"
    """Its body is larger than the terms allow."""
    TOO_SLOW = "too-slow"
    """Its header or its body does not come."""
    TOO_MANY = "too-many"
    """All connections are taken."""
    MALFORMED = "malformed"
    """It is not HTTP, or its header is larger than the terms allow."""
    FAILED = "failed"
    """The application raised an error that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAnswer:
    """What the client is told, in the words of its interface."""

    status: int
    content_type: str
    body: bytes

    def raw(self) -> bytes:
        """Return the answer as it goes out, after which the connection is closed."""
        try:
            phrase = http.HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        head = (
            f"HTTP/1.1 {self.status} {phrase}\r\ncontent-type: {self.content_type}\r\n"
            f"content-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode("latin-1") + self.body


Refuse: TypeAlias = Callable[[Refusal], RefusalAnswer]
"""Writes refusals as the interface wants them."""


class GuardedProtocol(H11Protocol):
    """One connection: uvicorn's, with limits to how slow its client may be (`watch`, asked every second)."""

    def __init__(self, *, config: Config, state: ServerState, terms: HttpTerms, refuse: Refuse) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._terms = terms
        self._refuse = refuse
        self._header_since: float | None = self.loop.time()
        self._window: tuple[float, int] = (self.loop.time(), 0)
        self._stalled_since: float | None = None
        self._leaving_since: float | None = None
        self._octets = 0

    def data_received(self, data: bytes) -> None:
        """Take what came, and the time at which a header began."""
        if self._leaving_since is not None or self.transport.is_closing():
            return
        if self._octets == 0 and self._is_one_too_many and not self._make_room():
            self._turn_away(Refusal.TOO_MANY)
            return
        was_at_work = self._is_at_work
        self._octets += len(data)
        super().data_received(data)
        if self._is_at_work:
            self._header_since = None
            if not was_at_work:
                self._window = (self.loop.time(), self._octets)
        elif self._header_since is None:
            self._header_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Wait for the next request, which has its own time."""
        self._header_since = None
        super().on_response_complete()
        if self._is_at_work:  # it had come already, behind the last one
            self._window = (self.loop.time(), self._octets)

    def pause_writing(self) -> None:
        """Note since when the client has not read."""
        self._stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it has."""
        self._stalled_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the interface's own words."""
        del msg
        self._turn_away(Refusal.MALFORMED)

    @property
    def _is_at_work(self) -> bool:
        return not getattr(self.cycle, "response_complete", True)  # there is none before the first request

    @property
    def is_idle(self) -> bool:
        """Whether the client has asked for nothing that is not answered."""
        is_silent = self._octets == 0 or self._header_since is None
        return is_silent and not self._is_at_work and self._leaving_since is None

    @property
    def _is_one_too_many(self) -> bool:
        return len(self.connections) > self._terms.max_connections

    def watch(self, now: float) -> None:
        """End the connection where its client is too slow at *now*."""
        if self.transport.is_closing() or self._leaving_since is not None:
            self._leave(now)
        elif self._stalled_since is not None:
            if now - self._stalled_since > self._terms.body_seconds:
                self._abort("slow reader")
        elif self._octets == 0 and self._is_one_too_many:
            self.transport.close()
        elif self._is_late(now):
            self._turn_away(Refusal.TOO_SLOW)

    def _leave(self, now: float) -> None:
        self._leaving_since = self._leaving_since or now
        if now - self._leaving_since > max(self._terms.body_seconds, 2 * LINGER_SECONDS):
            self.transport.abort()  # it does not read what we said last
        elif now - self._leaving_since > LINGER_SECONDS and not self.transport.is_closing():
            self.transport.close()

    def _is_late(self, now: float) -> bool:
        if self._header_since is not None:
            return now - self._header_since > self._terms.header_seconds
        if not self._is_at_work or not self.cycle.more_body:
            return False
        since, octets = self._window
        if self.flow.read_paused:  # it is the application that takes its time
            self._window = (now, self._octets)
            return False
        if now - since <= self._terms.body_seconds:
            return False
        self._window = (now, self._octets)
        return self._octets - octets < self._terms.slowest * self._terms.body_seconds

    def _make_room(self) -> bool:
        """Close a connection that nobody uses just now for the one that came; False where all are in use."""
        others = (each for each in self.connections if isinstance(each, GuardedProtocol) and each is not self)
        idle = next((each for each in others if each.is_idle), None)
        if idle is not None:
            idle.transport.close()
        return idle is not None

    def _turn_away(self, refusal: Refusal) -> None:
        """Say why, where nothing was said yet and there is somebody to hear it; then hear no more."""
        _log.warning("request.refused", refusal=refusal, client=self.client[0] if self.client else None)
        has_begun = self._is_at_work and self.cycle.response_started
        is_silent = self._octets == 0 and refusal is Refusal.TOO_SLOW
        if self._is_at_work:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if has_begun or is_silent:
            self.transport.close()
            return
        self.transport.write(self._refuse(refusal).raw())
        self._leaving_since = self.loop.time()
        if self.transport.can_write_eof():
            self.transport.write_eof()  # closed at once, what is still coming would keep it from being read

    def _abort(self, reason: str) -> None:
        _log.warning("request.cut", reason=reason, client=self.client[0] if self.client else None)
        self.transport.abort()
