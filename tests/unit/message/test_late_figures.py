"""However late each of the broker's figures is: nothing is missing that was not purged, and all that was."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.message.queue_ledger import (
    QueueCount,
    is_at_rest,
    is_explained,
    is_judged,
    lost,
    with_count,
)

BEGIN = datetime(2026, 11, 22, 8, tzinfo=UTC)
PATIENCE = timedelta(seconds=30)
EVERY = 10
LATEST = 14
"""No figure is older, in seconds: less than half of the patience."""
MOVES = st.tuples(st.sampled_from(["publish", "take", "nothing", "nothing"]), st.integers(1, 20))
SECONDS = st.lists(MOVES, min_size=60, max_size=200)
LATENESS = st.tuples(*[st.integers(0, LATEST)] * 3)


def a_count(second: int, depth: int, published: int, taken: int) -> QueueCount:
    at = BEGIN + timedelta(seconds=second)
    return QueueCount(at=at, depth=depth, published=published, taken=taken, event_id=0)


BASE = a_count(0, 5, 100, 95)


@dataclass(slots=True)
class Broker:
    """One queue as it was at each second."""

    depth: list[int] = field(default_factory=lambda: [BASE.depth])
    published: list[int] = field(default_factory=lambda: [BASE.published])
    taken: list[int] = field(default_factory=lambda: [BASE.taken])
    purged: int = 0

    def second(self, what: str, amount: int) -> None:
        """Let one second pass in which that happens."""
        put = amount if what == "publish" else 0
        out = min(amount, self.depth[-1]) if what in {"take", "purge"} else 0
        self.purged += out if what == "purge" else 0
        self.depth.append(self.depth[-1] + put - out)
        self.published.append(self.published[-1] + put)
        self.taken.append(self.taken[-1] + (out if what == "take" else 0))

    def figures(self, at: int, late: tuple[int, int, int]) -> QueueCount:
        """Tell what somebody hears at second *at*, each figure being so late."""
        depth, published, taken = (max(0, at - each) for each in late)
        return a_count(at, self.depth[depth], self.published[published], self.taken[taken])


def looked(counts: Sequence[QueueCount]) -> tuple[QueueCount, ...]:
    """Return what is remembered after these looks."""
    window: tuple[QueueCount, ...] = ()
    for each in counts:
        window = with_count(window, each, PATIENCE)
    return window


def missing(counts: Sequence[QueueCount]) -> list[int]:
    """Compare each look with when the queue was last at rest, as the watch does; return what is missing."""
    base, window, found = BASE, looked(()), list[int]()
    for each in counts:
        window = with_count(window, each, PATIENCE)
        if is_judged(window, PATIENCE):
            found.append(lost(base, window, 0))
            base = each if is_at_rest(window) else base
    return found


@settings(max_examples=300, deadline=None)
@given(seconds=SECONDS, pauses=st.lists(st.integers(EVERY, 70), min_size=4, max_size=20), data=st.data())
def test_nothing_is_missing_however_late_the_figures_and_however_rare_the_looks(
    seconds: list[tuple[str, int]], pauses: list[int], data: st.DataObject
) -> None:
    broker = Broker()
    for what, amount in seconds:
        broker.second(what, amount)
    looks = (sum(pauses[:end]) for end in range(len(pauses)))

    counts = [broker.figures(at, data.draw(LATENESS)) for at in looks if at <= len(seconds)]

    assert not any(missing(counts))


@settings(max_examples=100, deadline=None)
@given(seconds=SECONDS, data=st.data())
def test_what_was_purged_is_missing_in_full_once_the_queue_rests(
    seconds: list[tuple[str, int]], data: st.DataObject
) -> None:
    broker = Broker()
    for what, amount in [*seconds, ("publish", 7), ("purge", 1000), *[("nothing", 1)] * 100]:
        broker.second(what, amount)
    looks = range(0, len(broker.depth), EVERY)

    window = looked([broker.figures(at, data.draw(LATENESS)) for at in looks])

    assert lost(BASE, window, 0) == broker.purged >= 7
    assert not is_explained(BASE, window)


def test_two_looks_alone_prove_nothing() -> None:
    put_in_just_before_the_first = a_count(0, 5, 110, 95)
    taken_just_before_the_last = a_count(60, 5, 110, 95)

    window = looked([put_in_just_before_the_first, taken_just_before_the_last])

    assert lost(BASE, window, 0) == 10
    assert not is_judged(window, PATIENCE)


def test_looks_that_are_rare_are_judged_all_the_same() -> None:
    window = looked([a_count(each, 5, 100, 95) for each in range(0, 600, 60)])

    assert is_judged(window, PATIENCE)
    assert [each.at - BEGIN for each in window] == [timedelta(seconds=each) for each in (420, 480, 540)]
