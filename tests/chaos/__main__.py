"""Prove the axis under failure: `python -m tests.chaos --seed 7 --minutes 5` (`make chaos SEED=7 MINUTES=5`).

A private stack with two hubs and eight agency processes works under load while a nemesis kills, pauses,
cuts, delays, skews and crashes what it can; the same seed plans the same acts. Then everything is healed, and
what the ledgers, the receipts and the operators' view say is judged. Exit code 1 where a law was broken:
ledgers and logs then lie in `build/chaos-<seed>/`.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path

import structlog

from tests.chaos import report
from tests.chaos.campaign import Performance, perform
from tests.chaos.checker import judge
from tests.chaos.checker_log import told_heads
from tests.chaos.checker_sight import read_sight
from tests.chaos.ledger import merged, read_ledgers
from tests.chaos.plan import schedule
from tests.chaos.report import CHECKOUT, Outcome
from tests.chaos.rest import in_mailboxes
from tests.chaos.stage import Stage


async def run(arguments: argparse.Namespace) -> Outcome:
    """Run one campaign and return what it came to."""
    return await perform(
        arguments.home,
        seed=arguments.seed,
        seconds=arguments.minutes * 60,
        patience=arguments.patience,
        judge=lambda stage, performance: _judged(stage, performance, arguments),
        keep=lambda campaign: report.keep(campaign, _place(arguments)),
        say=say,
    )


async def _judged(stage: Stage, performance: Performance, arguments: argparse.Namespace) -> Outcome:
    """Judge what the campaign left, and keep it where a law was broken."""
    place = _place(arguments)
    heads = told_heads(stage.folder.glob("*.log"))
    sight = await read_sight(stage.axis.operator_dsn, await in_mailboxes(stage.axis), heads=heads)
    verdict = judge(merged(read_ledgers(stage.folder).values()), sight)
    outcome = Outcome(
        seed=arguments.seed, minutes=arguments.minutes, performance=performance, verdict=verdict
    )
    report.write(outcome, arguments.build / "chaos.json")
    if outcome.faults:
        report.write(outcome, place / "chaos.json")
        (place / "faults.txt").write_text("\n".join(outcome.faults) + "\n", "utf-8")
    else:
        shutil.rmtree(place)
    return outcome


def _place(arguments: argparse.Namespace) -> Path:
    """Return where a campaign's ledgers and logs stay if a law was broken."""
    build: Path = arguments.build
    return build / f"chaos-{arguments.seed}"


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(outcome: Outcome, build: Path) -> None:
    """Tell what the campaign came to."""
    for fault in outcome.faults:
        say(fault)
    figures = outcome.figures()
    del figures["schedule"]
    for name, value in figures.items():
        say(f"{name:>22}  {value}")
    if outcome.faults:
        say(f"ledgers, logs and the faults: {build / f'chaos-{outcome.seed}'}")


def arguments_of(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed, the same acts")
    parser.add_argument("--minutes", type=float, default=2.0, help="of load and acts")
    parser.add_argument(
        "--patience", type=float, default=90.0, help="seconds without news before it gives up"
    )
    parser.add_argument("--home", type=Path, default=CHECKOUT / ".truc" / "chaos")
    parser.add_argument("--build", type=Path, default=report.BUILD, help="where chaos.json goes")
    parser.add_argument("--plan", action="store_true", help="show the acts of the seed and do nothing")
    return parser.parse_args(given)


def main() -> int:
    """Run, show, and say by the exit code whether everything held."""
    logging.getLogger("aio_pika").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    arguments = arguments_of()
    if arguments.plan:
        for act in schedule(arguments.seed, arguments.minutes * 60):
            say(f"{act.at:7.2f} s: {act}")
        return 0
    outcome = asyncio.run(run(arguments))
    show(outcome, arguments.build)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
