"""Enters what campaigns came to into the page of invariants.

    python -m tests.chaos.invariants                      # build/chaos.json
    python -m tests.chaos.invariants build/chaos*.json    # several
    python -m tests.chaos.invariants --revision 341f432   # of a campaign that ran on another one than HEAD

A campaign whose seed and length the table has already takes that row's place; the newest stand first, and the
oldest are left out beyond a dozen.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from tests.chaos.laws.violation import Law

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = CHECKOUT / "docs" / "reference" / "invariants.md"
FIGURES: Final = ("submitted", "accepted", "refused", "deliveries", "delivered", "receipts")
BEGIN: Final = "<!-- campaigns: written by python -m tests.chaos.invariants -->"
END: Final = "<!-- end of campaigns -->"
_ROWS: Final = 12
_HEAD: Final = ("date", "revision", "seed", "minutes", *FIGURES, "acts", "broken laws")
Row: TypeAlias = tuple[str, ...]


def row_of(figures: Mapping[str, object], *, date: str, revision: str) -> Row:
    """Return the row of one campaign."""
    broken = [f"{law.value} {figures[law.value]}" for law in Law if figures.get(law.value)]
    if not broken and not figures.get("is_clean", True):
        broken = ["none, but not everything ended as it should"]
    return (
        date,
        revision,
        str(figures["seed"]),
        f"{_number(figures['minutes']):g}",
        *(f"{_number(figures[name]):,.0f}" for name in FIGURES),
        f"{_acts(figures['nemesis']):,}",
        ", ".join(broken) or "**none**",
    )


def entered(page: str, rows: Sequence[Row]) -> str:
    """Return *page* with *rows* in its table; raises `ValueError` where it has none."""
    before, begin, rest = page.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no table between {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{_table(_merged(_read(table), rows))}\n\n{end}{after}"


def _merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    by_campaign = {(row[2], row[3]): row for row in (*old, *new)}
    return sorted(by_campaign.values(), reverse=True)[:_ROWS]


def _read(table: str) -> list[Row]:
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def _table(rows: Sequence[Row]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (_HEAD, ("---",) * len(_HEAD), *rows))


def _number(value: object) -> float:
    return float(str(value))


def _acts(nemesis: object) -> int:
    return sum(map(int, nemesis.values())) if isinstance(nemesis, Mapping) else 0


def _revision() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Read the files and rewrite the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.invariants", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", default=[CHECKOUT / "build" / "chaos.json"])
    parser.add_argument("--revision", default=_revision(), help="what the campaigns ran on; HEAD by default")
    arguments = parser.parse_args()
    rows = []
    for file in arguments.files:
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        rows.append(
            row_of(
                json.loads(file.read_text("utf-8")), date=f"{written:%Y-%m-%d}", revision=arguments.revision
            )
        )
    PAGE.write_text(entered(PAGE.read_text("utf-8"), rows), "utf-8")
    sys.stdout.write(f"{PAGE}: đã ghi {len(rows)} chiến dịch / {len(rows)} campaigns entered\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
