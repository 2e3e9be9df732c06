"""A cluster with hubs and agencies at work on it, all of them processes, and the campaign's judge."""

import asyncio
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.cluster import ClusterStack
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands import secret_file
from hub.commands.cluster_demonstration.story import CAUGHT_UP_SECONDS
from hub.commands.local_axis import LocalAgency, LocalAxis
from hub.message.identifiers import MailboxName
from tests.chaos.actor import Actor
from tests.chaos.cast import Office
from tests.chaos.checker import Verdict, judge
from tests.chaos.checker_log import told_heads
from tests.chaos.checker_sight import read_sight
from tests.chaos.ledger import Effected, merged, read_ledgers
from tests.chaos.rest import in_mailboxes, unrest
from tests.chaos.stage import HUB_ENVIRONMENT, _toml
from tests.support.axis import SETTLED_SECONDS
from tests.support.waiting import until

START_SECONDS = 90.0
REST_SECONDS = 180.0
QUIET_LOOKS = 3


class ClusterWorld:
    """The hubs and offices of one test; `at_work` starts and ends them."""

    def __init__(self, cluster: ClusterStack, folder: Path, offices: Sequence[Office]) -> None:
        self.cluster = cluster
        self.folder = folder
        self.offices = tuple(offices)
        self.hubs: list[Actor] = []
        self.agencies: list[Actor] = []

    @property
    def axis(self) -> LocalAxis:
        """The axis as it is now: after a promotion the primary is another."""
        return LocalAxis.at(self.cluster)

    @property
    def flag(self) -> Path:
        """The offices send while this file exists."""
        return self.folder / "sending"

    def effects(self) -> int:
        """Count what has had its effect so far."""
        entries = merged(read_ledgers(self.folder).values())
        return sum(isinstance(each, Effected) for each in entries)

    async def effects_go_on(self, count: int = 30, *, seconds: float = 90.0) -> None:
        """Return once so many more effects were done."""
        wanted = self.effects() + count
        await until(
            lambda: self.effects() >= wanted, what=f"{count} more effects", seconds=seconds, pause=0.5
        )

    async def leader(self, queue: str) -> str:
        """Return the name of the node that leads *queue*."""
        async with ManagementApi(self.axis.management()) as api:
            return str((await api.record(f"queues/{api.vhost}/{queue}"))["leader"])

    async def every_queue_is_whole(self) -> None:
        """Return once each queue has a living copy on every node."""
        await until(self._is_whole, what="three copies of every queue", seconds=60.0, pause=0.5)
        caught_up = time.monotonic() + CAUGHT_UP_SECONDS
        await until(lambda: time.monotonic() > caught_up, what="copies that have caught up")

    async def verdict(self, *, rests: bool = True) -> Verdict:
        """Stop sending, wait until everything has come to its end, if it ever will, and judge."""
        self.flag.unlink()
        if rests:
            await self._rest()
        for each in (*self.agencies, *self.hubs):
            await each.stop()
        axis = self.axis
        sight = await read_sight(
            axis.operator_dsn_at(axis.address.postgres_port),
            await in_mailboxes(axis, self.offices),
            heads=told_heads(each.log for each in self.hubs),
        )
        mailboxes = [MailboxName(each.code) for each in self.offices]
        return judge(merged(read_ledgers(self.folder).values()), sight.of(mailboxes))

    async def _rest(self) -> None:
        quiet = 0

        async def is_resting() -> bool:
            nonlocal quiet
            quiet = 0 if await unrest(self.axis, self.folder, self.offices) else quiet + 1
            return quiet >= QUIET_LOOKS

        await until(is_resting, what="everything to come to its end", seconds=REST_SECONDS, pause=1.0)

    async def _is_whole(self) -> bool:
        async with ManagementApi(self.axis.management()) as api:
            queues = [each async for each in api.pages(f"queues/{api.vhost}")]
        return all(len(online) == 3 for each in queues if isinstance(online := each.get("online"), list))

    def add_hub(self) -> None:
        number = len(self.hubs) + 1
        command = [sys.executable, "-m", "hub", "serve", "--settings", str(self.axis.settings_file)]
        self.hubs.append(
            Actor(
                f"hub-{number}",
                command,
                log=self.folder / f"hub-{number}.log",
                environment=HUB_ENVIRONMENT,
                ready=self.folder / f"hub-{number}.ready",
            )
        )

    def add_office(self, office: Office, agency: LocalAgency) -> None:
        others = [each.code for each in self.offices if each is not office]
        for number, name in enumerate(office.processes):
            folder = self.folder / office.code / name
            folder.mkdir(parents=True)
            kit = tomllib.loads(agency.kit_file.read_text("utf-8"))
            keys = kit.pop("keys")
            kit["journal"] = "../journal.db"
            orders = {
                "name": name,
                "seed": 1,
                "handling": office.handling,
                "is_difficult": False,
                "rate": 0.0 if number else office.rate,
                "speakers": [office.code],
                "recipients": others,
                "flag": str(self.flag),
            }
            parts = [("[kit]", kit), *(("[[kit.keys]]", key) for key in keys), ("[campaign]", orders)]
            text = "\n".join(f"{head}\n{_toml(body)}" for head, body in parts)
            secret_file.write(folder / "agency.toml", text)
            self.agencies.append(
                Actor(
                    name,
                    [sys.executable, "-m", "tests.chaos.agency", str(folder / "agency.toml")],
                    log=folder / "process.log",
                    environment={},
                    ready=folder / "ready",
                )
            )

    def is_ready(self) -> bool:
        """Whether everybody works; a hub says so in its log."""
        started = ["hub.started" in each.log.read_text("utf-8", "replace") for each in self.hubs]
        return all(started) and all(each.ready.exists() for each in self.agencies)


@asynccontextmanager
async def at_work(
    cluster: ClusterStack, folder: Path, offices: Sequence[Office]
) -> AsyncIterator[ClusterWorld]:
    """Register *offices*, start two hubs and everybody's software, and let them send."""
    folder.mkdir(parents=True, exist_ok=True)
    world = ClusterWorld(cluster, folder, offices)
    added = await world.axis.add_agencies([agency for each in offices for agency in each.agencies])
    declared = time.monotonic()
    for _ in range(2):
        world.add_hub()
    for office, agency in zip(offices, added, strict=True):
        world.add_office(office, agency)
    try:
        for each in (*world.hubs, *world.agencies):
            each.launch()
        await until(world.is_ready, what="everybody to be ready", seconds=START_SECONDS, pause=0.2)
        settled = declared + SETTLED_SECONDS
        await until(lambda: time.monotonic() > settled, what="settled queues")
        world.flag.touch()
        yield world
    finally:
        await asyncio.gather(*(each.stop() for each in (*world.agencies, *world.hubs)))
