"""What the story is played on: the cluster, two hub processes, three agencies that write to one another."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import asyncpg

from adapters.kit.settings import read_settings
from deploy.cluster import ClusterStack
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.cluster_demonstration.correspondent import Correspondent
from hub.commands.demonstration.cast import CAO_BANG, GOVERNMENT_OFFICE, NGHE_AN
from hub.commands.demonstration.checks import Checks, StoryBroken
from hub.commands.foreground import start_hub, stop_hub
from hub.commands.local_axis import LocalAxis, NewAgency, provision_local
from hub.message.properties import INTAKE_QUEUE

WRITES_TO: Final[dict[str, tuple[NewAgency, ...]]] = {
    GOVERNMENT_OFFICE.code: (CAO_BANG, NGHE_AN),
    NGHE_AN.code: (CAO_BANG,),
    CAO_BANG.code: (),
}
HUBS: Final = 2
RETRY_DELAYS: Final = '["PT1S", "PT2S", "PT5S", "PT10S"]'
SETTLED_SECONDS: Final = 4.0
"""RabbitMQ 3.10 forgets quorum queues that were declared less than about three seconds before a SIGKILL."""

_TOLD_SECONDS: Final = 30.0
_SPEAKS_TLS: Final = """
    select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid)
     where a.backend_type in ('client backend', 'walsender')"""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that the story needs."""

    axis: LocalAxis
    cluster: ClusterStack
    correspondents: tuple[Correspondent, ...]
    checks: Checks
    per_second: float
    hubs: list[Process] = field(default_factory=list)
    hubs_started: int = 0

    @property
    def arrived(self) -> int:
        """How many documents have arrived so far, everywhere."""
        return sum(len(each.arrivals) for each in self.correspondents)

    def longest_silence(self, since: float) -> float:
        """Return the longest time until now, begun after *since* or running then, without an arrival."""
        every = sorted(at for each in self.correspondents for at in each.arrivals)
        before = max((at for at in every if at <= since), default=since)
        instants = [before, *(at for at in every if at > since), time.monotonic()]
        return max((later - earlier for earlier, later in pairwise(instants)), default=0)

    async def start_hub(self) -> None:
        """Start one more hub process."""
        self.hubs_started += 1
        log = self.axis.home / "log" / f"hub-{self.hubs_started}.log"
        self.hubs.append(
            await start_hub(self.axis.settings_file, environment={"HUB_RETRY_DELAYS": RETRY_DELAYS}, log=log)
        )

    async def replace_hub(self) -> None:
        """Kill the hub that has run longest and start another."""
        oldest = self.hubs.pop(0)
        oldest.kill()
        await oldest.wait()
        await self.start_hub()

    def ensure_hubs_run(self) -> None:
        """Raise `StoryBroken` where a hub has given up: each of them sits every outage out."""
        if ended := [each.returncode for each in self.hubs if each.returncode is not None]:
            raise StoryBroken(f"a hub ended with {ended[0]}: {self.axis.home / 'log'} says why")


@asynccontextmanager
async def set_up(home: Path, checks: Checks, *, per_second: float, tls: bool) -> AsyncIterator[Stage]:
    """Start the cluster, the hubs and the agencies; stop all of it in the end, the cluster too."""
    cluster = ClusterStack(home, tls=tls)
    try:
        axis = await provision_local(stack=cluster)
        agencies = await axis.add_agencies((GOVERNMENT_OFFICE, NGHE_AN, CAO_BANG))
        declared = time.monotonic()
        async with AsyncExitStack() as open_ones:
            stage = Stage(axis=axis, cluster=cluster, correspondents=(), checks=checks, per_second=per_second)
            open_ones.push_async_callback(_stop_hubs, stage)
            for _ in range(HUBS):
                await stage.start_hub()
            stage.correspondents = tuple(
                [
                    await open_ones.enter_async_context(
                        Correspondent.open(agency, read_settings(each.kit_file))
                    )
                    for agency, each in zip((GOVERNMENT_OFFICE, NGHE_AN, CAO_BANG), agencies, strict=True)
                ]
            )
            await asyncio.sleep(max(0.0, declared + SETTLED_SECONDS - time.monotonic()))
            yield stage
    finally:
        await asyncio.to_thread(cluster.down)


@asynccontextmanager
async def load(stage: Stage) -> AsyncIterator[None]:
    """Let everybody write while the block runs."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for each in stage.correspondents:
            if recipients := WRITES_TO[each.agency.code]:
                tasks.create_task(each.send_until(stop, recipients, per_second=stage.per_second))
        try:
            yield
        finally:
            stop.set()


async def leader_of_intake(stage: Stage) -> str:
    """Return the node that leads the queue through which everything comes in."""
    async with ManagementApi(stage.axis.management()) as api:
        queue = await api.record(f"queues/{api.vhost}/{INTAKE_QUEUE}")
    return str(queue["leader"])


async def copies(stage: Stage) -> dict[str, int]:
    """Return for each queue how many nodes have a living copy of it."""
    async with ManagementApi(stage.axis.management()) as api:
        found: dict[str, int] = {}
        async for queue in api.pages(f"queues/{api.vhost}"):
            online = queue.get("online")
            found[str(queue["name"])] = len(online) if isinstance(online, list) else 0
    return found


async def unencrypted(stage: Stage) -> dict[str, int]:
    """Count the connections without TLS to any node of the broker, and to the primary."""
    to_broker = await _connections(stage)
    limit = time.monotonic() + _TOLD_SECONDS
    while None in to_broker and time.monotonic() < limit:
        await asyncio.sleep(1)
        to_broker = await _connections(stage)
    connection = await asyncpg.connect(LocalAxis.at(stage.cluster).dsn("postgres"))
    try:
        to_database = await connection.fetch(_SPEAKS_TLS)
    finally:
        await connection.close()
    if not to_broker or not to_database:
        raise StoryBroken("nobody is connected")
    return {
        "broker": sum(each is not True for each in to_broker),
        "database": sum(not row["ssl"] for row in to_database),
    }


async def _connections(stage: Stage) -> list[object]:
    """Return for each connection whether it speaks TLS; the broker says nothing of one that is new."""
    async with ManagementApi(stage.axis.management()) as api:
        return [each.get("ssl") async for each in api.pages("connections")]


async def _stop_hubs(stage: Stage) -> None:
    await asyncio.gather(*(stop_hub(each) for each in stage.hubs))
