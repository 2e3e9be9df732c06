"""Whatever happens to the line to the database, at whatever moment: it is an outage, and the pool goes on.

The driver has many words for a lost connection, some of which it also has for mistakes of its user; the
latter end a hub, the former must not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

import pytest

from hub.backends.postgres.pool import Database
from hub.commands.conforming.line import Line
from hub.errors import TemporaryFailure
from tests.support.store import PostgresUnderTest
from tests.support.waiting import until

pytestmark = pytest.mark.integration
Strike: TypeAlias = Callable[[], None]
Moment: TypeAlias = Callable[[Database, Strike], Awaitable[None]]

PATIENCE: Final = timedelta(seconds=0.5)
HEALED_AFTER: Final = 2 * PATIENCE.total_seconds()
STRIKES: Final[dict[str, Callable[[Line], None]]] = {
    "cut": Line.cut,
    "silence": Line.silence,
    "forget client": Line.forget_client,
    "forget server": Line.forget_server,
}
ASLEEP: Final = "select exists (select from pg_stat_activity where wait_event = 'PgSleep')"


@pytest.fixture
async def line(postgres_store: PostgresUnderTest) -> AsyncIterator[Line]:
    address = postgres_store.private.address
    line = await Line("hub>database", (address.postgres_host, address.postgres_port)).open()
    yield line
    await line.close()


@pytest.fixture
async def database(postgres_store: PostgresUnderTest, line: Line) -> AsyncIterator[Database]:
    here = f":{postgres_store.private.address.postgres_port}"
    dsn = postgres_store.private.dsn().replace(here, f":{line.port}")

    async def opened() -> Database | None:
        with suppress(TemporaryFailure):  # a busy machine may be slower than our patience
            return await Database.open(dsn, name="behind a line", size=2, patience=PATIENCE)
        return None

    database = await until(opened, what="a pool")
    assert database is not None
    yield database
    await database.close()


async def between_two_statements(database: Database, strike: Strike) -> None:
    async with database.transaction() as transaction:
        await transaction.fetchval("select 1")
        strike()
        await transaction.fetchval("select 2")


async def before_the_commit(database: Database, strike: Strike) -> None:
    async with database.transaction() as transaction:
        await transaction.fetchval("select 1")
        strike()


async def inside_a_statement(database: Database, strike: Strike) -> None:
    async def strike_meanwhile() -> None:
        await until(lambda: is_asleep(database), what="a statement under way", pause=0.02)
        strike()

    async def sleep() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("select pg_sleep(10)")

    striking = asyncio.create_task(strike_meanwhile())
    try:
        await sleep()
    finally:
        await striking


async def while_many_wait(database: Database, strike: Strike) -> None:
    struck = asyncio.Event()

    async def use() -> None:
        while not struck.is_set():
            with suppress(TemporaryFailure):
                async with database.transaction() as transaction:
                    await transaction.execute("select pg_sleep(0.05)")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(use())
        await until(lambda: is_asleep(database), what="a statement under way", pause=0.01)
        strike()
        struck.set()


async def before_anything_is_asked(database: Database, strike: Strike) -> None:
    strike()
    async with database.transaction() as transaction:
        await transaction.fetchval("select 1")


async def is_asleep(database: Database) -> bool:
    with suppress(TemporaryFailure):
        async with database.connection() as connection:
            return bool(await connection.fetchval(ASLEEP))
    return True


MOMENTS: Final = (
    between_two_statements,
    before_the_commit,
    inside_a_statement,
    while_many_wait,
    before_anything_is_asked,
)


@pytest.mark.parametrize("act", STRIKES)
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda each: each.__name__)
async def test_a_broken_line_is_an_outage_and_the_pool_goes_on(
    database: Database, line: Line, moment: Moment, act: str
) -> None:
    def strike() -> None:
        STRIKES[act](line)
        asyncio.get_running_loop().call_later(HEALED_AFTER, line.heal)

    with suppress(TemporaryFailure):  # and nothing else
        await moment(database, strike)

    await until(database.is_up, what="the pool")
