"""A primary, its synchronous standby, and a hub's pool: nothing counts that only one of them has."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from deploy.cluster import ClusterStack
from hub.backends.postgres.pool import Database
from hub.errors import TemporaryFailure
from tests.support.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStack]:
    """Start the two servers, without any broker."""
    cluster = ClusterStack(tmp_path_factory.mktemp("pair") / "home", progress=lambda _: None)
    try:
        cluster.up_databases()
        yield cluster
    finally:
        cluster.purge()


@pytest.fixture
async def notes(pair: ClusterStack) -> AsyncIterator[Database]:
    """Open a pool on both servers, with a table to write to."""
    database = await opened(pair)
    async with database.connection() as connection:
        await connection.execute("create table if not exists notes (note text primary key)")
    yield database
    await database.close()


async def test_what_the_standby_has_not_is_not_committed(pair: ClusterStack, notes: Database) -> None:
    await asyncio.to_thread(pair.standby.kill)

    with pytest.raises(TemporaryFailure):
        await write(notes, "while the standby is away")
    assert not await notes.is_up(), "a server that only answers is not up"

    await asyncio.to_thread(pair.standby.start)
    await until(notes.is_up, what="commits that the standby has")
    await write(notes, "when it is back")


async def test_a_promotion_loses_nothing_and_the_former_primary_gets_nothing(
    pair: ClusterStack, notes: Database
) -> None:
    former = pair.primary
    await write(notes, "before")

    await asyncio.to_thread(former.kill)
    with pytest.raises(TemporaryFailure):
        await write(notes, "meanwhile")
    await asyncio.to_thread(pair.promote)
    await until(notes.is_up, what="the new primary")
    await write(notes, "after")
    await asyncio.to_thread(former.start)  # it takes itself for the primary still, and comes first in the DSN
    newcomer = await opened(pair)

    assert {await port_of(newcomer), await port_of(notes)} == {pair.primary.record.postgres_port}
    assert {"before", "after"} <= set(await read(notes))
    await newcomer.close()

    await asyncio.to_thread(former.stop)
    await asyncio.to_thread(pair.rejoin)
    await write(notes, "with two copies again")
    assert not pair.status().is_alone


async def opened(pair: ClusterStack) -> Database:
    address = pair.address()
    login = f"{address.postgres_superuser}:{address.postgres_password}"
    dsn = f"postgresql://{login}@{address.postgres_servers}/postgres"
    return await Database.open(dsn, name="a hub", size=2, patience=timedelta(seconds=3))


async def write(database: Database, note: str) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("insert into notes values ($1)", note)


async def read(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["note"] for row in await connection.fetch("select note from notes")]


async def port_of(database: Database) -> object:
    async with database.connection() as connection:
        return await connection.fetchval("select inet_server_port()")
