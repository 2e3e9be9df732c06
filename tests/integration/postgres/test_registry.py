"""The registry is read once, however many want to know at the same time."""

import asyncio
from datetime import timedelta

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.registry import PostgresRegistry
from hub.errors import TemporaryFailure
from hub.message.directory import Agency
from hub.message.identifiers import AgencyCode, AgencyKey
from tests.support.store import PostgresUnderTest

pytestmark = pytest.mark.integration

MINISTRY = AgencyKey("B20")


def registry_of(store: PostgresUnderTest) -> PostgresRegistry:
    return PostgresRegistry(store.database, clock=SystemClock(), max_age=timedelta(minutes=5))


async def registered(store: PostgresUnderTest) -> None:
    await store.register([Agency(key=MINISTRY, code=AgencyCode("B20"), name="Bộ", parent=None)], [])


async def test_all_who_ask_at_a_start_get_one_directory(postgres_store: PostgresUnderTest) -> None:
    await registered(postgres_store)
    registry = registry_of(postgres_store)

    directories = await asyncio.gather(*(registry.directory() for _ in range(8)))

    assert len({id(each) for each in directories}) == 1
    assert directories[0].agency(MINISTRY) is not None


async def test_who_waits_is_told_that_the_reader_was_stopped_and_may_ask_again(
    postgres_store: PostgresUnderTest,
) -> None:
    await registered(postgres_store)
    registry = registry_of(postgres_store)
    reader, other = (asyncio.create_task(registry.directory()) for _ in range(2))
    await asyncio.sleep(0)  # both have begun: one reads, the other waits

    reader.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reader
    with pytest.raises(TemporaryFailure, match="stopped"):
        await other
    assert (await registry.directory()).agency(MINISTRY) is not None
