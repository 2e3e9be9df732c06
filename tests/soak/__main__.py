"""`make soak MINUTES=60`: a steady load for long, watched closely; writes `build/soak.json`."""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from hub.commands.local_axis import LocalAgency
from tests.benchmarks.machine import shape
from tests.benchmarks.place import CHECKOUT, Place, a_place
from tests.soak.sampling import Listener, Sample, Sampler
from tests.soak.verdict import EVENTS, Verdict, judge
from tests.support.hub_process import HubProcess, hub_processes
from tests.support.waiting import until

HOME: Final = CHECKOUT / ".truc" / "soak"
REPORT: Final = CHECKOUT / "build" / "soak.json"
RECIPIENTS: Final = 3
REST_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, and how much."""

    minutes: float = 60.0
    rate: float = 20.0
    """Documents a second."""
    octets: int = 10_000
    hubs: int = 1
    every: float = 5.0
    """Seconds between two samples."""
    home: Path = HOME


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What came of it."""

    plan: Plan
    machine: dict[str, str | int | float]
    verdict: Verdict
    samples: list[Sample] = field(repr=False)

    def as_json(self) -> dict[str, object]:
        """Return everything, for the report."""
        return {
            "plan": {**asdict(self.plan), "home": None},
            "machine": self.machine,
            "verdict": self.verdict.as_json(),
            "samples": [asdict(each) for each in self.samples],
        }


async def soak(plan: Plan, console: Console) -> Soak:
    """Carry out *plan* on a fresh axis."""
    async with a_place(plan.home) as place:
        folder = folder_of(plan)
        folder.mkdir(exist_ok=True)
        with hub_processes(place.axis.settings_file, folder) as start_hub:
            hubs = {f"hub {number + 1}": start_hub() for number in range(plan.hubs)}
            for hub in hubs.values():
                await hub.ready()
            with agencies(place, plan) as processes:
                samples = await watch(place, plan, hubs, processes, console)
                errors = [line for hub in hubs.values() for line in errors_of(hub)]
        machine = await shape(place)
    return Soak(plan=plan, machine=machine, verdict=judge(samples, log_errors=errors), samples=samples)


async def watch(
    place: Place,
    plan: Plan,
    hubs: dict[str, HubProcess],
    processes: dict[str, subprocess.Popen[bytes]],
    console: Console,
) -> list[Sample]:
    """Sample until the time is over, then let everything come to rest and sample once more."""
    parties, folder = parties_of(place), folder_of(plan)
    sampler = Sampler(
        axis=place.axis,
        hubs=hubs,
        processes={
            "broker": place.broker_pid,
            "database": place.database_pid,
            **{name: process.pid for name, process in processes.items()},
        },
        listener=Listener([folder / f"{name}.jsonl" for name in parties]),
        journals={name: agency.journal_file for name, agency in parties.items()},
    )
    began, samples = time.monotonic(), []
    while (passed := time.monotonic() - began) < plan.minutes * 60:
        samples.append(await sampler.sample(passed))
        tell(console, samples[-1])
        await asyncio.sleep(max(0.0, len(samples) * plan.every - (time.monotonic() - began)))
    processes["sender"].send_signal(signal.SIGUSR1)
    await asyncio.sleep(2)
    return [*samples, await at_rest(sampler, began)]


async def at_rest(sampler: Sampler, began: float) -> Sample:
    """Return the first sample in which every document has gone all its way, or the last one in time."""
    last: list[Sample] = []

    async def is_at_rest() -> bool:
        last[:] = [await sampler.sample(time.monotonic() - began)]
        counts = last[0].counts
        done = all(counts.get(event, 0) == counts.get("posted", 0) for event in EVENTS)
        return done and not last[0].waiting and not any(last[0].queues.values())

    with suppress(AssertionError):  # the verdict names what is missing
        await until(is_at_rest, what="an axis at rest", seconds=REST_SECONDS, pause=1)
    return last[0]


def folder_of(plan: Plan) -> Path:
    """Return where logs lie, and what the agencies tell."""
    return plan.home / "soak"


def parties_of(place: Place) -> dict[str, LocalAgency]:
    """Name those who take part."""
    recipients = {
        f"recipient {number + 1}": each for number, each in enumerate(place.recipients[:RECIPIENTS])
    }
    return {"sender": place.sender, **recipients}


@contextmanager
def agencies(place: Place, plan: Plan) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start the agencies' software; recipients first."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    folder = folder_of(plan)
    codes = ",".join(each.code for each in place.recipients[:RECIPIENTS])
    try:
        for name, agency in reversed(parties_of(place).items()):
            options = ["--kit", str(agency.kit_file), "--told", str(folder / f"{name}.jsonl")]
            if name == "sender":
                options += ["--to", codes, "--rate", str(plan.rate), "--octets", str(plan.octets)]
            with (folder / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(
                    [sys.executable, "-m", "tests.soak.agency", *options],
                    cwd=CHECKOUT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        yield started
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            process.wait(60)


def errors_of(hub: HubProcess) -> Iterator[str]:
    """Return what *hub* has logged as an error or a warning; there is no reason for either."""
    for line in hub.lines():
        if line.get("level") in {"warning", "error", "critical"}:
            yield json.dumps(line, ensure_ascii=False, default=str)[:300]


def tell(console: Console, sample: Sample) -> None:
    """Show one line about a moment."""
    memory = "  ".join(f"{name} {usage.private_mb:.0f}" for name, usage in sample.usage.items())
    spell = sample.spells.get("ContentHandover")
    took = f"{spell.median_ms:.0f}/{spell.p99_ms:.0f} ms" if spell else "–"
    console.print(
        f"{sample.seconds / 60:5.1f} min  {sample.counts.get('ContentHandover', 0)} handed over in {took}  "
        f"MB: {memory}",
        highlight=False,
    )


def report(console: Console, done: Soak) -> None:
    """Show what was found."""
    verdict = done.verdict
    for name, trend in verdict.memory_mb_per_hour.items():
        console.print(f"{name:<12} {trend.per_hour:+8.2f} ± {trend.error:.2f} MB/h", highlight=False)
    for event, found in verdict.latencies_ms.items():
        console.print(f"{event:<24} {found}", highlight=False)
    console.print(f"database: {verdict.database_octets_per_document:.0f} octets a document", highlight=False)
    for complaint in verdict.complaints:
        console.print(f"[red]✗[/red] {complaint}", highlight=False)
    console.print("[green]flat[/green]" if verdict.is_passed else "[red]not passed[/red]")


def main() -> int:
    """Read the command line, soak, write the report; 1 where there is something to complain about."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0, help="documents a second")
    parser.add_argument("--octets", type=int, default=10_000)
    parser.add_argument("--hubs", type=int, default=1)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    console = Console(width=160)
    done = asyncio.run(soak(Plan(**vars(options)), console))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(done.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    report(console, done)
    console.print(f"everything is in {REPORT.relative_to(CHECKOUT)}")
    return 0 if done.verdict.is_passed else 1


if __name__ == "__main__":
    sys.exit(main())
