"""Queues that somebody deletes or empties under the axis: noticed, told, and sent again with one effect."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.management import ManagementApi, segment
from hub.backends.rabbitmq.topology import QUORUM
from hub.commands.local_axis import LocalAgency
from hub.message.properties import DELIVER_EXCHANGE, queue_of
from hub.workers.queue_watch import QueueWatch
from tests.support.axis import World
from tests.support.ledger import FAILURE, HANDOVER, AgencyProcess
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)
COUNT = 6
PATIENCE = timedelta(seconds=7)
"""More than one figure of the broker is older than another."""
LOSSES = "select mailbox, kind, deliveries from queue_losses where mailbox = any($1) and ended_at is null"
ALERTS = "select subject from alerts where kind = 'queue_lost' and subject = any($1) and closed_at is null"
KNOWN = """
select mailbox from queue_watches
where mailbox = any($1) and marked_at is not null and ($2::bigint is null or depth = $2)
"""
ATTEMPTS = """
select distinct attempt, state from deliveries where mailbox = $1 and kind = 'document' and state <> 'waiting'
"""
ACTS = "select count(*) from operator_actions where action = 'losses.send_again' and detail->>'mailbox' = $1"


@asynccontextmanager
async def watching(world: World) -> AsyncIterator[None]:
    """Watch the queues as the console's process does, with less patience."""
    database = await Database.open(world.axis.operator_dsn, name="watch", size=2)
    watch = QueueWatch(
        database=database,
        connect=lambda: ManagementApi(world.axis.management()),
        clock=SystemClock(),
        interval=timedelta(seconds=1),
        patience=PATIENCE,
    )
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch.run(stop))
            try:
                yield
            finally:
                stop.set()
    finally:
        await database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Who loses a queue, and who only reads it."""

    sender: LocalAgency
    deleted: LocalAgency
    remade: LocalAgency
    purged: LocalAgency
    silent: LocalAgency
    busy: LocalAgency

    @property
    def struck(self) -> tuple[LocalAgency, ...]:
        return self.deleted, self.remade, self.purged


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What the command said."""

    sent: int
    planned: int


async def test_what_lay_in_lost_queues_is_noticed_told_and_has_one_effect_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(**dict(zip(Town.__slots__, await world.connected(6), strict=True)))
    await world.hub(HUB_ALERT_INTERVAL="PT0.3S", HUB_ALERT_CALM="PT0S")
    async with watching(world):
        await known(world, *world.agencies.values())
        quick = world.software(town.busy)
        source = world.software(town.sender, sends=COUNT, to=(*town.struck, town.silent, town.busy))
        await known(world, *town.struck, town.silent, depth=COUNT)

        await strike(world, town)
        mute = world.software(town.silent, statuses=[])

        await until(lambda: is_told(world, *town.struck), what="three alerts", seconds=60)
        await known(world, town.silent, town.busy, depth=0)
        assert await losses(world) == {
            (town.deleted.mailbox, "missing", COUNT),
            (town.remade.mailbox, "remade", COUNT),
            (town.purged.mailbox, "emptied", COUNT),
        }
        assert len(mute.effects()) == len(quick.effects()) == COUNT

        again = await put_right(world, town, monkeypatch)

        await until(lambda: is_told(world), what="no alert any more")
        assert await losses(world) == set()
    assert (await mend(world, town.silent, "--since", "2020-01-01T00:00:00")).sent == COUNT
    await until(lambda: len(source.receipts(HANDOVER)) == 4 * COUNT, what="the handovers")
    await world.nothing_waits()
    one_effect_each([*again, mute, quick])
    assert source.receipts(FAILURE) == []
    for each in town.struck:
        assert {row["attempt"] for row in await world.rows(ATTEMPTS, each.mailbox)} == {2}


async def strike(world: World, town: Town) -> None:
    """Delete a queue, delete another and declare it again, and empty a third."""
    async with ManagementApi(world.axis.management()) as api:
        for each in (town.deleted, town.remade):
            await api.delete(f"queues/{api.vhost}/{segment(queue_of(each.mailbox))}")
        queue = segment(queue_of(town.remade.mailbox))
        await api.put(f"queues/{api.vhost}/{queue}", {"durable": True, "arguments": {**QUORUM}})
        await api.post(
            f"bindings/{api.vhost}/e/{DELIVER_EXCHANGE}/q/{queue}", {"routing_key": town.remade.mailbox}
        )
        await api.delete(f"queues/{api.vhost}/{segment(queue_of(town.purged.mailbox))}/contents")


async def put_right(world: World, town: Town, monkeypatch: pytest.MonkeyPatch) -> list[AgencyProcess]:
    """Mend what an operator is told of, also where the command is killed on its way."""
    code, listed = await world.truc("losses", "list", "--json")
    assert (code, {each["mailbox"] for each in json.loads(listed)}) == (1, {e.mailbox for e in town.struck})
    assert await mend(world, town.deleted, "--dry-run") == Mended(sent=0, planned=COUNT)
    assert len(await losses(world)) == len(town.struck)
    await killed(world, town.remade, monkeypatch)
    mended = await asyncio.gather(*(mend(world, each) for each in town.struck))
    assert [each.sent for each in mended] == [COUNT, 0, COUNT]
    again = [world.software(each) for each in town.struck]
    await until(lambda: all(len(each.effects()) >= COUNT for each in again), what="everything once more")
    return again


async def known(world: World, *agencies: LocalAgency, depth: int | None = None) -> None:
    """Return once the watch knows these queues, and (with *depth*) has seen them at rest with so much."""
    mailboxes = sorted(each.mailbox for each in agencies)

    async def is_known() -> bool:
        return len(await world.rows(KNOWN, mailboxes, depth)) == len(mailboxes)

    await until(is_known, what=f"known queues of depth {depth}", seconds=60, pause=0.2)


async def losses(world: World) -> set[tuple[str, str, int]]:
    return {tuple(row) for row in await world.rows(LOSSES, world.mailboxes)}


async def is_told(world: World, *agencies: LocalAgency) -> bool:
    """Whether the alerts that are open are just about these."""
    rows = await world.rows(ALERTS, world.mailboxes)
    return {row["subject"] for row in rows} == {each.mailbox for each in agencies}


async def mend(world: World, agency: LocalAgency, *options: str) -> Mended:
    code, told = await world.truc("losses", "mend", agency.mailbox, *options, "--json")
    assert code == 0, told
    answer = json.loads(told[told.index("{") :])
    return Mended(sent=answer["sent"], planned=len(answer["plan"]["deliveries"]))


async def killed(world: World, agency: LocalAgency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin to mend and die when everything has gone out, and nobody has said so yet."""
    with monkeypatch.context() as patch:
        patch.setenv("HUB_CRASH_AT", "losses.after_batch")
        code, told = await world.truc("losses", "mend", agency.mailbox)
    assert code == -signal.SIGKILL, told
    ((recorded,),) = await world.rows(ACTS, agency.mailbox)
    assert recorded == COUNT


def one_effect_each(softwares: list[AgencyProcess]) -> None:
    for each in softwares:
        effects = each.effects()
        assert len({line["delivery_id"] for line in effects}) == len(effects) == COUNT
