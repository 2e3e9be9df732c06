"""A broker or a database without room: intake stops politely, says why, and goes on by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from deploy.local import LocalStack
from deploy.local.database import place_database, unprivileged_user
from hub.commands.local_axis import LocalAxis, provision_local
from tests.support.alarms import DISK, MEMORY, Shortage, shortage
from tests.support.axis import World, all_ready, world_on
from tests.support.hub_process import HubProcess
from tests.support.ledger import AgencyProcess, every_document_has_its_effects, highest_attempt
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
DOCUMENTS = 120


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAxis, SmallDisk]]:
    """Provision an axis whose database has a small disk to itself."""
    home = tmp_path_factory.mktemp("cramped") / "home"
    with small_disk(place_database(home), megabytes=400, owner=unprivileged_user()) as disk:
        stack = LocalStack(home)
        try:
            yield asyncio.run(provision_local(stack=stack)), disk
        finally:
            disk.free()
            stack.broker.kill()
            stack.database.kill()
            stack.down()


@pytest.fixture
def cramped_world(cramped: tuple[LocalAxis, SmallDisk], tmp_path: Path) -> Iterator[World]:
    with world_on(cramped[0], tmp_path) as world:
        yield world
    cramped[1].free()


async def test_an_alarm_of_the_broker_under_load_needs_no_hand(world: World) -> None:
    await survive_an_alarm(world, MEMORY, seconds=5)


@pytest.mark.long
@pytest.mark.parametrize("of", [MEMORY, DISK], ids=lambda of: of.resource)
async def test_an_alarm_longer_than_every_timeout_needs_no_hand(world: World, of: Shortage) -> None:
    await survive_an_alarm(world, of, seconds=45)


async def test_a_full_disk_of_the_database_under_load_needs_no_hand(
    cramped: tuple[LocalAxis, SmallDisk], cramped_world: World
) -> None:
    disk = cramped[1]
    async with a_busy(cramped_world) as (hub, source, recipients):
        disk.fill()
        advice = await told_to_act(hub, "database")
        assert "the disk of the database is full" in advice
        await going_on(5)
        assert len(hub.lines("intake.paused")) <= 3, "what it held was given back once, not in a circle"

        disk.free()

        await nothing_was_given_up(cramped_world, source, recipients, hub=hub)


@pytest.mark.long
async def test_a_database_that_stops_for_want_of_room_needs_only_room_and_a_start(
    cramped: tuple[LocalAxis, SmallDisk], cramped_world: World
) -> None:
    disk = cramped[1]
    async with a_busy(cramped_world) as (hub, source, recipients):
        disk.fill()
        await until(
            lambda: log_is_full(cramped_world), what="a database that has stopped", seconds=60, pause=0.5
        )
        await until(lambda: says(hub, "database", is_well=False), what="a hub that says so")

        disk.free()
        await cramped_world.start_database()

        await nothing_was_given_up(cramped_world, source, recipients, hub=hub)


@asynccontextmanager
async def a_busy(world: World) -> AsyncIterator[tuple[HubProcess, AgencyProcess, list[AgencyProcess]]]:
    """Let one agency send to two others, and begin when the first documents have arrived."""
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    hub = world.launch_hub()
    await all_ready(hub, *recipients)
    source = world.software(sender, sends=DOCUMENTS, to=(one, other))
    await until(lambda: all(each.effects() for each in recipients), what="the first documents")
    yield hub, source, recipients


async def survive_an_alarm(world: World, of: Shortage, *, seconds: float) -> None:
    """Let a hub find a queue full of documents and a broker that takes none of what it has to publish."""
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    source = world.software(sender, sends=DOCUMENTS, to=(one, other))
    await all_ready(*recipients)
    await until(lambda: len(source.lines("sent")) == DOCUMENTS, what="documents in front of intake")
    async with shortage(world.stack.broker, of):
        hub = world.launch_hub()
        advice = await told_to_act(hub, "broker")
        assert of.resource in advice
        await going_on(seconds)
        assert hub.lines("publisher.unanswered") == []
    await until(lambda: says(hub, "broker", is_well=True), what="a hub that is ready again")
    await nothing_was_given_up(world, source, recipients, hub=hub)
    assert hub.lines("broker.lost") == [], "no connection was given up"


async def nothing_was_given_up(
    world: World, source: AgencyProcess, recipients: list[AgencyProcess], *, hub: HubProcess
) -> None:
    """Judge by the ledgers, and by what the hub has counted."""
    await every_document_has_its_effects(source, recipients, count=DOCUMENTS, seconds=150)
    await world.nothing_waits()
    assert await world.cases() == []
    assert highest_attempt(recipients) == 1
    assert await world.highest_attempt() == 1
    assert hub.lines("message.failed") == []
    await until(hub.is_ready, what="a hub that is ready again")


async def told_to_act(hub: HubProcess, what: str) -> str:
    """Return what readiness advises about *what*, as soon as it does."""

    async def advice() -> str | None:
        answer = await hub.get("/health/ready")
        if answer is None or answer.is_success:
            return None
        told = answer.json().get("advice", {}).get(what)
        return None if told is None else str(told)

    found = await until(advice, what=f"advice about the {what}", seconds=40)
    assert found is not None
    return found


async def says(hub: HubProcess, what: str, *, is_well: bool) -> bool:
    answer = await hub.get("/health/ready")
    return answer is not None and answer.json()[what] is is_well


async def going_on(seconds: float) -> None:
    """Let a shortage last: time itself is what happens here."""
    done = time.monotonic() + seconds
    await until(lambda: time.monotonic() >= done, what="the end of a shortage", seconds=seconds + 5)


async def log_is_full(world: World) -> bool:
    """Bring the write-ahead log to its next file, for which there is no room."""
    address = world.axis.address
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(
            host=address.postgres_host,
            port=address.postgres_port,
            user=address.postgres_superuser,
            password=address.postgres_password,
            timeout=5,
        )
        try:
            await connection.execute("select pg_switch_wal()")
            await connection.execute("select pg_logical_emit_message(true, 'filler', 'x')")
        finally:
            connection.terminate()
    return world.stack.database.pid is None
