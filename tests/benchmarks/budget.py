"""The goals beside what was measured: told, never enforced, since a machine may be busy otherwise."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

BUDGET = Path(__file__).with_name("budget.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One figure and its limit."""

    what: str
    figure: str
    """Where it stands in `build/bench.json`, with dots between."""
    at_least: float | None = None
    at_most: float | None = None

    def is_met_by(self, value: float) -> bool:
        """Whether *value* keeps to the limit."""
        return (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )

    @property
    def limit(self) -> str:
        """The limit, for people."""
        return f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"


def goals(file: Path = BUDGET) -> tuple[Goal, ...]:
    """Read the goals."""
    return tuple(Goal(**each) for each in tomllib.loads(file.read_text("utf-8"))["goal"])


def compared(figures: Mapping[str, object]) -> Iterator[tuple[Goal, float | None]]:
    """Give each goal with the figure that was measured; None where this bench left it out."""
    for goal in goals():
        yield goal, _look_up(figures, goal.figure)


def table(figures: Mapping[str, object]) -> Table:
    """Return what is met and what is missed."""
    shown = Table("goal", "limit", "measured", "", title="The budget")
    for goal, value in compared(figures):
        if value is None:
            shown.add_row(goal.what, goal.limit, "–", "not measured")
        else:
            verdict = "[green]met[/]" if goal.is_met_by(value) else "[red]missed[/]"
            shown.add_row(goal.what, goal.limit, f"{value:g}", verdict)
    return shown


def _look_up(figures: Mapping[str, object], path: str) -> float | None:
    found: object = figures
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, int | float) else None
