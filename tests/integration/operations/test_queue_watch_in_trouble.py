"""A management interface that answers nonsense, or nothing: the watch goes on, and ends when it has to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from hub.backends.clock import SystemClock
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.workers.queue_watch import QueueWatch
from tests.integration.operations.conftest import Office
from tests.support.waiting import until

NONSENSE = (
    (200, b"[]"),
    (200, b"{}"),
    (200, b'{"items": null, "page_count": "many"}'),
    (200, b"{}"),
    (200, b"{}"),
    (200, b"<html>"),
    (400, b"page_out_of_range"),
    (401, b"no"),
    (404, b"no"),
    (500, b"no"),
    (503, b""),
)


@dataclass(slots=True)
class Interface:
    """Answers each request with the next of its answers, or never."""

    answers: tuple[tuple[int, bytes], ...]
    asked: int = 0
    port: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.answers:
            status, body = self.answers[self.asked % len(self.answers)]
            head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            writer.close()

    def close(self) -> None:
        for each in self._writers:
            each.close()


@asynccontextmanager
async def interface(*answers: tuple[int, bytes]) -> AsyncIterator[Interface]:
    told = Interface(answers)
    server = await asyncio.start_server(told.answer, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        told.close()
        server.close()


def watch_of(office: Office, told: Interface) -> QueueWatch:
    address = ManagementAddress(url=f"http://127.0.0.1:{told.port}", user="a", password="b")
    return QueueWatch(
        database=office.database,
        connect=lambda: ManagementApi(address),
        clock=SystemClock(),
        interval=timedelta(milliseconds=1),
        patience=timedelta(seconds=30),
    )


async def test_the_watch_goes_on_whatever_it_is_answered(office: Office) -> None:
    stop = asyncio.Event()
    async with interface(*NONSENSE) as told, asyncio.TaskGroup() as tasks:
        tasks.create_task(watch_of(office, told).run(stop))

        await until(lambda: told.asked > 3 * len(NONSENSE), what="questions after every answer")

        stop.set()
    assert await office.store.fetch("select mailbox from queue_losses") == []


async def test_the_watch_ends_at_once_while_the_broker_owes_an_answer(office: Office) -> None:
    stop = asyncio.Event()
    async with interface() as silent:
        watching = asyncio.create_task(watch_of(office, silent).run(stop))
        await until(lambda: silent.asked, what="a question")

        stop.set()

        await asyncio.wait_for(watching, 5)
