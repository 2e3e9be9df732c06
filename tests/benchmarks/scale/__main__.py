"""`make bench-scale`: how costs grow with mailboxes, agencies, backlog; writes build/bench-scale.json."""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog
import uvloop
from rich.console import Console

from tests.benchmarks.machine import shape
from tests.benchmarks.place import CHECKOUT, Place, a_place
from tests.benchmarks.processor_time import Sampler
from tests.benchmarks.scale import crowd
from tests.benchmarks.scale.acts import Acts, load_registry
from tests.benchmarks.scale.found import Found
from tests.benchmarks.scale.queues import Queues
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
    connected: int = 95
    """Mailboxes while the backlog and the registry grow."""
    queues: int = 5_000
    """Mailboxes that the broker gets queues for; where there are more, the database alone is measured."""
    spread: int = 100_000
    """Deliveries that wait while mailboxes grow."""
    few: int = 10_000
    """Deliveries that wait while the registry grows."""
    drain_seconds: float = 20.0


QUICK = Plan(
    mailboxes=(95, 300), backlogs=(1_000, 10_000), agencies=5_000, spread=10_000, few=1_000, drain_seconds=5.0
)


@dataclass(slots=True, kw_only=True)
class Growth:
    """One run through the plan; what is found is written at once, so that a run may be broken off."""

    plan: Plan
    place: Place
    console: Console
    found: Found

    async def run(self) -> None:
        """Measure everything."""
        self.found.machine(await shape(self.place))
        if self.plan.backlogs:
            await self._connect(self.plan.connected)
        for backlog in self.plan.backlogs:
            await self._backlog(backlog)
        if self.plan.agencies:
            await self._registry()
        for count in self.plan.mailboxes:
            await crowd.clear(self.place)
            await self._connect(count)
            await self._spread(count)

    async def _connect(self, count: int) -> None:
        await crowd.connect_mailboxes(self.place.axis, count)
        if count <= self.plan.queues:
            queues = Queues(axis=self.place.axis)
            await queues.declare()
            await queues.hold()
            self._note("queues", count, queues.figures)
        async with AsyncExitStack() as stack:
            idle = await (await Acts.open(self.place, stack)).look_in_vain()
        self._note("mailboxes", count, {"look_in_vain_ms": round(idle, 2)})

    async def _backlog(self, backlog: int) -> None:
        await crowd.pile_up(self.place, backlog)
        self._note("by_backlog_ms", backlog, await self._costs())
        await crowd.pile_up(self.place, backlog)
        self._note("drain_by_backlog", backlog, await self._drain())

    async def _spread(self, count: int) -> None:
        await crowd.pile_up(self.place, self.plan.spread)
        self._note("by_mailboxes_ms", count, await self._costs())
        if count > self.plan.queues:
            return
        await crowd.pile_up(self.place, self.plan.spread)
        self._note("drain_by_mailboxes", count, await self._drain())
        await self._restart(count)

    async def _restart(self, count: int) -> None:
        queues = Queues(axis=self.place.axis)
        await queues.hold()
        await queues.restart()
        self.place = replace(self.place, broker_pid=queues.pid)
        self._note("restart", count, queues.figures)

    async def _costs(self) -> dict[str, float]:
        async with AsyncExitStack() as stack:
            costs = await (await Acts.open(self.place, stack)).costs()
        return {act: round(cost, 2) for act, cost in costs.items()}

    async def _drain(self) -> dict[str, float]:
        """Let one hub process work on the backlog for a while; returns what it managed."""
        axis = self.place.axis
        axis_trees = {"broker": self.place.broker_pid, "database": self.place.database_pid}
        with hub_processes(axis.settings_file, axis.home) as start, Sampler(axis_trees) as sampler:
            began = time.time()
            hub = start(HUB_LOG_LEVEL="warning")
            sampler.add("hub", hub.pid)
            async with self.place.database() as connection:
                begun = "select exists (select from deliveries where consigned_at >= to_timestamp($1))"
                await until(lambda: connection.fetchval(begun, began), what="the first delivery", seconds=120)
                await asyncio.sleep(self.plan.drain_seconds)
                outcome = await connection.fetchrow(BETWEEN, began)
            await hub.stop()
        delivered, last = outcome["delivered"], outcome["first"] + outcome["seconds"]
        spent = {name: sampler.used(name, outcome["first"], last) for name in (*axis_trees, "hub")}
        return {
            "deliveries_per_second": round(delivered / max(outcome["seconds"], 0.001), 1),
            **{f"{name}_ms_each": round(1000 * used / delivered, 3) for name, used in spent.items()},
            "start_seconds": round(outcome["first"] - began, 2),
            "hub_rss_mb": round(sampler.most_resident("hub") / MB, 1),
        }

    async def _registry(self) -> None:
        for agencies in (0, self.plan.agencies):
            entered = await crowd.enter_agencies(self.place, agencies)
            await crowd.clear(self.place)
            await crowd.pile_up(self.place, self.plan.few)
            seconds = await load_registry(self.place)
            self._note("registry", entered, {"load_seconds": round(seconds, 3), **await self._drain()})

    def _note(self, what: str, how_many: int, figures: Mapping[str, float]) -> None:
        figures = {name: round(value, 3) for name, value in figures.items()}
        self.found.note(what, how_many, figures)
        self.console.print(f"  {what}, {how_many}: {figures}", highlight=False, soft_wrap=True)


async def grow(plan: Plan, console: Console, found: Found) -> None:
    """Make a place, let it grow, and take it down."""
    async with a_place(HOME) as place:
        await Growth(plan=plan, place=place, console=console, found=found).run()


def the_plan(given: argparse.Namespace) -> Plan:
    """Make a plan of what the command line asks for."""
    plan = QUICK if given.quick else Plan()
    return replace(
        plan,
        mailboxes=plan.mailboxes if given.mailboxes is None else _numbers(given.mailboxes),
        backlogs=plan.backlogs if given.backlogs is None else _numbers(given.backlogs),
        agencies=plan.agencies if given.agencies is None else given.agencies,
        queues=plan.queues if given.queues is None else given.queues,
    )


def the_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench-scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: hundreds and thousands")
    parser.add_argument("--mailboxes", help="numbers of mailboxes (95,1000,5000); none: an empty text")
    parser.add_argument("--backlogs", help="numbers of deliveries that wait (10000,100000,1000000)")
    parser.add_argument("--agencies", type=int, help="in the registry (120000); 0: leave that part out")
    parser.add_argument("--queues", type=int, help="in the broker at most (5000); beyond, the database alone")
    parser.add_argument("--add", action="store_true", help="keep the figures of the last run, and add these")
    return parser.parse_args(arguments)


def _numbers(text: str | None) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(",")) if text else ()


def main() -> int:
    """Measure, tell, write."""
    given = the_arguments(sys.argv[1:])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    BUILD.mkdir(exist_ok=True)
    console = Console()
    found = Found(BUILD / "bench-scale.json", is_added_to=given.add)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(grow(the_plan(given), console, found))
    found.draw(BUILD / CHART)
    console.print(f"figures in build/bench-scale.json, the chart in build/{CHART}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
