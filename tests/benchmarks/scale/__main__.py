"""`make bench-scale`: how costs grow with mailboxes, agencies, backlog; writes build/bench-scale.json."""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import uvloop
from rich.console import Console

from tests.benchmarks.machine import shape
from tests.benchmarks.place import CHECKOUT, Place, a_place
from tests.benchmarks.processor_time import Sampler
from tests.benchmarks.scale import crowd
from tests.benchmarks.scale.acts import Acts, load_registry
from tests.benchmarks.scale.chart import draw
from tests.support.hub_process import hub_processes
from tests.support.waiting import until

BUILD = CHECKOUT / "build"
HOME = CHECKOUT / ".truc" / "bench-scale"
CHART = "scale.svg"
MB = 1_000_000
BETWEEN = """
    select count(*) as delivered,
        extract(epoch from max(consigned_at) - min(consigned_at))::float8 as seconds,
        extract(epoch from min(consigned_at))::float8 as first
    from deliveries where kind = 'document' and consigned_at >= to_timestamp($1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What grows, and how far."""

    mailboxes: tuple[int, ...] = (95, 1_000, 5_000)
    backlogs: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    agencies: int = 120_000
    spread: int = 100_000
    """Deliveries that wait while mailboxes grow."""
    drain_seconds: float = 20.0


QUICK = Plan(mailboxes=(95, 300), backlogs=(1_000, 10_000), agencies=5_000, spread=10_000, drain_seconds=5.0)


@dataclass(slots=True, kw_only=True)
class Growth:
    """One run through the plan."""

    plan: Plan
    place: Place
    console: Console
    by_backlog: dict[int, dict[str, float]] = field(default_factory=dict)
    by_mailboxes: dict[int, dict[str, float]] = field(default_factory=dict)
    drains: dict[int, dict[str, float]] = field(default_factory=dict)
    mailboxes: dict[int, dict[str, float]] = field(default_factory=dict)

    async def run(self) -> dict[str, object]:
        """Measure everything and return what goes into the file."""
        machine = await shape(self.place)
        await self._connect(self.plan.mailboxes[0])
        for backlog in self.plan.backlogs:
            await self._backlog(backlog)
        registry = await self._registry()
        for count in self.plan.mailboxes:
            await crowd.clear(self.place)
            await self._connect(count)
            await self._spread(count)
        return {
            "by_backlog_ms": self.by_backlog,
            "by_mailboxes_ms": self.by_mailboxes,
            "drain_by_backlog": self.drains,
            "mailboxes": self.mailboxes,
            "registry": registry,
            "machine": dict(machine),
        }

    async def _connect(self, count: int) -> None:
        began = time.perf_counter()
        await crowd.connect_mailboxes(self.place.axis, count)
        seconds = time.perf_counter() - began
        async with AsyncExitStack() as stack:
            idle = await (await Acts.open(self.place, stack)).look_in_vain()
        found = {"declare_seconds": round(seconds, 1), "look_in_vain_ms": round(idle, 2)}
        self.mailboxes.setdefault(count, found)
        self._say(f"{count} mailboxes: {found}")

    async def _backlog(self, backlog: int) -> None:
        waiting = await crowd.pile_up(self.place, backlog)
        async with AsyncExitStack() as stack:
            costs = await (await Acts.open(self.place, stack)).costs()
        self.by_backlog[backlog] = {act: round(cost, 2) for act, cost in costs.items()}
        self._say(f"{waiting} deliveries wait: {self.by_backlog[backlog]}")
        await crowd.pile_up(self.place, backlog)
        self.drains[backlog] = await self._drain()
        self._say(f"drained from {backlog}: {self.drains[backlog]}")

    async def _spread(self, count: int) -> None:
        await crowd.pile_up(self.place, self.plan.spread)
        async with AsyncExitStack() as stack:
            costs = await (await Acts.open(self.place, stack)).costs()
        self.by_mailboxes[count] = {act: round(cost, 2) for act, cost in costs.items()}
        self._say(f"{count} mailboxes, {self.plan.spread} deliveries wait: {self.by_mailboxes[count]}")

    async def _drain(self) -> dict[str, float]:
        """Let one hub process work on the backlog for a while; returns what it managed."""
        axis = self.place.axis
        with hub_processes(axis.settings_file, axis.home) as start, Sampler({}) as sampler:
            began = time.time()
            hub = start(HUB_LOG_LEVEL="warning")
            sampler.add("hub", hub.pid)
            async with self.place.database() as connection:
                begun = "select exists (select from deliveries where consigned_at >= to_timestamp($1))"
                await until(lambda: connection.fetchval(begun, began), what="the first delivery", seconds=120)
                await asyncio.sleep(self.plan.drain_seconds)
                outcome = await connection.fetchrow(BETWEEN, began)
            await hub.stop()
        return {
            "deliveries_per_second": round(outcome["delivered"] / max(outcome["seconds"], 0.001), 1),
            "start_seconds": round(outcome["first"] - began, 2),
            "hub_rss_mb": round(sampler.most_resident("hub") / MB, 1),
        }

    async def _registry(self) -> dict[str, float]:
        before = await load_registry(self.place)
        agencies = await crowd.enter_agencies(self.place, self.plan.agencies)
        after = await load_registry(self.place)
        await crowd.clear(self.place)
        await crowd.pile_up(self.place, self.plan.backlogs[0])
        drained = await self._drain()
        found = {"agencies": agencies, "load_few_seconds": round(before, 3), "load_seconds": round(after, 3)}
        self._say(f"registry: {found}, {drained}")
        return {**found, **drained}

    def _say(self, text: str) -> None:
        self.console.print(f"  {text}", highlight=False, soft_wrap=True)


async def grow(plan: Plan, console: Console) -> dict[str, object]:
    """Make a place, let it grow, and take it down."""
    async with a_place(HOME) as place:
        return await Growth(plan=plan, place=place, console=console).run()


def the_plan(arguments: Sequence[str]) -> Plan:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: hundreds and thousands")
    parser.add_argument("--mailboxes", help="numbers of mailboxes (95,1000,5000)")
    parser.add_argument("--backlogs", help="numbers of deliveries that wait (10000,100000,1000000)")
    given = parser.parse_args(arguments)
    plan = QUICK if given.quick else Plan()
    return Plan(
        mailboxes=_numbers(given.mailboxes) or plan.mailboxes,
        backlogs=_numbers(given.backlogs) or plan.backlogs,
        agencies=plan.agencies,
        spread=plan.spread,
        drain_seconds=plan.drain_seconds,
    )


def _numbers(text: str | None) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(",")) if text else ()


def write(found: dict[str, object], folder: Path) -> None:
    """Write the figures and the chart into *folder*."""
    (folder / "bench-scale.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    draw(found["by_backlog_ms"], found["by_mailboxes_ms"], folder / CHART)  # type: ignore[arg-type]


def main() -> int:
    """Measure, tell, write."""
    plan = the_plan(sys.argv[1:])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    BUILD.mkdir(exist_ok=True)
    console = Console()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(grow(plan, console))
    write(found, BUILD)
    console.print(f"figures in build/bench-scale.json, the chart in build/{CHART}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
