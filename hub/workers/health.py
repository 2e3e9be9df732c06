"""Health and metrics over HTTP: they tell the truth at the moment of asking."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.errors import ConfigurationError, TemporaryFailure

log = structlog.get_logger(__name__)
Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthServer:
    """Serves `/health/live`, `/health/ready` and `/metrics`."""

    host: str
    port: int
    checks: Mapping[str, Check]
    """What a hub that is ready has: each is asked on every request."""
    advice: Callable[[], Mapping[str, str]]
    """What an operator can do about those that fail, where that is known."""
    refresh: Callable[[], Awaitable[None]]
    """Fills the gauges that come from the database."""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until *stop*; raises `ConfigurationError` where the port is taken."""
        listener = self._listen()
        config = uvicorn.Config(self.application(), log_config=None, lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        host, port = listener.getsockname()[:2]
        log.info("health.listening", host=host, port=port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server._serve([listener]))  # noqa: SLF001 - `serve` would take our signals
            await stop.wait()
            server.should_exit = True

    def application(self) -> Starlette:
        """Return the three pages as an ASGI application."""
        return Starlette(
            routes=[
                Route("/health/live", self._live),
                Route("/health/ready", self._ready),
                Route("/metrics", self._metrics),
            ]
        )

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server((self.host, self.port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self.host}:{self.port} ({error.strerror}): choose another HUB_HTTP_PORT"
            ) from error

    async def _live(self, request: Request) -> Response:
        """Answer as long as the event loop turns."""
        del request
        return JSONResponse({"live": True})

    async def _ready(self, request: Request) -> Response:
        """Answer 200 only when everything that the hub needs answers now."""
        del request
        results = await asyncio.gather(*(check() for check in self.checks.values()))
        state = dict(zip(self.checks, results, strict=True))
        answer: dict[str, object] = {"ready": all(results), **state}
        if advice := self.advice():
            answer["advice"] = advice
        return JSONResponse(answer, status_code=200 if all(results) else 503)

    async def _metrics(self, request: Request) -> Response:
        del request
        with suppress(TemporaryFailure):
            await self.refresh()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
