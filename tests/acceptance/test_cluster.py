"""Each server of a cluster is killed under load: the campaign's judge finds every law kept."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.cluster import ClusterStack
from deploy.cluster.record import read_cluster, write_cluster
from hub.commands.cluster_demo import ENCRYPTED_CLUSTER
from hub.commands.local_axis import provision_local
from hub.message.properties import INTAKE_QUEUE
from tests.acceptance.cluster_world import at_work
from tests.chaos.cast import Office
from tests.chaos.laws.violation import Law

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStack]:
    """Provision an axis on a cluster of this module's own."""
    cluster = ClusterStack(tmp_path_factory.mktemp("cluster") / "home", progress=lambda _: None)
    try:
        asyncio.run(provision_local(stack=cluster))
        yield cluster
    finally:
        cluster.purge()


def offices(letter: str) -> tuple[Office, ...]:
    """Return two who write to one another and to a third, which has two processes on one mailbox."""
    return (
        Office(code=f"{letter}61", name="Cơ quan thứ nhất", rate=5.0),
        Office(code=f"{letter}62", name="Cơ quan thứ hai", rate=4.0),
        Office(code=f"{letter}63", name="Cơ quan thứ ba", consumers=2, handling="idempotent"),
    )


async def test_killing_any_broker_node_under_load_breaks_no_law(
    cluster: ClusterStack, tmp_path: Path
) -> None:
    async with at_work(cluster, tmp_path / "world", offices("N")) as world:
        await world.every_queue_is_whole()
        await world.effects_go_on()
        leader = await world.leader(INTAKE_QUEUE)
        for node in sorted(cluster.nodes, key=lambda each: each.record.node_name != leader):
            await asyncio.to_thread(node.kill)
            await world.effects_go_on()
            await asyncio.to_thread(node.start)
            await world.every_queue_is_whole()

        verdict = await world.verdict()

    assert "\n".join(verdict.told()) == ""
    assert verdict.delivered == verdict.deliveries > 100
    assert [each.exit_code for each in world.hubs] == [0, 0], "every hub lived through it"


async def test_promoting_the_standby_under_load_breaks_no_law(cluster: ClusterStack, tmp_path: Path) -> None:
    async with at_work(cluster, tmp_path / "world", offices("P")) as world:
        await world.effects_go_on()
        former = cluster.primary
        await asyncio.to_thread(former.kill)
        await asyncio.to_thread(cluster.promote)
        await world.effects_go_on()
        await asyncio.to_thread(former.start)  # still taking itself for the primary
        await world.hubs[0].kill()
        world.hubs[0].launch()
        await world.effects_go_on()
        await asyncio.to_thread(former.stop)
        await asyncio.to_thread(cluster.rejoin)
        await world.effects_go_on()

        verdict = await world.verdict()

    assert "\n".join(verdict.told()) == ""
    assert verdict.delivered == verdict.deliveries > 100


async def test_a_standby_that_nobody_waited_for_is_seen_to_lose(
    cluster: ClusterStack, tmp_path: Path
) -> None:
    """Plant the fault: what the primary has answered alone is gone with it, and the judge says so."""
    async with at_work(cluster, tmp_path / "world", offices("Q")) as world:
        await world.effects_go_on()
        record = read_cluster(cluster.home)
        assert record is not None
        write_cluster(cluster.home, replace(record, is_alone=True))
        await asyncio.to_thread(cluster.primary.reload)
        await asyncio.to_thread(cluster.standby.kill)
        await world.effects_go_on()
        await asyncio.to_thread(cluster.primary.kill)
        await asyncio.to_thread(cluster.standby.start)
        await asyncio.to_thread(cluster.promote)
        await world.effects_go_on()
        await asyncio.to_thread(cluster.rejoin)

        verdict = await world.verdict(rests=False)  # what is lost never comes to its end

    forgotten = [each.what for each in verdict.of(Law.VISIBLE_END) if "operators see nothing" in each.what]
    assert forgotten, f"the judge saw {verdict.counts()}"


def test_the_demonstration_finds_nothing_lost_and_nobody_in_the_clear(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "hub", "cluster-demo", "--tls", "--home", str(home), "--json"]

    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=800)

    ClusterStack(home / ENCRYPTED_CLUSTER, progress=lambda _: None).purge()
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["went_well"]) == (0, True)
    counts = {
        name: told["audit"][name] for name in ("lost", "double_effects", "order_violations", "undecided")
    }
    assert set(counts.values()) == {0}
    assert told["audit"]["accepted"] == told["audit"]["sent"] > 200
