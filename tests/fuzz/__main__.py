"""Fuzzes intake for a given time: make fuzz MINUTES=10. Prints executions and new paths.

What made the hub fail lies in build/fuzz then, and belongs into tests/vectors with a reason. The inputs that
found new paths are kept there, too: the next run begins with them.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document, a_status

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build" / "fuzz"
HOSTILE = ROOT / "tests" / "vectors" / "hostile" / "files"
EDXML = ROOT / "tests" / "vectors" / "edxml"
LONGEST = 65_536
FAILURES = ("crash-", "timeout-", "oom-")
"""How libFuzzer's files begin that hold what the hub failed on; mere slowness depends on the machine."""
_FIGURE = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
_COVERAGE = re.compile(r"^#\d+\s+(?:DONE|INITED|NEW|REDUCE|pulse)\s+cov: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What a time of fuzzing has shown."""

    executions: int
    new_paths: int
    coverage: int
    """Edges of the hub's own code that were reached."""
    crashes: tuple[Path, ...]
    output: str

    def __str__(self) -> str:
        said = f"{self.executions} executions, {self.new_paths} new paths, {self.coverage} edges covered"
        if not self.crashes:
            return f"{said}; the hub failed on none"
        return f"{said}; the hub FAILED on {', '.join(str(each) for each in self.crashes)}"


def fuzz(seconds: int, place: Path) -> Campaign:
    """Fuzz for *seconds*, keeping what is found in *place*."""
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, seed in _seeds():
        (corpus / name).write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=3072"]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.target"),
            *limits,
            "-print_final_stats=1",
            f"-artifact_prefix={place}/",
            str(corpus),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    figures = dict(_FIGURE.findall(ran.stderr))
    coverage = [int(each) for each in _COVERAGE.findall(ran.stderr)]
    return Campaign(
        executions=int(figures.get("number_of_executed_units", 0)),
        new_paths=int(figures.get("new_units_added", 0)),
        coverage=max(coverage, default=0),
        crashes=tuple(sorted(path for path in place.iterdir() if path.name.startswith(FAILURES))),
        output=ran.stderr + ran.stdout,
    )


def _seeds() -> Iterator[tuple[str, bytes]]:
    """Return what fuzzing begins with: hostile files as they are, good documents to be signed."""
    for path in (*sorted(HOSTILE.iterdir()), *sorted(EDXML.glob("*.xml"))):
        body = path.read_bytes()
        if len(body) < LONGEST:
            yield f"seed-{path.stem}", b"r" + body
            yield f"seed-large-{path.stem}", b"l" + body
    good = {
        "document": a_document(),
        "two": a_document().to("H41", "H14").with_attachment("b.docx", b"x", zipped=True),
        "recall": a_document().recalling("d-1"),
        "replacement": a_document().replacing("d-1", "d-2"),
        "dotnet": a_document().in_dotnet_order(),
        "status": a_status(),
    }
    for name, builder in good.items():
        yield f"seed-good-{name}", b"s" + builder.unsigned()
        yield f"seed-good-large-{name}", b"l" + sign_envelope(builder.unsigned(), agency_signing_key("G22"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    campaign = fuzz(round(arguments.minutes * 60), PLACE)
    sys.stdout.write(f"{campaign}\n")
    if not campaign.executions or campaign.crashes:
        sys.stdout.write(campaign.output[-4_000:])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
