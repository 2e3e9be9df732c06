"""What the broker's counts prove, and what they leave open because one of them may be late."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.queue_ledger import (
    QueueCount,
    has_begun_anew,
    is_at_rest,
    is_explained,
    lost,
    was_empty,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def count(second: int, depth: int, published: int = 0, taken: int = 0) -> QueueCount:
    return QueueCount(
        at=NOON + timedelta(seconds=second), depth=depth, published=published, taken=taken, event_id=1
    )


FULL = count(0, 10)


def test_what_is_gone_and_was_not_taken_was_lost() -> None:
    assert lost(FULL, [count(60, 0), count(90, 0)], returned=0) == 10


def test_what_was_taken_or_came_back_was_not_lost() -> None:
    assert lost(FULL, [count(60, 0, taken=10), count(90, 0, taken=10)], returned=0) == 0
    assert lost(FULL, [count(60, 0), count(90, 0)], returned=10) == 0
    assert lost(FULL, [count(60, 0, taken=4), count(90, 0, taken=4)], returned=5) == 1


def test_the_look_at_which_least_is_missing_decides() -> None:
    assert lost(FULL, [count(60, 0), count(75, 8), count(90, 0)], returned=0) == 2


def test_what_moved_meanwhile_may_be_what_is_missing() -> None:
    busy = [count(60, 0, published=0, taken=0), count(90, 0, published=4, taken=4)]

    assert lost(FULL, busy, returned=0) == 2


def test_more_than_was_expected_is_no_loss_and_is_explained() -> None:
    window = [count(60, 12), count(90, 12)]

    assert lost(FULL, window, returned=0) == 0
    assert is_explained(FULL, window)


def test_nothing_is_explained_while_at_one_look_something_is_missing() -> None:
    assert not is_explained(FULL, [count(60, 10), count(75, 9), count(90, 10)])


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=10),
)
def test_a_queue_of_which_nothing_is_missing_never_looks_robbed(
    depth: int, moves: list[tuple[int, int]]
) -> None:
    base = count(0, depth)
    window = [base]
    for second, (published, taken) in enumerate(moves, start=1):
        before = window[-1]
        able = min(taken, before.depth + published)
        window.append(
            count(second, before.depth + published - able, before.published + published, before.taken + able)
        )

    assert lost(base, window, returned=0) == 0
    assert is_explained(base, window)


def test_a_queue_rests_while_no_figure_changes() -> None:
    assert is_at_rest([count(0, 3, 5, 2), count(10, 3, 5, 2)])
    assert not is_at_rest([count(0, 3, 5, 2), count(10, 3, 6, 3)])


def test_a_queue_was_empty_when_it_was_so_at_every_look() -> None:
    assert was_empty([count(0, 0), count(10, 0)])
    assert not was_empty([count(0, 0), count(10, 1)])


@pytest.mark.parametrize(("published", "taken"), [(4, 2), (5, 1), (0, 0)])
def test_figures_that_fall_were_counted_from_the_beginning_again(published: int, taken: int) -> None:
    assert has_begun_anew(count(0, 0, 5, 2), count(10, 0, published, taken))


def test_figures_that_stay_or_grow_were_counted_on() -> None:
    assert not has_begun_anew(count(0, 0, 5, 2), count(10, 0, 5, 2))
    assert not has_begun_anew(count(0, 0, 5, 2), count(10, 0, 6, 3))
