from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.delivery_state import ACKNOWLEDGED, DeliveryState
from hub.message.hindsight import Fact, Standing, in_hindsight
from hub.message.identifiers import ReceiptId
from hub.message.receipt import FailureKind, ReceiptEvent

NOON = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
CONSIGNMENT, HANDOVER = ReceiptEvent.CONTENT_CONSIGNMENT, ReceiptEvent.CONTENT_HANDOVER
FAILURE = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
STATES = DeliveryState


def standing(state: DeliveryState = STATES.WAITING, *, attempt: int = 1, episode: int = 1) -> Standing:
    return Standing(state=state, attempt=attempt, first_attempt=1, episode=episode)


def told(event: ReceiptEvent | None, minute: int, **fields: object) -> Fact:
    fact = Fact(at=NOON + timedelta(minutes=minute), event=event, receipt_id=ReceiptId(UUID(int=minute)))
    values = {name: getattr(fact, name) for name in Fact.__dataclass_fields__}
    return Fact(**(values | fields))


def failed(minute: int, kind: FailureKind = FailureKind.NOT_DELIVERED, **fields: object) -> Fact:
    return told(FAILURE, minute, failure=kind, cause="no answer", **fields)


def test_a_signed_consignment_is_believed() -> None:
    after = in_hindsight(standing(), [told(CONSIGNMENT, 1)])

    assert (after.state, after.consigned_at) == (STATES.CONSIGNED, NOON + timedelta(minutes=1))


def test_what_was_handed_over_was_also_consigned() -> None:
    after = in_hindsight(standing(), [told(HANDOVER, 2)])

    assert after.state is STATES.ARRIVED
    assert after.consigned_at == after.acknowledged_at == NOON + timedelta(minutes=2)


def test_the_order_in_which_facts_are_told_is_that_in_which_they_happened() -> None:
    facts = [told(HANDOVER, 3), told(CONSIGNMENT, 1)]

    assert in_hindsight(standing(), facts) == in_hindsight(standing(), facts[::-1])
    assert in_hindsight(standing(), facts).state is STATES.ARRIVED


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (FailureKind.NOT_DELIVERED, STATES.DEAD),
        (FailureKind.UNKNOWN, STATES.DEAD),
        (FailureKind.EXPIRED, STATES.EXPIRED),
        (FailureKind.DISCARDED, STATES.DISCARDED),
    ],
)
def test_a_signed_failure_ends_it(kind: FailureKind, state: DeliveryState) -> None:
    assert in_hindsight(standing(), [told(CONSIGNMENT, 1), failed(2, kind)]).state is state


def test_a_replay_after_a_failure_begins_a_new_episode() -> None:
    facts = [told(CONSIGNMENT, 1), failed(2, attempt=3), told(CONSIGNMENT, 3, attempt=4, episode=2)]

    after = in_hindsight(standing(), facts)

    assert (after.state, after.attempt, after.first_attempt, after.episode) == (STATES.CONSIGNED, 4, 4, 2)
    assert after.cause is None


def test_what_its_recipient_took_is_not_sent_again() -> None:
    assert in_hindsight(standing(attempt=2), [told(None, 1, attempt=2)]).state is STATES.CONSIGNED


def test_an_attempt_that_was_given_back_is_followed_by_the_next() -> None:
    after = in_hindsight(standing(STATES.CONSIGNED), [told(None, 1, is_rejected=True)])

    assert (after.state, after.attempt) == (STATES.WAITING, 2)


def test_an_older_attempt_changes_nothing() -> None:
    present = standing(attempt=3)

    assert in_hindsight(present, [told(None, 1, attempt=2), told(None, 2, is_rejected=True)]) == present


def test_an_older_episode_changes_nothing() -> None:
    present = standing(attempt=4, episode=2)

    assert in_hindsight(present, [failed(1)]) == present


@given(
    st.sampled_from(sorted(ACKNOWLEDGED)),
    st.lists(
        st.sampled_from([told(CONSIGNMENT, 1), failed(2), told(None, 3), told(None, 4, is_rejected=True)])
    ),
)
def test_what_a_recipient_has_signed_for_is_never_sent_again(state: DeliveryState, facts: list[Fact]) -> None:
    assert in_hindsight(standing(state), facts).state in ACKNOWLEDGED
