"""No client holds a server of ours by being slow, large or many, and is told so in the interface's words."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deploy.local.tls import BrokerAuthority
from hub.errors import ConfigurationError
from hub.transport.http_serving import HttpTable, HttpTerms, Refusal, RefusalAnswer, serve
from tests.support.waiting import until

TERMS = HttpTerms(
    host="127.0.0.1",
    port=0,
    header_seconds=0.2,
    body_seconds=0.2,
    max_header_octets=4_096,
    max_body_octets=100_000,
    max_connections=3,
    grace_seconds=1,
)
HALF_A_HEADER = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "
TWO_LENGTHS = (
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
PIECE = b"x" * 65_536


def refuse(refusal: Refusal) -> RefusalAnswer:
    return RefusalAnswer(status=200, content_type="text/plain", body=f"own words: {refusal}".encode())


@dataclass
class Served:
    port: int
    stop: asyncio.Event
    task: asyncio.Task[None]
    given_up: asyncio.Event
    entered: asyncio.Event
    leave: asyncio.Event

    async def speak(self, *pieces: bytes, pause: float = 0) -> bytes:
        """Send *pieces*, then read until the server ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause)
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def application(given_up: asyncio.Event, entered: asyncio.Event, leave: asyncio.Event) -> Starlette:
    async def size(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def flood(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                for _ in range(2_000):
                    yield PIECE
            finally:
                given_up.set()

        return StreamingResponse(pieces())

    async def fail(_request: Request) -> Response:
        raise RuntimeError("nobody shall read this")

    async def wait(_request: Request) -> Response:
        entered.set()
        await leave.wait()
        return PlainTextResponse("waited")

    ways: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": size,
        "/flood": flood,
        "/fail": fail,
        "/wait": wait,
    }
    return Starlette(routes=[Route(path, way, methods=["GET", "POST"]) for path, way in ways.items()])


@asynccontextmanager
async def serving(terms: HttpTerms = TERMS) -> AsyncIterator[Served]:
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    events = [asyncio.Event() for _ in range(3)]

    def ready(_host: str, port: int) -> None:
        ports.set_result(port)

    task = asyncio.create_task(serve(application(*events), terms, refuse=refuse, stop=stop, ready=ready))
    await asyncio.wait([task, ports], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield Served(await ports, stop, task, *events)
    finally:
        stop.set()
        await task


async def test_what_is_in_order_is_served_over_one_connection() -> None:
    async with serving() as served, httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answers = [await client.post("/", content=b"12345") for _ in range(3)]

    assert [each.text for each in answers] == ["5", "5", "5"]


async def test_a_header_that_does_not_come_is_answered_and_the_connection_closed() -> None:
    async with serving() as served:
        answer = await served.speak(HALF_A_HEADER)

    assert answer.endswith(b"own words: too-slow")


async def test_a_header_that_comes_octet_by_octet_is_no_better() -> None:
    async with serving() as served:
        answer = await served.speak(HALF_A_HEADER, *[b"x"] * 8, pause=0.05)

    assert answer.endswith(b"own words: too-slow")


async def test_a_second_header_on_the_same_connection_has_no_more_time() -> None:
    async with serving() as served:
        answer = await served.speak(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HALF_A_HEADER, pause=0.05)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"own words: too-slow")


async def test_a_client_that_says_nothing_at_all_is_left() -> None:
    async with serving() as served:
        answer = await served.speak()

    assert answer == b""


async def test_a_body_that_does_not_come_is_answered_and_the_connection_closed() -> None:
    async with serving() as served:
        answer = await served.speak(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"123")

    assert answer.endswith(b"own words: too-slow")


async def test_a_large_body_may_take_longer_while_it_moves() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10000\r\n\r\n"
    async with serving() as served:
        answer = await served.speak(head, *[b"x" * 1_000] * 10, pause=0.05)

    assert answer.endswith(b"10000")


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with serving() as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")

        await asyncio.wait_for(served.given_up.wait(), 10)
        writer.close()


async def test_a_body_announced_as_too_large_is_not_read() -> None:
    async with serving() as served, httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.post("/", content=b"x" * 100_001)

    assert answer.text == "own words: too-large"


async def test_a_body_that_turns_out_too_large_is_refused_where_the_limit_is() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield PIECE

    async with serving() as served, httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.post("/", content=pieces())

    assert answer.text == "own words: too-large"


async def test_a_body_of_just_the_limit_is_taken() -> None:
    async with serving() as served, httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.post("/", content=b"x" * 100_000)

    assert answer.text == "100000"


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01 no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9_000]
)
async def test_what_is_not_http_or_has_too_large_a_header_is_answered(said: bytes) -> None:
    async with serving() as served:
        answer = await served.speak(said)

    assert answer.endswith(b"own words: malformed")


@pytest.mark.parametrize(
    "said",
    [
        TWO_LENGTHS + b"GET /failing HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["two-lengths", "tunnel"],
)
async def test_what_proxies_may_understand_otherwise_is_answered_and_ends_the_connection(said: bytes) -> None:
    async with serving() as served:
        answer = await served.speak(said)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"own words: malformed")
    assert answer.count(b"HTTP/1.1") == 1


async def test_one_client_more_than_allowed_is_told_so() -> None:
    async with serving() as served:
        busy = [asyncio.create_task(served.speak(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")) for _ in range(3)]
        await served.entered.wait()
        answer = await until(lambda: _refused(served), what="a refusal")
        served.leave.set()
        served.stop.set()
        answers = await asyncio.gather(*busy)

    assert answer.endswith(b"own words: too-many")
    assert all(each.endswith(b"waited") for each in answers)


async def _refused(served: Served) -> bytes:
    answer = await served.speak(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return answer if b"too-many" in answer else b""


async def test_idle_connections_make_room_for_one_that_speaks() -> None:
    async with serving(replace(TERMS, header_seconds=60)) as served:
        idle = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(3)]
        answer = await served.speak(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for _, writer in idle:
            writer.close()

    assert answer.endswith(b"0")


async def test_a_failure_of_the_application_is_answered_without_its_words() -> None:
    async with serving() as served, httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.get("/fail")

    assert answer.text == "own words: failed"


async def test_what_is_under_way_at_the_stop_ends_and_nothing_new_begins() -> None:
    async with serving() as served:
        under_way = asyncio.create_task(served.speak(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"))
        await served.entered.wait()
        served.stop.set()
        served.leave.set()
        answer = await under_way
        await served.task
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", served.port)

    assert answer.endswith(b"waited")


async def test_tls_is_spoken_with_our_certificate(tmp_path: Path) -> None:
    authority = BrokerAuthority(tmp_path / "authority")
    authority.ensure()
    authority.issue_server(tmp_path / "server.pem", ("127.0.0.1",))
    terms = replace(TERMS, certificate=tmp_path / "server.pem")
    trust = ssl.create_default_context(cafile=authority.certificate_file)

    async with serving(terms) as served, httpx.AsyncClient(verify=trust) as client:
        answer = await client.post(f"https://127.0.0.1:{served.port}/", content=b"123")

    assert answer.text == "3"


async def test_a_greeting_of_tls_that_does_not_come_ends(tmp_path: Path) -> None:
    authority = BrokerAuthority(tmp_path / "authority")
    authority.ensure()
    authority.issue_server(tmp_path / "server.pem", ("127.0.0.1",))

    async with serving(replace(TERMS, certificate=tmp_path / "server.pem")) as served:
        answer = await served.speak(b"\x16\x03\x01")

    assert answer == b""


async def test_a_port_that_is_taken_is_the_operators_business() -> None:
    async with serving() as served:
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{served.port}"):
            async with serving(replace(TERMS, port=served.port)):
                pass


def test_documents_do_not_cross_a_network_in_the_clear(tmp_path: Path) -> None:
    open_to_all = HttpTable(host="0.0.0.0", port=80)

    assert "behind_proxy" in next(open_to_all.complaints(tmp_path))
    assert not list(HttpTable(host="0.0.0.0", port=80, behind_proxy=True).complaints(tmp_path))
    assert not list(HttpTable(port=80).complaints(tmp_path))


def test_a_certificate_that_cannot_be_used_is_complained_about(tmp_path: Path) -> None:
    table = HttpTable(port=443, certificate=Path("missing.pem"))

    assert "missing.pem" in next(table.complaints(tmp_path))
