import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from hub.backends.web import WebClient, WebLimits
from hub.errors import RejectionCode, TemporaryFailure
from hub.message.trust import RevocationPolicy
from tests.integration.certificates.conftest import Keeper, ServedAuthority, Watching
from tests.support.store import PostgresUnderTest


async def test_a_good_certificate_passes_once_its_status_was_fetched(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key, hub = ca.key(), watching()
    await keeper.register("G22", key)
    before = await hub.code(key)

    await hub.refresh()

    assert before is RejectionCode.REVOCATION_UNKNOWN
    assert await hub.words(key) == ("PASSED", None)
    assert set(await hub.sources()) == {"root.crl", "issuing.crl", "ocsp"}


async def test_what_the_ca_revokes_is_refused_after_the_next_look(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key, other, hub = ca.key(), ca.key("H41"), watching()
    await keeper.register("G22", key)
    await keeper.register("H41", other)
    await hub.refresh()

    ca.revoke(key)
    await hub.refresh(again=True)

    assert await hub.words(key) == ("FAILED", "REVOKED")
    assert await hub.words(other) == ("PASSED", None)


async def test_a_revoked_issuing_ca_ends_everything_below_it(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key, hub = ca.key(), watching(RevocationPolicy.SOFT)
    await keeper.register("G22", key)

    ca.folder.revoke(ca.folder.read().issued[0].serial, "cACompromise")
    await hub.refresh()

    assert await hub.words(key) == ("INDETERMINATE", "REVOKED_CA_NO_POE")
    assert await hub.code(key) is RejectionCode.CERTIFICATE_REVOKED


async def test_what_is_known_outlives_an_outage_of_the_ca_and_a_restart_of_the_hub(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key = ca.key()
    await keeper.register("G22", key)
    await watching().refresh()

    await ca.stop()
    restarted = watching()
    await restarted.refresh(again=True)

    assert await restarted.words(key) == ("PASSED", None)
    assert (await restarted.sources())["issuing.crl"].failures == 1
    assert "no answer" in str((await restarted.sources())["issuing.crl"].failure)


async def test_a_host_that_the_settings_do_not_name_is_never_asked(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key, hub = ca.key(), watching(hosts=frozenset({"ca.gov.vn"}))
    await keeper.register("G22", key)

    await hub.refresh()

    assert await hub.sources() == {}
    assert await hub.code(key) is RejectionCode.REVOCATION_UNKNOWN


async def test_the_port_belongs_to_the_host(ca: ServedAuthority, watching: Watching) -> None:
    with pytest.raises(TemporaryFailure, match="do not allow"):
        await watching.web.get(f"http://{ca.host}/root.crl", hosts=frozenset({"127.0.0.1"}))


async def test_a_stranger_in_the_place_of_the_ca_cannot_take_what_is_known(
    ca: ServedAuthority, keeper: Keeper, watching: Watching
) -> None:
    key, hub = ca.key(), watching()
    await keeper.register("G22", key)
    await hub.refresh()
    await ca.stop()

    async with answering(ca.host, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo"):
        await hub.refresh(again=True)

    assert await hub.words(key) == ("PASSED", None)
    assert "not signed by who may" in str((await hub.sources())["issuing.crl"].failure)


async def test_a_list_older_than_the_one_that_is_known_is_not_taken(
    ca: ServedAuthority, keeper: Keeper, watching: Watching, postgres_store: PostgresUnderTest
) -> None:
    key, hub = ca.key(), watching()
    await keeper.register("G22", key)
    old = ca.folder.authority().crl({}, datetime.now(UTC) - timedelta(hours=1), number=1)
    ca.revoke(key)
    await hub.refresh()
    await ca.stop()

    replayed = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(old) + old
    async with answering(ca.host, replayed):
        await hub.refresh(again=True)

    assert await hub.words(key) == ("FAILED", "REVOKED")
    assert "older" in str((await hub.sources())["issuing.crl"].failure)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:5432/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"not even http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"",
    ],
    ids=["redirect", "too long", "not found", "no http", "packed", "closed at once"],
)
async def test_whatever_a_server_answers_costs_little_and_leaves_the_hub_as_it_was(
    ca: ServedAuthority, keeper: Keeper, watching: Watching, answer: bytes
) -> None:
    key, hub = ca.key(), watching()
    await keeper.register("G22", key)
    await ca.stop()

    async with answering(ca.host, answer):
        await hub.refresh()

    assert {each.failures for each in (await hub.sources()).values()} == {1}
    assert await hub.code(key) is RejectionCode.REVOCATION_UNKNOWN


async def test_a_server_that_says_nothing_is_left_after_a_while(ca: ServedAuthority) -> None:
    await ca.stop()
    brief = WebLimits(silence=timedelta(milliseconds=50), whole=timedelta(milliseconds=200))

    async with answering(ca.host, None), WebClient.open(brief) as web:
        with pytest.raises(TemporaryFailure):
            await web.get(f"http://{ca.host}/root.crl", hosts=frozenset({ca.host}))


async def test_two_hubs_do_not_ask_the_same_source_twice(
    ca: ServedAuthority, keeper: Keeper, watching: Watching, postgres_store: PostgresUnderTest
) -> None:
    await keeper.register("G22", ca.key())
    first, second = watching(), watching()

    await asyncio.gather(first.refresh(), second.refresh())
    fetched = await postgres_store.fetch("select source, fetched_at from revocation_sources order by source")
    await asyncio.gather(first.refresh(), second.refresh())

    again = await postgres_store.fetch("select source, fetched_at from revocation_sources order by source")
    assert len(fetched) == 3
    assert [tuple(row) for row in again] == [tuple(row) for row in fetched]


@asynccontextmanager
async def answering(host: str, answer: bytes | None) -> AsyncIterator[None]:
    """Answer every request on *host* with the same bytes; None keeps silent."""
    silent = asyncio.Event()
    answers: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.add(asyncio.current_task())
        await reader.read(65_536)
        if answer is None:
            await silent.wait()
        else:
            writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", int(host.rpartition(":")[2]), reuse_address=True)
    try:
        yield
    finally:
        silent.set()
        server.close()
        await asyncio.gather(*(each for each in answers if each is not None))
