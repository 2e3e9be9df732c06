"""What a campaign does next, held against every way in which its deliveries may behave."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.campaign import (
    CANARY_STEPS,
    CampaignState,
    Finish,
    Send,
    Standing,
    Stop,
    Watch,
    next_move,
    size_of,
    state_at_start,
    state_under_way,
)


@dataclass(slots=True)
class Field:
    """Deliveries that go out and come back as they like; a look at them is a `Standing`."""

    pending: int
    is_canary: bool = True
    step: int = 0
    in_step: int = 0
    out: int = 0
    failed: int = 0
    steps: list[int] = field(default_factory=list)

    def look(self, *, settled: int = 0, failed: int = 0) -> Standing:
        failed = min(failed, self.out)
        self.out -= failed
        self.out -= min(settled, self.out)
        self.failed += failed
        return Standing(
            is_canary=self.is_canary,
            step=self.step,
            pending=self.pending,
            in_step=self.in_step,
            unsettled=self.out,
            failed_now=failed,
        )

    def send(self, move: Send, *, at_most: int) -> None:
        if move.step != self.step:
            self.step, self.in_step = move.step, 0
        number = min(self.pending, at_most, move.limit if move.limit is not None else self.pending)
        self.pending -= number
        self.in_step += number
        self.out += number
        self.steps += [move.step] * number


@given(
    items=st.integers(0, 60),
    is_canary=st.booleans(),
    looks=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1),
)
def test_nothing_goes_out_in_a_step_before_the_one_before_it_is_over(
    *, items: int, is_canary: bool, looks: list[tuple[int, int]]
) -> None:
    deliveries = Field(pending=items, is_canary=is_canary)

    for settled, at_most in looks:
        standing = deliveries.look(settled=settled)
        move = next_move(standing)
        if isinstance(move, Send):
            if move.step > standing.step:
                assert standing.unsettled == 0
            deliveries.send(move, at_most=at_most)
        elif isinstance(move, Finish):
            assert (standing.pending, standing.unsettled) == (0, 0)

    sent = {step: deliveries.steps.count(step) for step in set(deliveries.steps)}
    assert deliveries.steps == sorted(deliveries.steps)
    assert all(
        (size := size_of(step, is_canary=is_canary)) is None or number <= size
        for step, number in sent.items()
    )


@given(items=st.integers(0, 60), is_canary=st.booleans(), at_most=st.integers(1, 20))
def test_where_everything_stays_away_every_case_goes_out_once_and_the_campaign_ends(
    *, items: int, is_canary: bool, at_most: int
) -> None:
    deliveries = Field(pending=items, is_canary=is_canary)

    for _ in range(items + 10):
        move = next_move(deliveries.look(settled=at_most))
        if isinstance(move, Finish):
            break
        if isinstance(move, Send):
            deliveries.send(move, at_most=at_most)

    assert isinstance(move, Finish)
    assert len(deliveries.steps) == items


@given(
    pending=st.integers(0, 5),
    unsettled=st.integers(0, 5),
    step=st.integers(0, 4),
    in_step=st.integers(0, 10),
    failed=st.integers(1, 5),
    is_canary=st.booleans(),
)
def test_nothing_goes_out_once_something_has_failed_again(
    *, pending: int, unsettled: int, step: int, in_step: int, failed: int, is_canary: bool
) -> None:
    standing = Standing(
        is_canary=is_canary,
        step=step,
        pending=pending,
        in_step=in_step,
        unsettled=unsettled,
        failed_now=failed,
    )

    assert next_move(standing) == Stop()


def test_a_canary_of_twenty_goes_out_as_one_then_ten_then_the_rest() -> None:
    deliveries = Field(pending=20)
    seen = []

    while not isinstance(move := next_move(deliveries.look(settled=100)), Finish):
        assert isinstance(move, Send)
        deliveries.send(move, at_most=500)
        seen.append(deliveries.in_step)

    assert seen == [*CANARY_STEPS, 9]


def test_a_step_is_watched_while_anything_of_it_may_still_come_back() -> None:
    deliveries = Field(pending=20)
    first = next_move(deliveries.look())
    assert first == Send(step=1, limit=1)
    deliveries.send(first, at_most=500)

    assert next_move(deliveries.look()) == Watch()


def test_what_could_not_go_out_after_all_is_made_up_for_in_the_same_step() -> None:
    standing = Standing(is_canary=True, step=1, pending=5, in_step=0, unsettled=0, failed_now=0)

    assert next_move(standing) == Send(step=1, limit=1)


@pytest.mark.parametrize(
    ("would_pass", "is_confirmed", "is_canary", "state"),
    [
        (0, False, True, CampaignState.DONE),
        (100, False, True, CampaignState.CANARY),
        (100, False, False, CampaignState.RUNNING),
        (101, False, True, CampaignState.AWAITING_SECOND),
        (101, True, True, CampaignState.CANARY),
    ],
)
def test_above_the_limit_a_second_person_is_awaited(
    *, would_pass: int, is_confirmed: bool, is_canary: bool, state: CampaignState
) -> None:
    found = state_at_start(
        would_pass=would_pass, second_person_above=100, is_confirmed=is_confirmed, is_canary=is_canary
    )

    assert found is state


def test_a_canary_is_over_with_its_last_step() -> None:
    states = [state_under_way(step, is_canary=True) for step in range(4)]

    assert states == [*[CampaignState.CANARY] * 3, CampaignState.RUNNING]
