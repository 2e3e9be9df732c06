"""What the broker's counts of one queue prove: whether something left it that nobody took.

Its figures lag by seconds, each by as many as it likes, up to half of *patience*. So nothing is judged at one
look: what is missing has to be missing at every look for as long as *patience*, and be more than what moved
meanwhile. One of these looks lies so far from the first and the last that whatever was late there is not late
here, or has moved until the last: two looks alone, however far apart, would take a document that was put in
before the first and taken before the last for lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class LossKind(StrEnum):
    """How it was noticed that deliveries may have been lost out of a mailbox's queue."""

    MISSING = "missing"
    """The queue does not exist: certain."""
    REMADE = "remade"
    """Its mark is gone, so it is not the queue that it was: certain, unless somebody took the mark alone."""
    EMPTIED = "emptied"
    """More has left it than was taken or came back: as certain as the broker's counts."""
    TOLD = "told"
    """An operator knows of it from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCount:
    """What the broker had counted at one look."""

    at: datetime
    depth: int
    """What lies in the queue, with what is in a consumer's hands."""
    published: int
    """What has been put into it since the broker began to count."""
    taken: int
    """What consumers have acknowledged, or took without."""
    event_id: int
    """The newest event in the trail before the look."""

    @property
    def figures(self) -> tuple[int, int, int]:
        """What is the same while nothing moves."""
        return self.depth, self.published, self.taken


def with_count(
    window: Sequence[QueueCount], count: QueueCount, patience: timedelta
) -> tuple[QueueCount, ...]:
    """Return *window* with *count*, as far back as *patience* and two looks beyond."""
    recent = [each for each in window if count.at - each.at < patience]
    older = [each for each in window if count.at - each.at >= patience]
    return (*older[-2:], *recent, count)


def is_judged(window: Sequence[QueueCount], patience: timedelta) -> bool:
    """Say whether *window* has a look that lies half of *patience* from its first one and from its last."""
    half = patience / 2
    return any(each.at - window[0].at >= half and window[-1].at - each.at >= half for each in window)


def is_at_rest(window: Sequence[QueueCount]) -> bool:
    """Say whether nothing moved at any look."""
    return len({each.figures for each in window}) == 1


def was_empty(window: Sequence[QueueCount]) -> bool:
    """Say whether nothing lay in the queue at any look."""
    return not any(each.depth for each in window)


def has_begun_anew(base: QueueCount, count: QueueCount) -> bool:
    """Say whether the broker counts from the beginning again since *base*."""
    return count.published < base.published or count.taken < base.taken


def lost(base: QueueCount, window: Sequence[QueueCount], returned: int) -> int:
    """Return how much has certainly left the queue since *base* that was neither taken nor *returned*.

    Nought where it may be that a figure is late: the smallest shortfall of all looks counts, less all that
    moved between the first and the last of them.
    """
    moved = window[-1].published - window[0].published + window[-1].taken - window[0].taken
    short = min(_shortfall(base, each) for each in window)
    return max(0, short - moved - returned)


def is_explained(base: QueueCount, window: Sequence[QueueCount]) -> bool:
    """Say whether at no look anything was missing since *base*."""
    return all(_shortfall(base, each) <= 0 for each in window)


def _shortfall(base: QueueCount, count: QueueCount) -> int:
    put, taken = count.published - base.published, count.taken - base.taken
    return base.depth + put - taken - count.depth
