"""What a campaign comes to: its figures in `build/chaos.json`, and all it takes to look into a broken law."""

import contextlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.kit.crash import CrashPoint
from hub.crash import POINTS, SEALER_POINTS
from tests.chaos.campaign import Performance
from tests.chaos.checker import Verdict

CHECKOUT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = CHECKOUT / "build"
_KILLED: Final = -9
"""By a document that its recipient dies of."""
_AWAY: Final = 3
"""A hub that finds a server away at its start says so and ends; whoever keeps it starts it again."""
_EXPECTED: Final = frozenset({_KILLED, _AWAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A campaign with its verdict."""

    seed: int
    minutes: float
    performance: Performance
    verdict: Verdict

    @property
    def faults(self) -> tuple[str, ...]:
        """Return a sentence for whatever must not be: a broken law, no rest, a process that gave up."""
        performance = self.performance
        return (
            *self.verdict.told(),
            *(f"[no rest] {each}" for each in performance.restless),
            *(
                f"[gave up] {each.name} ended with {each.code}:\n{each.last_words}"
                for each in performance.exits
                if each.code not in _EXPECTED
            ),
            *(f"[did not end] {name}: {code}" for name, code in performance.endings.items() if code != 0),
        )

    @property
    def points_missed(self) -> tuple[str, ...]:
        """Return the named points at which no process died."""
        named = {*POINTS, *SEALER_POINTS, *(point.value for point in CrashPoint)}
        return tuple(sorted(named - self.performance.points.keys()))

    def figures(self) -> dict[str, object]:
        """Return what `build/chaos.json` says."""
        performance = self.performance
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            **self.verdict.counts(),
            "nemesis": dict(performance.deeds),
            "crash_points": dict(performance.points),
            "crash_points_missed": list(self.points_missed),
            "schedule": [f"{act.at:7.2f} s: {act}" for act in performance.acts],
            "killed_by_a_document": sum(each.code == _KILLED for each in performance.exits),
            "found_servers_away": sum(each.code == _AWAY for each in performance.exits),
            "gave_up": sum(each.code not in _EXPECTED for each in performance.exits),
            "not_at_rest": [str(each) for each in performance.restless],
            "seconds_to_rest": performance.seconds_to_rest,
            "is_clean": not self.faults,
        }


def write(outcome: Outcome, file: Path) -> None:
    """Write the figures to *file*."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(outcome.figures(), ensure_ascii=False, indent=1) + "\n", "utf-8")


def keep(campaign: Path, place: Path) -> None:
    """Copy ledgers, logs and journals to *place*, with the broker's log; what holds a password stays."""
    shutil.rmtree(place, ignore_errors=True)
    passing = shutil.ignore_patterns("*.toml", "sending", "ready", "*.ready")
    with contextlib.suppress(shutil.Error):  # after a failure somebody may still be writing
        shutil.copytree(campaign, place, ignore=passing)
    broker = campaign.parent / "broker" / "log"
    if broker.exists():
        shutil.copytree(broker, place / "broker")
