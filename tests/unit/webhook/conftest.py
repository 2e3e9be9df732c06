"""The adapter's server, answering on this machine for a mailbox whose broker is away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from adapters.kit.mailbox import Mailbox
from adapters.webhook.application import application
from adapters.webhook.books import TABLES
from adapters.webhook.desk import Desk
from adapters.webhook.problems import refuse
from adapters.webhook.settings import HookSettings, Token
from hub.transport.http_serving import HttpTerms, serve
from tests.unit.webhook.places import an_endpoint, kit_without_a_broker

TOKEN = "a-token-of-the-tests-that-is-long-enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server under test."""

    desk: Desk
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str = TOKEN) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}".encode()}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    async def speak(self, *pieces: bytes) -> bytes:
        """Send *pieces* as they are, then read until the server ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = HookSettings(
        kit=kit_without_a_broker(tmp_path),
        spool=tmp_path / "spool",
        documents=an_endpoint("https://127.0.0.1:1/"),
        events=an_endpoint("https://127.0.0.1:1/"),
        http=HttpTerms(
            host="127.0.0.1",
            port=0,
            header_seconds=0.3,
            body_seconds=0.5,
            max_body_octets=50_000,
            grace_seconds=1,
        ),
        public_url="https://truc.example.vn",
        tokens=(Token(name="tests", digest=sha256(TOKEN.encode()).digest()),),
        kept=timedelta(days=1),
    )
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with (
        Mailbox.open(settings.kit, tables=TABLES) as mailbox,
        Desk.open(settings, mailbox) as desk,
        asyncio.TaskGroup() as tasks,
    ):
        app = application(desk, settings.tokens)
        tasks.create_task(
            serve(
                app,
                settings.http,
                refuse=refuse,
                stop=stop,
                ready=lambda _host, port: listening.set_result(port),
            )
        )
        yield Server(desk=desk, port=await listening)
        stop.set()
