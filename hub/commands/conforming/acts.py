"""What the commands of `truc conformance` do."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.commands.conforming.adapter import Commands
from hub.commands.conforming.place import Place
from hub.commands.conforming.play import SCENARIOS, chosen, play
from hub.commands.conforming.report import SIGNATURE, Run, as_plain, now, write_report
from hub.commands.conforming.scenario import Result, Verdict
from hub.commands.conforming.sealing import Seal, verify
from hub.commands.place import home_of
from hub.errors import OperationRefused
from hub.signature.certificates import TrustAnchors

FOLDER: Final = "conformance"
_NOISY: Final = ("aio_pika", "aiormq")
"""They tell at length of connections that are cut on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    report: Path
    told: dict[str, object]
    counts: dict[str, int]

    @property
    def has_failed(self) -> bool:
        """Whether a rule was broken."""
        return bool(self.counts[Verdict.FAIL.value])


def place_of(home: Path | None) -> Place:
    """Return where runs take place: a folder of its own in the home."""
    return Place(home=home_of(home) / FOLDER)


def conduct(
    home: Path | None,
    commands: Commands,
    only: Sequence[str],
    *,
    within: float,
    name: str,
    folder: Path | None,
    told: Callable[[Result], None],
) -> Outcome:
    """Prepare, play what *only* names, write the report; leave the broker as it was found."""
    for each in _NOISY:
        logging.getLogger(each).setLevel(logging.CRITICAL)
    place, scenarios = place_of(home), chosen(only)
    ran_before = place.is_running
    try:
        place.prepare()
        began_at = now()
        results = asyncio.run(play(place, commands, scenarios, within=within, told=told))
    finally:
        if not ran_before:
            place.stop()
    run = Run(
        name=name,
        commands=commands,
        within=within,
        began_at=began_at,
        is_whole=len(scenarios) == len(SCENARIOS),
        results=results,
    )
    counts = {verdict.value: sum(each.verdict is verdict for each in results) for verdict in Verdict}
    report = write_report(place, run, folder or place.home / "report")
    return Outcome(report=report, told=as_plain(place, run), counts=counts)


def verify_file(home: Path | None, report: Path, anchors: Path | None) -> Seal:
    """Return who signed *report*; raises `OperationRefused` where nobody did whom we believe."""
    trusted = anchors or place_of(home).keys.anchors_file
    signature = report.with_name(SIGNATURE)
    for file in (report, signature, trusted):
        if not file.is_file():
            raise OperationRefused(f"{file} does not exist")
    believed = TrustAnchors.from_bytes(trusted.read_bytes())
    return verify(report.read_bytes(), signature.read_text("ascii"), believed, datetime.now(UTC))
