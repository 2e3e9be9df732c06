"""Whether something grows: a straight line through samples, and how sure its slope is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
"""Seconds since the beginning, and what was measured then."""
SURE = 2.0
"""How many standard errors a slope must lie beyond its bound before it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line by least squares."""

    per_hour: float
    error: float
    """Standard error of the slope, of residuals that are taken for independent."""

    def exceeds(self, bound: float) -> bool:
        """Tell whether it grows by more than *bound* an hour, beyond doubt."""
        return self.per_hour - SURE * self.error > bound


def trend_of(points: Sequence[Point]) -> Trend:
    """Fit a line through *points*, of which there must be three at least."""
    count = len(points)
    if count < 3:
        raise ValueError(f"{count} samples make no trend")
    middle = math.fsum(x for x, _ in points) / count
    level = math.fsum(y for _, y in points) / count
    spread = math.fsum((x - middle) ** 2 for x, _ in points)
    slope = math.fsum((x - middle) * (y - level) for x, y in points) / spread
    residuals = math.fsum((y - level - slope * (x - middle)) ** 2 for x, y in points)
    error = math.sqrt(residuals / (count - 2) / spread)
    return Trend(per_hour=slope * 3600, error=error * 3600)


def second_half(points: Sequence[Point]) -> Sequence[Point]:
    """Leave out the first half of the time: caches fill, pools open, the first pages are touched."""
    if not points:
        return points
    middle = (points[0][0] + points[-1][0]) / 2
    return [point for point in points if point[0] >= middle]


def floor_of(points: Sequence[Point], spells: int = 4) -> list[Point]:
    """Return the lowest point of each of some spells of equal length.

    A broker fills a write-ahead log in memory and lets go of it, again and again: what grows is the floor.
    """
    if not points:
        return []
    began, length = points[0][0], (points[-1][0] - points[0][0]) / spells
    parts: list[list[Point]] = [[] for _ in range(spells)]
    for point in points:
        parts[min(spells - 1, int((point[0] - began) / length) if length else 0)].append(point)
    return [min(part, key=lambda point: point[1]) for part in parts if part]
