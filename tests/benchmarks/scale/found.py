"""What was found so far, in a file; drawn when all is there."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.scale.chart import draw


class Found:
    """Figures by what was measured and how much there was of what grows."""

    def __init__(self, file: Path, *, is_added_to: bool) -> None:
        self._file = file
        kept = json.loads(file.read_text("utf-8")) if is_added_to and file.exists() else {}
        self._machine: dict[str, str | int | float] = kept.pop("machine", {})
        self._figures: dict[str, dict[str, dict[str, float]]] = kept

    def machine(self, shape: Mapping[str, str | int | float]) -> None:
        """Keep what the figures depend on."""
        self._machine = dict(shape)

    def note(self, what: str, how_many: int, figures: Mapping[str, float]) -> None:
        """Keep *figures*, in the file at once."""
        self._figures.setdefault(what, {})[str(how_many)] = dict(figures)
        text = json.dumps({**self._figures, "machine": self._machine}, indent=2)
        self._file.write_text(text + "\n", "utf-8")

    def draw(self, file: Path) -> None:
        """Draw what grew with the backlog and with the mailboxes into *file*."""
        draw(self._points("by_backlog_ms"), self._points("by_mailboxes_ms"), file)

    def _points(self, what: str) -> dict[int, dict[str, float]]:
        return {int(how_many): costs for how_many, costs in self._figures.get(what, {}).items()}
