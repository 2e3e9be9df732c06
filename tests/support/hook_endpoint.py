"""An agency's endpoint: a small HTTP server of the test's own that verifies, records, and answers."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h11
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests' own, no other").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as it came."""

    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def identity(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found

    @property
    def data(self) -> dict[str, object]:
        data = self.event["data"]
        assert isinstance(data, dict)
        return data

    @property
    def kind(self) -> str:
        return str(self.event["type"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the endpoint answers; `hangs_up` gives no answer at all."""

    status: int = 200
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hangs_up: bool = False


def said(number: int = 200, **content: object) -> Said:
    """Return an answer with a JSON body."""
    return Said(status=number, content=json.dumps(content).encode())


class HookEndpoint:
    """Takes what is POSTed; `answer` says how."""

    def __init__(self, port: int, scheme: str) -> None:
        self.url = f"{scheme}://127.0.0.1:{port}/truc"
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Said] = lambda _: Said()
        self.unverified: list[str] = []
        self.is_silent = False
        self.served: list[asyncio.Task[None]] = []

    def of_kind(self, kind: str) -> list[Asked]:
        return [each for each in self.asked if each.kind == kind]

    @property
    def documents(self) -> list[Asked]:
        return self.of_kind("document.delivered")

    @classmethod
    @asynccontextmanager
    async def open(cls, tls: ssl.SSLContext | None = None) -> AsyncIterator["HookEndpoint"]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            endpoint = cls(free.getsockname()[1], "https" if tls is not None else "http")
            server = await asyncio.start_server(endpoint.serve, sock=free.dup(), ssl=tls)
        try:
            yield endpoint
        finally:
            server.close()
            for each in endpoint.served:
                each.cancel()
            await asyncio.gather(*endpoint.served, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.served.append(task)
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while self.is_silent and await reader.read(65_536):
                pass
            while await self._one(reader, writer):
                pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        connection, body, request = h11.Connection(h11.SERVER), bytearray(), None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        reply = self._take(Asked(headers=headers, body=bytes(body)))
        if reply.hangs_up:
            return False
        sent = [("content-length", str(len(reply.content))), *reply.headers]
        writer.write(connection.send(h11.Response(status_code=reply.status, headers=sent)) or b"")
        writer.write(connection.send(h11.Data(data=reply.content)) or b"")
        await writer.drain()
        return True

    def _take(self, asked: Asked) -> Said:
        try:
            Webhook(SECRET).verify(asked.body, asked.headers)
        except WebhookVerificationError as error:
            self.unverified.append(repr(error))
            return Said(status=401)
        self.asked.append(asked)
        return self.answer(asked)
