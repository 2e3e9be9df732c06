"""The line of a campaign does what its name says; what it is told to break really breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from hub.commands.conforming.line import Line
from tests.support.waiting import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SOON = 5.0
A_MOMENT = 0.3
"""So long nothing arrives on a line that lets nothing pass."""


class Server:
    """Sends back what it gets, and remembers how its connections ended."""

    def __init__(self) -> None:
        self.accepted = 0
        self.ends: list[type[Exception] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            while piece := await reader.read(1000):
                writer.write(piece)
                await writer.drain()
        except OSError as error:
            self.ends.append(type(error))
        else:
            self.ends.append(None)
        finally:
            writer.close()


class Client:
    """Connects through a line, and lets go of everything at the end."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._open: list[Streams] = []

    async def connected(self) -> Streams:
        self._open.append(await asyncio.open_connection("127.0.0.1", self.line.port))
        return self._open[-1]

    async def close(self) -> None:
        for _, writer in self._open:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, Line, Client]]:
    behind = Server()
    listening = await asyncio.start_server(behind.serve, "127.0.0.1", 0)
    line = await Line("client>server", listening.sockets[0].getsockname()[:2]).open()
    client = Client(line)
    yield behind, line, client
    await client.close()
    await line.close()
    listening.close()


async def echoed(streams: Streams, words: bytes) -> bytes:
    reader, writer = streams
    writer.write(words)
    async with asyncio.timeout(SOON):
        return await reader.readexactly(len(words))


async def is_silent(streams: Streams) -> bool:
    try:
        async with asyncio.timeout(A_MOMENT):
            await streams[0].read(1)
    except TimeoutError:
        return True
    return False


async def end_of(streams: Streams) -> type[Exception] | None:
    try:
        async with asyncio.timeout(SOON):
            while await streams[0].read(1000):
                pass
    except OSError as error:
        return type(error)
    return None


async def test_an_ordinary_line_carries_both_ways(server: tuple[Server, Line, Client]) -> None:
    _, _, client = server

    assert await echoed(await client.connected(), b"x" * 300_000) == b"x" * 300_000


async def test_a_cut_resets_both_ends_and_whoever_comes_until_it_is_healed(
    server: tuple[Server, Line, Client],
) -> None:
    behind, line, client = server
    standing = await client.connected()
    await echoed(standing, b"hello")

    line.cut()

    assert await end_of(standing) is ConnectionResetError
    await until(lambda: behind.ends == [ConnectionResetError], what="the server to hear of it")
    assert await end_of(await client.connected()) is ConnectionResetError
    line.heal()
    assert await echoed(await client.connected(), b"again") == b"again"


async def test_on_a_silent_line_nothing_passes_and_everything_comes_afterwards(
    server: tuple[Server, Line, Client],
) -> None:
    behind, line, client = server
    standing = await client.connected()
    await echoed(standing, b"hello")

    line.silence()
    standing[1].write(b"are you there")
    newcomer = await client.connected()

    assert await is_silent(standing)
    assert await is_silent(newcomer)
    assert behind.accepted == 1
    line.heal()
    async with asyncio.timeout(SOON):
        assert await standing[0].readexactly(13) == b"are you there"
    assert await echoed(newcomer, b"me too") == b"me too"


async def test_a_slow_line_is_late_and_keeps_the_order(server: tuple[Server, Line, Client]) -> None:
    _, line, client = server
    streams = await client.connected()
    await echoed(streams, b"hello")
    line.slow_down(0.1)
    loop = asyncio.get_running_loop()
    begun = loop.time()

    assert await echoed(streams, b"one two three") == b"one two three"

    assert loop.time() - begun >= 0.2, "late on the way there and on the way back"


async def test_a_forgotten_client_is_reset_and_its_server_hears_nothing_until_it_is_healed(
    server: tuple[Server, Line, Client],
) -> None:
    behind, line, client = server
    standing = await client.connected()
    await echoed(standing, b"hello")

    line.forget_client()

    assert await end_of(standing) is ConnectionResetError
    assert await echoed(await client.connected(), b"anew") == b"anew"
    assert behind.ends == []
    line.heal()
    await until(lambda: behind.ends == [ConnectionResetError], what="the server to hear of it")


async def test_a_forgotten_server_is_reset_and_its_client_hears_nothing_until_it_is_healed(
    server: tuple[Server, Line, Client],
) -> None:
    behind, line, client = server
    standing = await client.connected()
    await echoed(standing, b"hello")

    line.forget_server()

    await until(lambda: behind.ends == [ConnectionResetError], what="the server to hear of it")
    standing[1].write(b"are you there")
    assert await is_silent(standing)
    line.heal()
    assert await end_of(standing) is ConnectionResetError


async def test_a_line_that_holds_the_answers_carries_the_questions_and_a_cut_loses_the_answers(
    server: tuple[Server, Line, Client],
) -> None:
    behind, line, client = server
    standing = await client.connected()
    await echoed(standing, b"hello")

    line.hold(from_client=False)
    standing[1].write(b"did you get it")

    await until(lambda: line.held, what="the answer to be on its way")
    assert await is_silent(standing)
    line.cut()
    assert await end_of(standing) is ConnectionResetError
    line.heal()
    assert await echoed(await client.connected(), b"again") == b"again"
    assert behind.accepted == 2
