"""Small charts as SVG paths: drawn on the server, so that no script and no style has to be let in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 48
_HEADROOM: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A row of bars, one for each figure, as one path; and what somebody has to be told who cannot see it."""

    path: str
    highest: int
    total: int
    last: int
    """Of the last minute that is over."""
    width: int = WIDTH
    height: int = HEIGHT


def chart(figures: Sequence[int]) -> Chart:
    """Draw *figures*, the oldest on the left; the highest reaches the top."""
    highest = max(figures, default=0)
    step = WIDTH / max(len(figures), 1)
    bars = []
    for number, figure in enumerate(figures):
        if not figure:
            continue
        bar = max(1.0, (HEIGHT - _HEADROOM) * figure / highest)
        bars.append(f"M{number * step:.1f} {HEIGHT}v-{bar:.1f}h{step * 0.8:.1f}v{bar:.1f}z")
    return Chart(
        path="".join(bars),
        highest=highest,
        total=sum(figures),
        last=figures[-2] if len(figures) > 1 else 0,
    )
