"""The report of a run: for programs, for people, and signed."""

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.local.newer_broker import version_of
from deploy.local.programs import Release, broker_programs
from hub.commands import shown
from hub.commands.conforming.adapter import Commands
from hub.commands.conforming.place import MAILBOX, Place
from hub.commands.conforming.scenario import Result, Scenario, Verdict
from hub.commands.conforming.sealing import seal
from hub.message.refusal import Sentence

FORM: Final = "truc-conformance/1"
REPORT: Final = "report.json"
SIGNATURE: Final = "report.json.jws"
PAGE: Final = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a report is about."""

    name: str
    """What the team calls its adapter."""
    commands: Commands
    within: float
    began_at: datetime
    is_whole: bool
    """Whether no scenario was left out."""
    results: Sequence[Result]

    @property
    def conforms(self) -> bool:
        """Whether every rule was put to the test and none was broken."""
        is_tested = self.is_whole and not any(each.lacks for each in self.results)
        return is_tested and not any(each.verdict is Verdict.FAIL for each in self.results)


def write_report(place: Place, run: Run, folder: Path) -> Path:
    """Write the report, its signature and a page to read into *folder*; returns the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    told = as_plain(place, run)
    report = folder / REPORT
    report.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", "utf-8")
    (folder / SIGNATURE).write_text(seal(report.read_bytes(), place.hub_key) + "\n", "ascii")
    (folder / PAGE).write_text(_page(told), "utf-8")
    return report


def as_plain(place: Place, run: Run) -> dict[str, object]:
    """Return the whole report as what JSON knows."""
    counts = Counter(each.verdict.value for each in run.results)
    return {
        "form": FORM,
        "adapter": run.name,
        "mailbox": MAILBOX,
        "began_at": run.began_at.astimezone(shown.VIETNAM).isoformat(timespec="seconds"),
        "ended_at": datetime.now(shown.VIETNAM).isoformat(timespec="seconds"),
        "within_seconds": run.within,
        "is_whole": run.is_whole,
        "versions": {
            "truc": version("truc"),
            "rabbitmq": version_of(broker_programs(Release(place.record.broker_release)).server),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "counts": {verdict.value: counts[verdict.value] for verdict in Verdict},
        "conforms": run.conforms,
        "results": [_result(each) for each in run.results],
    }


def _result(result: Result) -> dict[str, object]:
    return {
        "name": result.scenario.name,
        "verdict": result.verdict.value,
        "found": _both(result.found),
        "seconds": result.seconds,
        **_scenario(result.scenario),
    }


def _scenario(scenario: Scenario) -> dict[str, object]:
    return {
        "rule": scenario.rule,
        "sent": _both(scenario.sent),
        "expected": _both(scenario.expected),
        "way_out": _both(scenario.way_out),
        "needs": [each.value for each in scenario.needs],
    }


def describe(scenarios: Sequence[Scenario]) -> list[dict[str, object]]:
    """Return what *scenarios* send and expect, for programs."""
    return [{"name": each.name, **_scenario(each)} for each in scenarios]


def _both(sentence: Sentence) -> dict[str, str]:
    return {"vi": sentence.vi, "en": sentence.en}


def _page(told: Mapping[str, object]) -> str:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("report.html").render(report=told)


def now() -> datetime:
    """Return the present instant, as a report tells it."""
    return datetime.now(UTC)
