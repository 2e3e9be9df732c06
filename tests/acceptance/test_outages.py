"""Broker and database die and come back under load: nothing is lost, doubled, given up or left to a hand."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.support.axis import World, all_ready
from tests.support.ledger import AgencyProcess, every_document_has_its_effects, highest_attempt
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
DOCUMENTS = 150
Outage = Callable[[World], Awaitable[None]]


async def broker_killed(world: World) -> None:
    await world.kill_broker()
    await world.start_broker()


async def broker_away(world: World) -> None:
    await world.stop_broker()
    await going_on(20)
    await world.start_broker()


async def database_killed(world: World) -> None:
    await world.kill_database()
    await world.start_database()


async def database_away(world: World) -> None:
    await world.stop_database()
    await going_on(20)
    await world.start_database()


async def going_on(seconds: float) -> None:
    """Let an outage last: time itself is what happens here."""
    done = time.monotonic() + seconds
    await until(lambda: time.monotonic() >= done, what="the outage's end", seconds=seconds + 5)


OUTAGES: dict[str, Outage] = {
    "the broker is killed": broker_killed,
    "the broker is away": broker_away,
    "the database is killed": database_killed,
    "the database is away": database_away,
}


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_under_load_needs_no_hand(world: World, outage: str) -> None:
    await survive(world, OUTAGES[outage], count=DOCUMENTS)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", ["broker", "database"])
async def test_an_outage_of_three_minutes_needs_no_hand(world: World, what: str) -> None:
    async def for_long(world: World) -> None:
        stop, start = (
            (world.stop_broker, world.start_broker)
            if what == "broker"
            else (world.stop_database, world.start_database)
        )
        await stop()
        await going_on(180)
        await start()

    await survive(world, for_long, count=400)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_one_outage_after_another_needs_no_hand(world: World) -> None:
    async def all_of_them(world: World) -> None:
        for outage in (broker_killed, database_killed, database_killed, broker_killed):
            await outage(world)

    await survive(world, all_of_them, count=600)


async def survive(world: World, outage: Outage, *, count: int) -> None:
    """Send while *outage* happens, and judge what the ledgers say."""
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    hubs = [world.launch_hub() for _ in range(2)]
    await all_ready(*hubs, *recipients)
    await world.broker_is_settled()
    source = world.software(sender, sends=count, to=(one, other))
    await some_have_arrived(recipients)

    await outage(world)

    await every_document_has_its_effects(source, recipients, count=count, seconds=150)
    await world.nothing_waits()
    assert await world.cases() == []
    assert highest_attempt(recipients) == 1
    assert await world.highest_attempt() == 1, "not even a receipt was counted as tried twice"
    assert [each.exit_code for each in hubs] == [None, None], "every hub lived through it"
    assert [each.lines("message.failed") for each in hubs] == [[], []]
    await asyncio.gather(*(until(each.is_ready, what="a hub that is ready again") for each in hubs))


async def some_have_arrived(recipients: list[AgencyProcess]) -> None:
    await until(lambda: all(each.effects() for each in recipients), what="the first documents")
