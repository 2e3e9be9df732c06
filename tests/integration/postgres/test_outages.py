"""The server goes away and comes back: nothing half is written, and the same pool goes on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.backends.postgres.pool import Database
from hub.errors import AnswerLost, StorageRefused, TemporaryFailure
from hub.message.decision import Accepted, Repeated
from hub.message.outbox import PublishResult
from hub.message.receipt import Receipt
from tests.support.decisions import a_submission, again, plain_pen
from tests.support.store import PostgresUnderTest, documents
from tests.support.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
async def server_comes_back(postgres_store: PostgresUnderTest) -> AsyncIterator[None]:
    """Leave the server running, whatever the test did to it."""
    yield
    await asyncio.to_thread(postgres_store.private.stack.database.start)


@pytest.mark.usefixtures("server_comes_back")
async def test_a_server_that_goes_away_in_the_middle_of_a_commit_has_written_nothing(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    server = postgres_store.private.stack.database
    submission = a_submission()

    async def pen_that_outlives_the_server(wanted: list[Receipt]) -> list[bytes]:
        await asyncio.to_thread(server.kill)
        return await plain_pen(wanted)

    with pytest.raises(TemporaryFailure):
        await hub.seam.commit([submission.admitted()], pen_that_outlives_the_server)
    with pytest.raises(TemporaryFailure):
        await hub.claim()
    await asyncio.to_thread(server.start)

    await until(postgres_store.database.is_up, what="the pool")
    assert await postgres_store.fetch("select 1 from messages") == []
    assert isinstance(await hub.decide(submission.admitted()), Accepted)


@pytest.mark.usefixtures("server_comes_back")
async def test_what_was_committed_before_a_crash_of_the_server_is_there_after_it(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    server = postgres_store.private.stack.database
    submission = a_submission()
    accepted, handed_over = await hub.accept(submission.admitted())

    await asyncio.to_thread(server.kill)
    with pytest.raises(TemporaryFailure):
        await hub.record(handed_over)
    assert not await postgres_store.database.is_up()
    await asyncio.to_thread(server.start)
    await until(postgres_store.database.is_up, what="the pool")

    assert await hub.decide(again(submission).admitted()) == Repeated(message_id=accepted.message_id)
    assert len(await hub.record(handed_over)) == 1


@pytest.mark.usefixtures("server_comes_back")
async def test_a_process_is_present_again_after_a_restart_of_the_server(
    postgres_store: PostgresUnderTest,
) -> None:
    hub, other = await postgres_store.process(), await postgres_store.process()
    server = postgres_store.private.stack.database
    await hub.accept(a_submission().admitted())

    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    await until(lambda: postgres_store._is_present(hub.number), what="the claimant's lock")

    assert documents(await other.claim()) == []


async def test_a_value_that_does_not_fit_is_refused_and_not_waited_for(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()

    with pytest.raises(StorageRefused):
        await hub.commit(a_submission(submission_id="a\x00b").admitted())
    assert isinstance(await hub.decide(a_submission().admitted()), Accepted)


async def test_a_mistake_of_ours_in_using_a_connection_is_no_outage(
    postgres_store: PostgresUnderTest,
) -> None:
    with pytest.raises(StorageRefused, match="expects 1 argument"):
        async with postgres_store.database.transaction() as transaction:
            await transaction.fetchval("select $1::int")

    assert await postgres_store.database.is_up()


async def test_a_pool_finds_the_server_that_answers_among_several(postgres_store: PostgresUnderTest) -> None:
    here = f"127.0.0.1:{postgres_store.private.address.postgres_port}"
    several = postgres_store.private.dsn().replace(here, f"127.0.0.1:1,{here},127.0.0.1:2")

    database = await Database.open(several, name="somebody")

    assert await database.is_up()
    await database.close()


async def test_a_server_that_may_only_be_read_is_an_outage(postgres_store: PostgresUnderTest) -> None:
    fenced = postgres_store.private.dsn() + "?default_transaction_read_only=on"

    with pytest.raises(TemporaryFailure, match="may be written to"):
        await Database.open(fenced, name="nobody")


async def test_a_pool_that_cannot_be_opened_is_an_outage(postgres_store: PostgresUnderTest) -> None:
    dsn = postgres_store.private.dsn().replace(str(postgres_store.private.address.postgres_port), "1")

    with pytest.raises(TemporaryFailure):
        await Database.open(dsn, name="nobody")


async def test_an_entry_survives_any_number_of_unanswered_publishes(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    _, handed_over = await hub.accept(a_submission().admitted())

    entries = documents(handed_over)
    for _ in range(30):
        entries = list(await hub.record(entries, PublishResult.UNKNOWN))

    assert [entry.attempt for entry in entries] == [1]
    assert await postgres_store.fetch("select attempt, state from deliveries where kind = 'document'") == [
        (1, "waiting")
    ]


@pytest.mark.usefixtures("server_comes_back")
async def test_a_commit_whose_answer_is_lost_is_told_from_a_transaction_that_never_came_to_it(
    postgres_store: PostgresUnderTest,
) -> None:
    async def commit_as_the_server_dies() -> None:
        async with postgres_store.database.transaction():
            await asyncio.to_thread(postgres_store.private.stack.database.kill)

    hub = await postgres_store.process()

    with pytest.raises(AnswerLost):
        await commit_as_the_server_dies()
    with pytest.raises(TemporaryFailure) as never_begun:
        await hub.claim()
    assert not isinstance(never_begun.value, AnswerLost)
