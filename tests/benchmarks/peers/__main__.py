"""`make bench-peers`: the axis beside what one would write instead; writes `build/bench-peers.json`."""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from tests.benchmarks.checking import BenchFailed
from tests.benchmarks.documents import Press, Series
from tests.benchmarks.drain import Drained, Load, Relayed, drain, relay_bare
from tests.benchmarks.machine import shape
from tests.benchmarks.peers.contest import ENTRANTS, receive_and_sign, run_entrant
from tests.benchmarks.place import CHECKOUT, RECIPIENTS, SENDER, Place, a_place
from tests.benchmarks.steps import checks_of

BUILD = CHECKOUT / "build"
HOME = CHECKOUT / ".truc" / "bench-peers"
OCTETS = 10_000
STEPS = 100
AXIS = "the axis, {} hub process(es)"
BARE = "bare relay: no checks, no database"
WHAT_IS_COMPARED = """\
The consumers check, store under the digest, pass on and acknowledge, each message in a commit of its own (200
side by side: over ten connections). No receipts, mandates, lanes, outbox or retries: the figures of the axis
include all of these. With the axis's checks, they check signature, path and schema; the axis checks the rules
for content, attachments and recipients, too. Below: from a message to a signed receipt, without database and
broker; AS2 signs over MIME, AS4 decrypts, too, and neither reads what is inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure."""

    documents: int = 1500
    rounds: int = 3
    hubs: tuple[int, ...] = (1, 2)


@dataclass(slots=True, kw_only=True)
class Contest:
    """Every round lets everybody drain the same documents, in turn."""

    plan: Plan
    place: Place
    press: Press
    pool: ProcessPoolExecutor
    console: Console
    results: dict[str, list[Drained | Relayed]] = field(default_factory=dict)

    async def run(self) -> dict[str, object]:
        """Measure everything and return what goes into the file."""
        machine = await shape(self.place)
        for number in range(self.plan.rounds):
            await self._round(number)
        bodies = self._make("receipts", STEPS)
        costs = (await checks_of(self.place)).costs(bodies)
        steps: dict[str, float | str] = {
            "the axis": costs["intake_line"] + costs["sign_receipt"],
            **await receive_and_sign(bodies),
        }
        return {
            "documents": self.plan.documents,
            "octets_per_document": OCTETS,
            "consumers": {name: _summary(runs) for name, runs in self.results.items()},
            "receive_and_sign_ms": steps,
            "machine": dict(machine),
        }

    async def _round(self, number: int) -> None:
        for hubs in self.plan.hubs:
            bodies = self._make(f"p{number}h{hubs}", self.plan.documents)
            drained = await drain(self.place, Load(bodies=bodies), hubs=hubs, pool=self.pool)
            self._note(AXIS.format(hubs), drained)
        self._note(BARE, await relay_bare(self.place, bodies))
        for entrant in ENTRANTS:
            self._note(entrant.name, await run_entrant(self.place, entrant, bodies[: entrant.most]))

    def _note(self, name: str, result: Drained | Relayed) -> None:
        self.results.setdefault(name, []).append(result)
        self.console.print(f"  {name}: {result.per_second:.0f} a second", highlight=False)

    def _make(self, label: str, count: int) -> list[bytes]:
        series = Series(label=label, sender=SENDER, recipients=RECIPIENTS[:1], octets=OCTETS)
        return self.press.make(series, count)


def _summary(runs: Sequence[Drained | Relayed]) -> dict[str, object]:
    costs = [each.cpu_ms() for each in runs]
    return {
        "per_second": round(statistics.median(each.per_second for each in runs), 1),
        "per_second_of_each_run": [round(each.per_second, 1) for each in runs],
        "cpu_ms": {part: round(statistics.median(each[part] for each in costs), 3) for part in costs[0]},
    }


def show(found: Mapping[str, object], console: Console) -> None:
    """Print the two tables."""
    table = Table("", "a second", "for one of the axis", "cpu ms", "for one of the axis")
    table.title = f"Drain of a full queue, {OCTETS // 1000} kB each, same documents, in turn"
    consumers = dict(found["consumers"])  # type: ignore[call-overload]
    best = max((each for name, each in consumers.items() if name.startswith("the axis")), key=_rate)
    for name, each in consumers.items():
        cpu, of_best = each["cpu_ms"]["total"], best["cpu_ms"]["total"]
        row = (f"{_rate(each):.0f}", f"{_rate(each) / _rate(best):.2f}", f"{cpu:.2f}", f"{cpu / of_best:.2f}")
        table.add_row(name, *row)
    console.print(WHAT_IS_COMPARED, highlight=False)
    console.print(table, _receiving(dict(found["receive_and_sign_ms"])))  # type: ignore[call-overload]


def _receiving(steps: dict[str, float | str]) -> Table:
    table = Table("receive and sign the receipt, one thread", "ms", "for one of the axis")
    ours = float(steps["the axis"])
    for name, cost in steps.items():
        if isinstance(cost, float):
            table.add_row(name, f"{cost:.2f}", f"{cost / ours:.1f}")
        else:
            table.add_row(name, cost, "")
    return table


def _rate(result: Mapping[str, object]) -> float:
    return float(str(result["per_second"]))


async def compare(plan: Plan, console: Console) -> dict[str, object]:
    """Make a place, let everybody run, and take it down."""
    async with a_place(HOME) as place:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn) as pool:
            press = Press(pool, place.sender.kit_file)
            return await Contest(plan=plan, place=place, press=press, pool=pool, console=console).run()


def the_plan(arguments: Sequence[str]) -> Plan:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 200 documents")
    given = parser.parse_args(arguments)
    return Plan(documents=200, rounds=1, hubs=(1,)) if given.quick else Plan()


def main() -> int:
    """Measure, print, write; exit code 1 where anybody lost something."""
    plan = the_plan(sys.argv[1:])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    BUILD.mkdir(exist_ok=True)
    console = Console()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(compare(plan, console))
    except BenchFailed as failure:
        console.print(f"[bold red]failed:[/] {failure}")
        return 1
    (BUILD / "bench-peers.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    show(found, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
