"""`make bench`: the axis against a bare relay, on a private stack; writes `build/bench.json`."""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import structlog
import uvloop
from rich.console import Console

from tests.benchmarks.checking import BenchFailed
from tests.benchmarks.documents import Press, Series
from tests.benchmarks.drain import Drained, Load, Relayed, drain, relay_bare
from tests.benchmarks.figures import FanOut, Figures, fastest
from tests.benchmarks.latency import PER_SECOND, WARM_UP, Latency, measure_latency
from tests.benchmarks.machine import shape
from tests.benchmarks.place import CHECKOUT, CONNECTED, HOME, RECIPIENTS, SENDER, Place, a_place
from tests.benchmarks.profiling import Profiler
from tests.benchmarks.restart import measure_restart
from tests.benchmarks.steps import checks_of
from tests.benchmarks.storage import stored, table_sizes

BUILD = CHECKOUT / "build"
SMALL, LARGE = 10_000, 1_000_000
STEPS = 100
BARE_FOR_FAN_OUT = 40
"""How often the bare relay carries each document that went to everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure."""

    documents: int = 3000
    rounds: int = 3
    hubs: tuple[int, ...] = (1, 2)
    latency_seconds: int = 20
    large: int = 100
    fan_out: int = 60
    restart: int = 2000
    is_profiled: bool = False


QUICK = Plan(documents=500, rounds=1, hubs=(2,), latency_seconds=3, large=0, fan_out=0, restart=2000)


@dataclass(slots=True, kw_only=True)
class Bench:
    """One run through the plan."""

    plan: Plan
    place: Place
    press: Press
    pool: ProcessPoolExecutor
    console: Console
    drains: dict[int, list[Drained]] = field(default_factory=dict)
    relays: list[Relayed] = field(default_factory=list)

    async def run(self) -> Figures:
        """Measure everything."""
        machine = await shape(self.place)
        before = await table_sizes(self.place)
        for number in range(self.plan.rounds):
            await self._round(number)
        after = await table_sizes(self.place)
        hubs = fastest(self.drains)
        latencies = {each: await self._latency(each) for each in self.plan.hubs}
        checks = await checks_of(self.place)
        large_bodies = self._make("large", self.plan.large, octets=LARGE)
        figures = Figures(
            machine=machine,
            drains=self.drains,
            relays=self.relays,
            latencies=latencies,
            stored=stored(before, after, sum(each.octets for runs in self.drains.values() for each in runs)),
            steps=checks.costs(self._make("steps", STEPS)),
            large=await self._drain("1 MB", large_bodies, hubs=hubs) if large_bodies else None,
            large_steps=checks.costs(large_bodies) if large_bodies else None,
            fan_out=await self._fan_out() if self.plan.fan_out else None,
            restart_seconds=await self._restart(),
        )
        if self.plan.is_profiled:
            await self._profile()
        return figures

    async def _round(self, number: int) -> None:
        """Drain by every set-up in turn: what slows the machine down for a while then hits all of them."""
        bodies: list[bytes] = []
        for hubs in self.plan.hubs:
            bodies = self._make(f"r{number}h{hubs}", self.plan.documents)
            drained = await self._drain(f"round {number + 1}", bodies, hubs=hubs)
            self.drains.setdefault(hubs, []).append(drained)
        relayed = await relay_bare(self.place, bodies)
        self._say(f"round {number + 1}: bare relay, {relayed.per_second:.0f} messages a second")
        self.relays.append(relayed)

    async def _latency(self, hubs: int) -> Latency:
        bodies = self._make(f"latency{hubs}", WARM_UP + PER_SECOND * self.plan.latency_seconds)
        latency = await measure_latency(self.place, bodies, hubs=hubs, pool=self.pool)
        self._say(f"latency: {hubs} hub process(es), p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms")
        return latency

    async def _restart(self) -> float:
        seconds = await measure_restart(self.place, self._make("restart", self.plan.restart), self.pool)
        self._say(f"restart: {seconds:.2f} s from the kill of a hub to the first delivery of the next")
        return seconds

    async def _fan_out(self) -> FanOut:
        """Drain documents that go to everybody; right after, let the bare relay carry the same documents."""
        bodies = self._make("fan", self.plan.fan_out, recipients=len(RECIPIENTS))
        load = Load(bodies=bodies, recipients=len(RECIPIENTS))
        drained = await self._drain(f"{len(RECIPIENTS)} recipients", bodies, hubs=1, load=load)
        return FanOut(drained=drained, relayed=await relay_bare(self.place, bodies * BARE_FOR_FAN_OUT))

    async def _drain(self, what: str, bodies: list[bytes], *, hubs: int, load: Load | None = None) -> Drained:
        drained = await drain(self.place, load or Load(bodies=bodies), hubs=hubs, pool=self.pool)
        self._say(f"{what}: {hubs} hub process(es), {drained.per_second:.1f} documents a second")
        return drained

    async def _profile(self) -> None:
        """Drain once more under the profiler, which slows everything: it does not count."""
        profiler = Profiler(place=self.place, folder=BUILD)
        load = Load(bodies=self._make("profile", max(self.plan.documents, 1500)))
        drained = await drain(self.place, load, hubs=1, pool=self.pool, profiler=profiler)
        self._say(
            f"profiled: {drained.per_second:.0f} documents a second; see build/profile.txt, statements.txt"
        )

    def _make(self, label: str, count: int, *, octets: int = SMALL, recipients: int = 1) -> list[bytes]:
        series = Series(label=label, sender=SENDER, recipients=RECIPIENTS[:recipients], octets=octets)
        return self.press.make(series, count)

    def _say(self, text: str) -> None:
        self.console.print(f"  {text}", highlight=False)


async def measure(plan: Plan, console: Console) -> Figures:
    """Make a place, measure, and take it down."""
    connected = len(RECIPIENTS) if plan.fan_out else CONNECTED
    async with a_place(HOME, recipients=connected) as place:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn) as pool:
            press = Press(pool, place.sender.kit_file)
            return await Bench(plan=plan, place=place, press=press, pool=pool, console=console).run()


def the_plan(arguments: list[str]) -> Plan:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute: one round, no large documents")
    parser.add_argument("--documents", type=int, help="how many are drained each time (3000)")
    parser.add_argument("--rounds", type=int, help="drains of each kind; the median counts (3)")
    parser.add_argument("--hubs", help="numbers of hub processes to try (1,2)")
    parser.add_argument(
        "--profile", action="store_true", help="one drain more under py-spy, which does not count"
    )
    given = parser.parse_args(arguments)
    plan = QUICK if given.quick else Plan()
    return Plan(
        documents=given.documents or plan.documents,
        rounds=given.rounds or plan.rounds,
        hubs=tuple(int(each) for each in given.hubs.split(",")) if given.hubs else plan.hubs,
        latency_seconds=plan.latency_seconds,
        large=plan.large,
        fan_out=plan.fan_out,
        restart=plan.restart,
        is_profiled=given.profile,
    )


def main() -> int:
    """Measure, print, write; exit code 1 where the axis lost or doubled something."""
    plan = the_plan(sys.argv[1:])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    BUILD.mkdir(exist_ok=True)
    console = Console()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(measure(plan, console))
    except BenchFailed as failure:
        console.print(f"[bold red]failed:[/] {failure}")
        return 1
    result = BUILD / "bench.json"
    before = json.loads(result.read_text("utf-8")) if result.exists() else {}
    desk = {"desk": before["desk"]} if "desk" in before else {}  # `make bench-desk` measured it
    result.write_text(json.dumps({**figures.as_json(), **desk}, indent=2) + "\n", "utf-8")
    figures.show(console)
    console.print("every document was delivered once, every receipt is there and true: build/bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
