"""A breaker opens for a mailbox that only fails, never for one bad document, and closes slowly."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.breaker import Breaker, BreakerState, BreakerTerms, ParkedBecause, Past, judge
from hub.message.identifiers import DeliveryId
from hub.message.outbox import GiveUp, Recovery, Retry, ReturnedDelivery, ReturnReason

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TERMS = BreakerTerms(
    pause=timedelta(seconds=30), longest_pause=timedelta(minutes=5), probe_patience=timedelta(seconds=20)
)
PARK_TIME = timedelta(seconds=15)
NEW = Past()


def a_delivery(number: int) -> DeliveryId:
    return DeliveryId(UUID(int=number))


def after_failures(*numbers: int, terms: BreakerTerms = TERMS) -> Breaker:
    breaker = Breaker()
    for number in numbers:
        breaker = breaker.failed(a_delivery(number), NOW, terms)
    return breaker


def a_return(number: int, reason: ReturnReason = ReturnReason.REJECTED) -> ReturnedDelivery:
    return ReturnedDelivery(delivery_id=a_delivery(number), attempt=1, reason=reason, note=None, at=NOW)


def an_open_one() -> Breaker:
    return after_failures(1, 2, 3, 4, 5)


def a_probed_one() -> Breaker:
    return an_open_one().claimed([a_delivery(9)], NOW, TERMS, is_empty=False)


# Opening ---------------------------------------------------------------------------------------------------


def test_enough_failures_of_different_deliveries_in_a_row_open_it() -> None:
    assert after_failures(1, 2, 3, 1).state is BreakerState.CLOSED

    opened = after_failures(1, 2, 3, 1, 2)

    assert (opened.state, opened.because) == (BreakerState.OPEN, ParkedBecause.FAILING)
    assert (opened.failures, opened.failing_since, opened.parked_since) == (5, NOW, NOW)
    assert (opened.parked_until, opened.allowance) == (NOW + TERMS.pause, 1)


@pytest.mark.parametrize("numbers", [(1,) * 50, (1, 2) * 25])
def test_what_is_bad_about_one_or_two_documents_never_opens_it(numbers: tuple[int, ...]) -> None:
    assert after_failures(*numbers).state is BreakerState.CLOSED


def test_an_acknowledgement_ends_the_row() -> None:
    calmed = after_failures(1, 2, 3, 4).acknowledged({a_delivery(77): None}, NOW)

    assert calmed == Breaker(heard_at=NOW)
    assert calmed.failed(a_delivery(5), NOW, TERMS).state is BreakerState.CLOSED


def test_no_number_of_failures_opens_one_that_is_switched_off() -> None:
    assert after_failures(*range(100), terms=replace(TERMS, failures=0)).state is BreakerState.CLOSED


@pytest.mark.parametrize("reason", [ReturnReason.EXPIRED, ReturnReason.HUB_FAILURE])
def test_what_is_not_the_mailboxs_doing_is_not_counted(reason: ReturnReason) -> None:
    breaker, _ = judge(after_failures(1, 2, 3, 4), a_return(5, reason), NEW, gives_up, TERMS)

    assert breaker == after_failures(1, 2, 3, 4)


# Trying again ----------------------------------------------------------------------------------------------


def test_the_first_claim_after_the_pause_takes_the_probe() -> None:
    probed = a_probed_one()

    assert (probed.state, probed.probe) == (BreakerState.HALF_OPEN, a_delivery(9))
    assert probed.parked_until == NOW + TERMS.probe_patience


def test_every_failed_probe_makes_the_pause_twice_as_long_up_to_the_longest() -> None:
    breaker, pauses = an_open_one(), []
    for _ in range(6):
        breaker = breaker.claimed([a_delivery(9)], NOW, TERMS, is_empty=False)
        breaker = breaker.failed(a_delivery(9), NOW, TERMS)
        pauses.append(((breaker.parked_until or NOW) - NOW).total_seconds())

    assert pauses == [60, 120, 240, 300, 300, 300]
    assert (breaker.state, breaker.failures, breaker.parked_since) == (BreakerState.OPEN, 11, NOW)


def test_the_acknowledgement_of_the_probe_begins_the_drain_at_once() -> None:
    draining = a_probed_one().acknowledged({a_delivery(9): None}, NOW)

    assert (draining.state, draining.allowance) == (BreakerState.DRAINING, 1)
    assert draining.parked_until is None


@pytest.mark.parametrize("breaker", [an_open_one(), a_probed_one()])
def test_an_acknowledgement_of_something_else_proves_nothing_while_it_is_open(breaker: Breaker) -> None:
    assert breaker.acknowledged({a_delivery(1): NOW - PARK_TIME}, NOW) == breaker


def test_an_acknowledgement_of_what_was_published_since_shows_that_it_was_a_false_alarm() -> None:
    calmed = an_open_one().acknowledged({a_delivery(1): NOW + TERMS.pause}, NOW + TERMS.pause)

    assert (calmed.state, calmed.parked_until) == (BreakerState.DRAINING, None)


def test_a_probe_that_nobody_answers_in_time_counts_as_taken() -> None:
    draining = a_probed_one().claimed([a_delivery(10)], NOW, TERMS, is_empty=False)

    assert (draining.state, draining.allowance) == (BreakerState.DRAINING, 2)


def test_allowances_double_until_nothing_limits_any_more() -> None:
    breaker, allowances = a_probed_one().acknowledged({a_delivery(9): None}, NOW), []
    while breaker.allowance is not None:
        allowances.append(breaker.allowance)
        breaker = breaker.claimed([a_delivery(1)], NOW, TERMS, is_empty=False)

    assert allowances == [1, 2, 4, 8, 16, 32, 64, 128]
    assert breaker == Breaker(heard_at=NOW)


def test_one_bad_document_does_not_stop_a_drain_and_many_do() -> None:
    draining = a_probed_one().acknowledged({a_delivery(9): None}, NOW)

    one = draining.failed(a_delivery(1), NOW, TERMS)
    assert one.state is BreakerState.DRAINING
    for number in (2, 3, 4, 5):
        one = one.failed(a_delivery(number), NOW, TERMS)

    assert (one.state, one.pauses) == (BreakerState.OPEN, 2)
    assert one.parked_until == NOW + 2 * TERMS.pause


def test_it_closes_when_nothing_waits_any_more() -> None:
    draining = a_probed_one().acknowledged({a_delivery(9): None}, NOW)

    assert draining.claimed([], NOW, TERMS, is_empty=True) == Breaker(heard_at=NOW)
    assert draining.claimed([], NOW, TERMS, is_empty=False) == draining


def test_an_open_one_stays_open_though_nothing_waits() -> None:
    assert an_open_one().claimed([], NOW, TERMS, is_empty=True) == an_open_one()


# Returns while it is open ----------------------------------------------------------------------------------


def gives_up() -> Recovery:
    return GiveUp(cause="asked")


def test_what_comes_back_while_it_is_open_costs_no_try_and_waits_for_the_probe() -> None:
    breaker, what = judge(an_open_one(), a_return(6), NEW, gives_up, TERMS)

    assert what == Retry(not_before=NOW, costs_try=False)
    assert (breaker.state, breaker.failures, breaker.parked_until) == (
        BreakerState.OPEN,
        6,
        an_open_one().parked_until,
    )


def test_the_return_that_opens_it_still_costs_its_try() -> None:
    _, what = judge(after_failures(1, 2, 3, 4), a_return(5), NEW, gives_up, TERMS)

    assert what == gives_up()


def test_a_probe_that_comes_back_costs_no_try_and_goes_behind_the_others() -> None:
    breaker, what = judge(a_probed_one(), a_return(9), NEW, gives_up, TERMS)

    assert breaker.state is BreakerState.OPEN
    assert isinstance(what, Retry)
    assert breaker.parked_until is not None
    assert (what.costs_try, what.not_before > breaker.parked_until) == (False, True)


# What is bad itself ----------------------------------------------------------------------------------------

HEARD = Breaker(heard_at=NOW)
SINCE, BEFORE = NOW + TERMS.pause, NOW - TERMS.pause


def test_what_comes_back_again_after_its_mailbox_took_others_is_not_counted() -> None:
    breaker, what = judge(
        HEARD, a_return(1), Past(first_back_at=BEFORE, last_back_at=BEFORE), gives_up, TERMS
    )

    assert (breaker, what) == (replace(HEARD, failing_since=NOW), gives_up())


@pytest.mark.parametrize("past", [NEW, Past(first_back_at=BEFORE, last_back_at=SINCE)])
def test_what_may_be_its_mailboxs_fault_is_counted(past: Past) -> None:
    breaker, _ = judge(HEARD, a_return(1), past, gives_up, TERMS)

    assert breaker.failures_in_a_row == 1


def test_a_probe_that_may_be_bad_itself_pays_and_its_mailbox_stays_parked() -> None:
    probed = replace(a_probed_one(), heard_at=NOW)

    breaker, what = judge(
        probed, a_return(9), Past(first_back_at=BEFORE, last_back_at=SINCE), gives_up, TERMS
    )

    assert what == gives_up()
    assert (breaker.state, breaker.parked_until) == (BreakerState.OPEN, NOW + 2 * TERMS.pause)


def test_what_comes_back_while_it_is_open_and_was_no_probe_costs_no_try_whatever_it_did() -> None:
    opened = replace(an_open_one(), heard_at=NOW)

    _, what = judge(opened, a_return(6), Past(first_back_at=BEFORE, last_back_at=BEFORE), gives_up, TERMS)

    assert what == Retry(not_before=NOW, costs_try=False)


# Full queues -----------------------------------------------------------------------------------------------


def test_a_full_queue_parks_the_mailbox_and_is_drained_by_the_same_ramp() -> None:
    full = Breaker().refused_for_length(NOW, PARK_TIME)
    assert (full.because, full.parked_until, full.allowance) == (ParkedBecause.FULL, NOW + PARK_TIME, 1)

    probed = full.claimed([a_delivery(1)], NOW, TERMS, is_empty=False)
    assert (probed.state, probed.allowance) == (BreakerState.DRAINING, 1)

    more = probed.took(is_empty=False)
    assert (more.allowance, more.parked_until) == (2, None)
    assert more.took(is_empty=True) == Breaker()


def test_what_comes_back_from_a_full_mailbox_costs_its_try() -> None:
    _, what = judge(Breaker().refused_for_length(NOW, PARK_TIME), a_return(1), NEW, gives_up, TERMS)

    assert what == gives_up()


def test_a_drain_that_finds_the_queue_full_again_goes_on_with_half_as_much() -> None:
    draining = replace(Breaker().refused_for_length(NOW, PARK_TIME), allowance=16)

    assert draining.refused_for_length(NOW, PARK_TIME).allowance == 8


def test_a_failing_mailbox_that_is_full_as_well_stays_failing() -> None:
    both = an_open_one().refused_for_length(NOW, timedelta(hours=1))

    assert (both.because, both.parked_until) == (ParkedBecause.FAILING, NOW + timedelta(hours=1))


# Laws ------------------------------------------------------------------------------------------------------

Act = Callable[[Breaker, datetime], Breaker]
NUMBERS = st.integers(min_value=1, max_value=6)


def _acts() -> st.SearchStrategy[Act]:
    failed = NUMBERS.map(lambda n: lambda breaker, at: breaker.failed(a_delivery(n), at, TERMS))
    heard = NUMBERS.map(lambda n: lambda breaker, at: breaker.acknowledged({a_delivery(n): at}, at))
    full = st.just(lambda breaker, at: breaker.refused_for_length(at, PARK_TIME))
    took = st.booleans().map(lambda is_empty: lambda breaker, _: breaker.took(is_empty=is_empty))
    claimed = NUMBERS.map(lambda n: lambda breaker, at: _claim(breaker, [a_delivery(n)], at))
    return st.one_of(failed, heard, full, took, claimed)


def _claim(breaker: Breaker, taken: list[DeliveryId], at: datetime) -> Breaker:
    """Claim as the outbox does: not while the mailbox is parked."""
    is_due = breaker.parked_until is None or breaker.parked_until <= at
    if breaker.state is BreakerState.CLOSED or not is_due:
        return breaker
    return breaker.claimed(taken, at, TERMS, is_empty=False)


@given(acts=st.lists(st.tuples(_acts(), st.integers(min_value=0, max_value=400)), max_size=60))
def test_whatever_happens_it_can_always_be_tried_again(acts: list[tuple[Act, int]]) -> None:
    breaker, at = Breaker(), NOW
    for act, seconds in acts:
        at += timedelta(seconds=seconds)
        breaker = act(breaker, at)

        is_closed = breaker.state is BreakerState.CLOSED
        assert is_closed == (breaker.parked_since is None) == (breaker.because is None)
        assert is_closed == (breaker.allowance is None)
        assert (breaker.probe is not None) == (breaker.state is BreakerState.HALF_OPEN)
        if breaker.parked_until is not None:
            assert breaker.parked_until - at <= TERMS.longest_pause
    at += TERMS.longest_pause
    for _ in range(10):
        breaker = _claim(breaker, [a_delivery(1)], at).took(is_empty=False)
        at += TERMS.probe_patience
    assert breaker.state is BreakerState.CLOSED
