"""Serves a web application to strangers: times, sizes and connections are limited, and it ends in order."""

import asyncio
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.errors import ConfigurationError
from hub.transport.http_guarding import LINGER_SECONDS, GuardedProtocol, Refusal, RefusalAnswer, Refuse
from hub.transport.http_terms import HttpTable, HttpTerms

__all__ = ["HttpTable", "HttpTerms", "Refusal", "RefusalAnswer", "Refuse", "serve"]

_log = structlog.get_logger(__name__)
_WATCH_SECONDS: Final = 0.5
_ERROR: Final = 500
_BAD_REQUEST: Final = 400
_TUNNEL: Final = "CONNECT"
_DECIMAL: Final = 10


async def serve(
    app: ASGIApp,
    terms: HttpTerms,
    *,
    refuse: Refuse,
    stop: asyncio.Event,
    ready: Callable[[str, int], None] | None = None,
) -> None:
    """Serve *app* until *stop*; *ready* is told the address once clients may come.

    What never gets to *app*, or fails in it, is answered with *refuse*. Raises `ConfigurationError` where
    the address is taken or the certificate cannot be used.
    """
    server = _Server(app, terms, refuse)
    listener = _listen(terms)
    try:
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server._serve([listener]))  # noqa: SLF001 - `serve` would take our signals
            watching = tasks.create_task(server.watch())
            if ready is not None:
                host, port = listener.getsockname()[:2]
                ready(host, port)
            await stop.wait()
            server.should_exit = True
            await serving
            watching.cancel()
    finally:
        server.cut_off()
        listener.close()


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, terms: HttpTerms, refuse: Refuse) -> None:
        config = uvicorn.Config(
            _Guarded(app, terms, refuse),
            log_config=None,
            lifespan="off",
            ws="none",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=terms.max_header_octets,
            timeout_keep_alive=max(1, round(terms.keep_alive_seconds)),
            timeout_graceful_shutdown=max(1, round(terms.grace_seconds)),
        )
        super().__init__(config)
        self._terms = terms
        self._context = terms.context()
        self._connection = partial(
            GuardedProtocol, config=config, state=self.server_state, terms=terms, refuse=refuse
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; the greeting of TLS has its time, too."""
        loop = asyncio.get_running_loop()
        limit = self._terms.header_seconds if self._context is not None else None
        await self.lifespan.startup()
        self.servers = [
            await loop.create_server(
                self._connection,
                sock=each,
                ssl=self._context,
                ssl_handshake_timeout=limit,
                ssl_shutdown_timeout=limit,
            )
            for each in sockets or ()
        ]
        self.started = True

    async def watch(self) -> None:
        """Look after slow clients until cancelled."""
        loop = asyncio.get_running_loop()
        pause = min(_WATCH_SECONDS, self._terms.header_seconds / 4, self._terms.body_seconds / 4)
        while True:
            await asyncio.sleep(pause)
            for each in list(self.server_state.connections):
                if isinstance(each, GuardedProtocol):
                    each.watch(loop.time())

    def cut_off(self) -> None:
        """End what did not end in time."""
        for each in list(self.server_state.connections):
            each.transport.abort()


class _TooLarge(Exception):
    """The body has exceeded the limit while the application read it."""


class _Guarded:
    """The application behind a limit to the size of bodies, and with an answer to its own failures."""

    def __init__(self, app: ASGIApp, terms: HttpTerms, refuse: Refuse) -> None:
        self._app = app
        self._limit = terms.max_body_octets
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request over."""
        exchange = _Exchange(receive, send, limit=self._limit)
        if scope["method"] == _TUNNEL or _has_two_lengths(scope):
            # A tunnel is what 2xx answers to CONNECT mean, whatever the interface says: it hears of an error.
            answer = self._refuse(Refusal.MALFORMED)
            await exchange.refuse(replace(answer, status=max(answer.status, _BAD_REQUEST)))
            return
        if _announced(scope) > self._limit:
            await exchange.refuse(self._refuse(Refusal.TOO_LARGE))
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return  # it is gone, or was told why it has to go
        except Exception as error:  # noqa: BLE001 - the net around the application
            if not exchange.is_too_large:
                # Formatted here: what renders an error by itself may show the values of variables.
                _log.error("request.failed", exception="".join(traceback.format_exception(error)))
                await exchange.refuse(self._refuse(Refusal.FAILED))
                return
        if exchange.is_too_large:
            await exchange.refuse(self._refuse(Refusal.TOO_LARGE))
        await exchange.release()


class _Exchange:
    def __init__(self, receive: Receive, send: Send, *, limit: int) -> None:
        self._receive, self._send, self._rest = receive, send, limit
        self._has_begun = False
        self._held: list[Message] = []
        self.is_too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._rest -= len(message.get("body", b""))
        if self._rest < 0:
            self.is_too_large = True
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.is_too_large and not self._has_begun:
            return  # what the application makes of it; the answer is ours
        if self._held or message.get("status") == _ERROR:
            self._held.append(message)  # frameworks answer an error and raise it: the answer is ours then
            return
        self._has_begun = True
        await self._send(message)

    async def release(self) -> None:
        """Send an error that the application knew of."""
        for message in self._held:
            await self._send(message)

    async def refuse(self, answer: RefusalAnswer) -> None:
        """Answer, then let the client finish what it is sending, or it would not see the answer."""
        if self._has_begun:
            raise ConnectionAbortedError("the answer had begun")
        headers = [
            (b"content-type", answer.content_type.encode("latin-1")),
            (b"content-length", str(len(answer.body)).encode()),
            (b"connection", b"close"),
        ]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": answer.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await self._receive()).get("more_body", False):
                    pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_two_lengths(scope: Scope) -> bool:
    """Whether a body says its length in two ways: a proxy before us may believe the other (RFC 9112 §6.1)."""
    names = {name for name, _ in scope.get("headers", ())}
    return names >= {b"content-length", b"transfer-encoding"}


def _announced(scope: Scope) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value, _DECIMAL)
    return 0


def _listen(terms: HttpTerms) -> socket.socket:
    try:
        return socket.create_server((terms.host, terms.port))
    except OSError as error:
        raise ConfigurationError(
            f"không mở được cổng {terms.host}:{terms.port} / cannot listen on {terms.host}:{terms.port} "
            f"({error.strerror}): choose another address or port"
        ) from error
