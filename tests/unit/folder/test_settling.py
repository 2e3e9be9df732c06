"""A file is complete when it has looked the same for long enough."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.folder.settling import Settling


def test_what_looks_the_same_for_long_enough_is_settled() -> None:
    settling = Settling(5)

    assert not settling.is_settled("a.pdf", 1, now=100)
    assert not settling.is_settled("a.pdf", 1, now=104.9)
    assert settling.is_settled("a.pdf", 1, now=105)


def test_what_changes_begins_anew() -> None:
    settling = Settling(5)
    settling.is_settled("a.pdf", 1, now=100)

    assert not settling.is_settled("a.pdf", 2, now=105)
    assert not settling.is_settled("a.pdf", 2, now=109)
    assert settling.is_settled("a.pdf", 2, now=110)


def test_what_was_away_begins_anew() -> None:
    settling = Settling(5)
    settling.is_settled("a.pdf", 1, now=100)
    settling.keep_only([])

    assert not settling.is_settled("a.pdf", 1, now=200)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 2)), min_size=1))
def test_nothing_is_settled_that_changed_within_the_time(steps: list[tuple[float, int]]) -> None:
    settling, now, since, last = Settling(5), 0.0, 0.0, None
    for pause, look in steps:
        now += pause
        if look != last:
            since, last = now, look

        assert settling.is_settled("a", look, now) == (now - since >= 5)
