"""Receipt sheets get a time stamp some time later, one for many, whatever the authority does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256

import asyncpg
import pytest

from deploy.local.ports import free_ports
from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.stamping import FIRST, KeptStamp, StampingSession, stamping_session
from hub.backends.web import WebClient, WebLimits
from hub.message.identifiers import SheetId
from hub.message.signature_facts import StampVerdict
from hub.signature.certificates import TrustAnchors
from hub.signature.stamp_asking import StampRefused
from hub.signature.status_authority import TIME_STAMPS
from hub.signature.time_stamp import judge_stamp
from hub.workers.stamping import StampAuthority, StampWorker
from tests.integration.certificates.conftest import ServedAuthority
from tests.support.database import HUB, PrivateDatabase
from tests.support.waiting import until

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
BRIEF = WebLimits(octets=50_000, silence=timedelta(seconds=0.3), whole=timedelta(seconds=1))
SOON = timedelta(milliseconds=50)


async def write_sheets(private: PrivateDatabase, number: int) -> list[SheetId]:
    """Write sheets as a hub does that signed them just now."""
    names = [SheetId(new_id()) for _ in range(number)]
    async with private.connect(HUB) as connection:
        insert = "insert into receipt_sheets (sheet_id, body) values ($1, $2)"
        await connection.executemany(insert, [(each, f"sheet {each}".encode()) for each in names])
    return names


async def stamps(private: PrivateDatabase) -> list[asyncpg.Record]:
    query = (
        "select s.*, array_agg(t.sheet_id order by t.sheet_id) as sheets"
        " from time_stamps s join stamped_sheets t using (stamp_id) group by s.stamp_id order by s.stamp_id"
    )
    async with private.connect() as connection:
        return list(await connection.fetch(query))


@asynccontextmanager
async def stamper(
    private: PrivateDatabase, ca: ServedAuthority, *, url: str | None = None, limits: WebLimits = BRIEF
) -> AsyncIterator[StampWorker]:
    """Make a worker that asks the CA's authority, or *url*."""
    anchors = TrustAnchors.from_bytes(ca.folder.anchor_file.read_bytes()).certificates
    clock, primary = SystemClock(), Primary(private.dsn(HUB))
    async with WebClient.open(limits) as web:
        yield StampWorker(
            connect=lambda: stamping_session(primary),
            authority=StampAuthority(
                url=url or f"http://{ca.host}{TIME_STAMPS}", anchors=anchors, web=web, clock=clock
            ),
            clock=clock,
            interval=SOON,
            first_pause=SOON,
            longest_pause=SOON,
        )


@asynccontextmanager
async def running(worker: StampWorker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop))
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def an_authority(answer: Answer) -> AsyncIterator[str]:
    """Serve an authority that takes a question and does *answer*."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", free_ports(1)[0])
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"


@pytest.fixture
async def session(private_database: PrivateDatabase) -> AsyncIterator[StampingSession]:
    async with stamping_session(Primary(private_database.dsn(HUB))) as ours:
        assert await ours.lead()
        yield ours


async def test_the_sheets_of_a_while_share_one_stamp_that_proves_each(
    private_database: PrivateDatabase, ca: ServedAuthority, session: StampingSession
) -> None:
    written = await write_sheets(private_database, 5)

    async with stamper(private_database, ca) as worker:
        assert not await worker.stamp_once(session)
        assert not await worker.stamp_once(session)

    (kept,) = await stamps(private_database)
    anchors = TrustAnchors.from_bytes(ca.folder.anchor_file.read_bytes()).certificates
    stamp = judge_stamp(kept["token"], kept["manifest"], anchors, "/")
    assert (stamp.verdict, stamp.at) == (StampVerdict.PASSED, kept["at"])
    assert kept["sheets"] == written
    digests = sorted(sha256(f"sheet {each}".encode()).hexdigest() for each in written)
    assert kept["manifest"].decode().splitlines() == digests


async def test_what_comes_later_gets_the_next_stamp(
    private_database: PrivateDatabase, ca: ServedAuthority
) -> None:
    first = await write_sheets(private_database, 2)
    async with stamper(private_database, ca) as worker, running(worker):
        await until(lambda: stamps(private_database), what="a stamp")
        second = await write_sheets(private_database, 1)
        await until(lambda: _count_is(private_database, 2), what="another stamp")

    assert [each["sheets"] for each in await stamps(private_database)] == [first, second]


async def _count_is(private: PrivateDatabase, number: int) -> bool:
    return len(await stamps(private)) == number


async def _says_nothing(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _says_too_much(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)


async def _fails(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


async def _lies(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsure")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_says_nothing, "STAMP_NO_ANSWER: .*ReadTimeout"),
        (_says_too_much, "STAMP_NO_ANSWER: .*more than 50000 bytes"),
        (_fails, "STAMP_NO_ANSWER: .*status 503"),
        (_lies, "STAMP_UNREADABLE: .*no time stamp"),
    ],
)
async def test_an_authority_that_gives_no_stamp_is_refused_and_nothing_is_kept(
    private_database: PrivateDatabase,
    ca: ServedAuthority,
    session: StampingSession,
    answer: Answer,
    told: str,
) -> None:
    await write_sheets(private_database, 1)

    async with an_authority(answer) as url, stamper(private_database, ca, url=url) as worker:
        with pytest.raises(StampRefused, match=told):
            await worker.stamp_once(session)
        assert 0 < worker.lag() < 60

    assert await stamps(private_database) == []


async def test_an_authority_that_is_away_is_asked_again_until_it_is_back(
    private_database: PrivateDatabase, ca: ServedAuthority
) -> None:
    await ca.stop()
    await write_sheets(private_database, 3)

    async with stamper(private_database, ca) as worker, running(worker):
        await until(lambda: worker.lag() > 0, what="the lag of a sheet")
        await ca.start()
        await until(lambda: _count_is(private_database, 1), what="the stamp")
        await until(lambda: worker.lag() == 0, what="no lag")


async def test_a_stop_does_not_wait_for_a_silent_authority(
    private_database: PrivateDatabase, ca: ServedAuthority
) -> None:
    await write_sheets(private_database, 1)
    patient = WebLimits(silence=timedelta(minutes=5), whole=timedelta(minutes=5))

    async with (
        an_authority(_says_nothing) as url,
        stamper(private_database, ca, url=url, limits=patient) as worker,
        asyncio.timeout(10),
        running(worker),
    ):
        await until(lambda: worker.lag() > 0, what="a question")

    assert await stamps(private_database) == []


async def test_one_process_at_a_time_has_sheets_stamped_and_none_is_stamped_twice(
    private_database: PrivateDatabase, session: StampingSession
) -> None:
    names = await write_sheets(private_database, 1)
    stamp = KeptStamp(at=SystemClock().now(), authority="http://tsa", manifest=b"m", token=b"t")
    await session.keep(stamp, names)

    async with stamping_session(Primary(private_database.dsn(HUB))) as other:
        assert not await other.lead()
    assert await session.unstamped(FIRST, limit=10) == ()
    async with private_database.connect(HUB) as connection:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "insert into stamped_sheets (sheet_id, stamp_id) values ($1, 1)", names[0]
            )
