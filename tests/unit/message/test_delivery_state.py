from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.delivery_state import (
    ACKNOWLEDGED,
    CLOSED,
    TRANSITIONS,
    DeliveryState,
    Trigger,
    advance,
    trigger_of,
)
from hub.message.edxml import StatusCode

S, T = DeliveryState, Trigger


def after(*triggers: Trigger, start: DeliveryState = S.WAITING) -> DeliveryState:
    state = start
    for trigger in triggers:
        state = advance(state, trigger) or state
    return state


def test_every_status_pulls_a_trigger_of_its_own() -> None:
    assert len({trigger_of(status) for status in StatusCode}) == len(StatusCode)


def test_the_usual_life_of_a_delivery() -> None:
    usual = (T.CONSIGNED, T.STATUS_01, T.STATUS_03, T.STATUS_04, T.STATUS_05, T.STATUS_06)

    assert after(*usual) is S.FINISHED


def test_steps_may_be_left_out() -> None:
    assert after(T.CONSIGNED, T.STATUS_03, T.STATUS_05) is S.PROCESSING


def test_a_late_status_changes_nothing() -> None:
    assert advance(S.PROCESSING, T.STATUS_03) is None


def test_a_repeated_status_changes_nothing() -> None:
    assert advance(S.ARRIVED, T.STATUS_01) is None


def test_a_status_proves_delivery_even_where_the_hub_had_given_up() -> None:
    for state in (S.WAITING, S.DEAD, S.EXPIRED, S.DISCARDED):
        assert advance(state, T.STATUS_01) is S.ARRIVED


def test_a_recall_that_is_agreed_to_ends_the_delivery() -> None:
    assert after(T.CONSIGNED, T.STATUS_03, T.STATUS_13, T.STATUS_15) is S.RECALLED


def test_a_recall_that_is_refused_changes_nothing() -> None:
    assert after(T.CONSIGNED, T.STATUS_03, T.STATUS_13, T.STATUS_16) is S.ACCEPTED


def test_a_dead_letter_can_be_replayed_and_delivered() -> None:
    assert after(T.CONSIGNED, T.GIVEN_UP, T.REPLAYED, T.CONSIGNED, T.STATUS_01) is S.ARRIVED


def test_an_expiry_is_final_for_the_hub() -> None:
    own = (T.CONSIGNED, T.RETRIED, T.GIVEN_UP, T.REPLAYED, T.DISCARDED)

    assert all(advance(S.EXPIRED, trigger) is None for trigger in own)


@pytest.mark.parametrize("state", sorted(ACKNOWLEDGED))
def test_what_the_recipient_has_acknowledged_is_never_sent_again(state: DeliveryState) -> None:
    assert advance(state, T.RETRIED) is None
    assert advance(state, T.REPLAYED) is None
    assert advance(state, T.GIVEN_UP) is None


@pytest.mark.parametrize("state", [S.REFUSED, S.RECALLED])
def test_what_the_recipient_gave_back_stays_so(state: DeliveryState) -> None:
    assert all(advance(state, trigger) is None for trigger in Trigger)


def test_every_state_can_be_reached() -> None:
    reached = {S.WAITING}
    for _ in DeliveryState:
        reached |= {target for (state, _), target in TRANSITIONS.items() if state in reached}

    assert reached == set(DeliveryState)


@given(st.lists(st.sampled_from(Trigger), max_size=30))
def test_an_acknowledgement_is_never_taken_back_but_by_refusal_or_recall(triggers: list[Trigger]) -> None:
    states = [after(*triggers[:count]) for count in range(len(triggers) + 1)]

    for before, later in pairwise(states):
        if before in ACKNOWLEDGED:
            assert later in ACKNOWLEDGED | {S.REFUSED}


@given(st.lists(st.sampled_from(Trigger), max_size=30))
def test_any_order_of_triggers_leads_somewhere(triggers: list[Trigger]) -> None:
    assert after(*triggers) in set(DeliveryState)


def test_closed_deliveries_are_not_waiting_for_the_hub() -> None:
    assert CLOSED.isdisjoint({S.WAITING, S.CONSIGNED, S.DEAD})
