"""What the soak measures every few seconds, of every process and of what they store."""

import asyncio
import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.process import family
from hub.backends.rabbitmq.depths import depths_of
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.local_axis import LocalAxis
from tests.support.hub_process import HubProcess

MEGABYTE: Final = 1_000_000
_COUNTS: Final = """
select pg_database_size(current_database()) as octets, (select count(*) from outbox_entries) as waiting,
    (select count(*) from cases) as cases, (select count(*) from invalid_messages) as invalid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process, or one family of them, has of the machine at one moment."""

    private_mb: float
    """Memory that it shares with nobody: what a leak would add to."""
    resident_mb: float
    files: int
    threads: int
    processor_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """How long something took between two samples."""

    count: int
    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Everything at one moment."""

    seconds: float
    usage: Mapping[str, Usage]
    tasks: Mapping[str, int]
    """asyncio tasks of each hub."""
    queues: Mapping[str, int]
    """What lies in each queue, ready or in somebody's hands."""
    database_octets: int
    waiting: int
    """Entries in the outbox."""
    cases: int
    invalid: int
    journal_octets: Mapping[str, int]
    spells: Mapping[str, Spell]
    counts: Mapping[str, int]
    """How often each event was told since the beginning."""


@dataclass(slots=True)
class Listener:
    """Reads what the agencies tell, from where it stopped the last time."""

    files: Sequence[Path]
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _places: dict[Path, int] = field(default_factory=dict)

    def news(self) -> dict[str, Spell]:
        """Return how long what was told since the last call took, by event."""
        took: dict[str, list[float]] = defaultdict(list)
        for file in self.files:
            for line in self._lines(file):
                told = json.loads(line)
                self.counts[told["event"]] += 1
                if "ms" in told:
                    took[told["event"]].append(told["ms"])
        return {event: spell_of(values) for event, values in took.items()}

    def _lines(self, file: Path) -> list[str]:
        if not file.exists():
            return []
        with file.open("rb") as opened:
            opened.seek(self._places.get(file, 0))
            text = opened.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._places[file] = self._places.get(file, 0) + len(whole)
        return whole.decode().splitlines()


def spell_of(values: Sequence[float]) -> Spell:
    """Summarize *values*, of which there is one at least."""
    ordered = sorted(values)
    return Spell(
        count=len(ordered),
        median_ms=statistics.median(ordered),
        p99_ms=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """Looks at everything at once; keeps nothing."""

    axis: LocalAxis
    hubs: Mapping[str, HubProcess]
    processes: Mapping[str, int]
    """Broker, database and agencies by their pids."""
    listener: Listener
    journals: Mapping[str, Path]

    async def sample(self, seconds: float) -> Sample:
        """Measure; *seconds* have passed since the beginning."""
        pids = {**self.processes, **{name: hub.pid for name, hub in self.hubs.items()}}
        usage = await asyncio.to_thread(lambda: {name: usage_of(pid) for name, pid in pids.items()})
        counts = await self._database()
        return Sample(
            seconds=round(seconds, 1),
            usage=usage,
            tasks={name: await tasks_of(hub) for name, hub in self.hubs.items()},
            queues=await self._queues(),
            database_octets=counts["octets"],
            waiting=counts["waiting"],
            cases=counts["cases"],
            invalid=counts["invalid"],
            journal_octets={name: octets_of(path) for name, path in self.journals.items()},
            spells=self.listener.news(),
            counts=dict(self.listener.counts),
        )

    async def _database(self) -> asyncpg.Record:
        connection = await asyncpg.connect(self.axis.operator_dsn)
        try:
            return await connection.fetchrow(_COUNTS)
        finally:
            await connection.close()

    async def _queues(self) -> dict[str, int]:
        async with ManagementApi(self.axis.management()) as api:
            names = [str(each["name"]) async for each in api.pages(f"queues/{api.vhost}", columns="name")]
            depths = await depths_of(api, names)
        return {name: (each.ready or 0) + (each.unsettled or 0) for name, each in depths.items()}


def usage_of(pid: int) -> Usage:
    """Measure a process with everything below it; what has ended below it counts for the processor alone."""
    root = psutil.Process(pid)
    members = [usage for each in family(root) if (usage := _usage_of_one(each)) is not None]
    ended = root.cpu_times()
    return Usage(
        private_mb=round(sum(each.private_mb for each in members), 3),
        resident_mb=round(sum(each.resident_mb for each in members), 3),
        files=sum(each.files for each in members),
        threads=sum(each.threads for each in members),
        processor_seconds=round(
            sum(each.processor_seconds for each in members) + ended.children_user + ended.children_system, 2
        ),
    )


def _usage_of_one(process: psutil.Process) -> Usage | None:
    """Measure one process; None where it has ended meanwhile."""
    try:
        memory, times = process.memory_full_info(), process.cpu_times()
        return Usage(
            private_mb=memory.uss / MEGABYTE,
            resident_mb=memory.rss / MEGABYTE,
            files=process.num_fds(),
            threads=process.num_threads(),
            processor_seconds=times.user + times.system,
        )
    except psutil.NoSuchProcess:
        return None


async def tasks_of(hub: HubProcess) -> int:
    """Read how many asyncio tasks *hub* has."""
    answer = await hub.get("/metrics")
    if answer is None or not isinstance(answer, httpx.Response):
        return 0
    families = text_string_to_metric_families(answer.text)
    found = [sample.value for each in families if each.name == "hub_tasks" for sample in each.samples]
    return int(found[0]) if found else 0


def octets_of(journal: Path) -> int:
    """Add up a journal with its write-ahead log."""
    return sum(each.stat().st_size for each in journal.parent.glob(f"{journal.name}*"))
