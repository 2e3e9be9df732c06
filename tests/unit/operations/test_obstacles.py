"""What stands against replaying or discarding a case."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hub.backends.postgres.desk import LockedCase
from hub.backends.postgres.reporting import LockedDelivery
from hub.message.delivery_state import ACKNOWLEDGED, DeliveryState, Trigger
from hub.message.evidence import Submitted
from hub.message.identifiers import digest_of
from hub.operations.case_batch import DISCARDED, obstacle


def a_case(state: DeliveryState = DeliveryState.DEAD, *, outcome: str | None = None) -> LockedCase:
    submitted = Submitted(
        message_id=uuid4(),
        mailbox="G22",
        submission_id="s-1",
        digest=digest_of(b""),
        sender="G22",
        document_id="d-1",
    )
    delivery = LockedDelivery(
        delivery_id=uuid4(),
        kind="document",
        state=state,
        attempt=3,
        first_attempt=1,
        episode=1,
        lane_number=1,
        is_urgent=False,
        sender="G22",
        recipient="H41",
        mailbox="H41",
        octets=10,
        consigned_at=datetime.now(UTC),
        submitted=submitted,
    )
    return LockedCase(case_id=1, outcome=outcome, delivery=delivery)


@pytest.mark.parametrize("trigger", [Trigger.REPLAYED, Trigger.DISCARDED])
def test_nothing_stands_against_what_was_given_up(trigger: Trigger) -> None:
    assert obstacle(a_case(DeliveryState.DEAD), trigger) is None


@pytest.mark.parametrize("trigger", [Trigger.REPLAYED, Trigger.DISCARDED])
@pytest.mark.parametrize("state", sorted(ACKNOWLEDGED))
def test_what_the_recipient_acknowledged_is_left_alone(state: DeliveryState, trigger: Trigger) -> None:
    reason = obstacle(a_case(state), trigger)

    assert reason is not None
    assert "acknowledged" in reason


@pytest.mark.parametrize("trigger", [Trigger.REPLAYED, Trigger.DISCARDED])
@pytest.mark.parametrize(
    "state",
    [DeliveryState.WAITING, DeliveryState.CONSIGNED, DeliveryState.REFUSED, DeliveryState.EXPIRED],
)
def test_a_delivery_that_is_not_given_up_is_left_alone(state: DeliveryState, trigger: Trigger) -> None:
    assert obstacle(a_case(state), trigger) == f"its delivery is {state.value}"


@pytest.mark.parametrize("outcome", ["replayed", "discarded", "acknowledged"])
def test_a_closed_case_is_left_alone(outcome: str) -> None:
    assert obstacle(a_case(outcome=outcome), Trigger.REPLAYED) == f"the case is closed already ({outcome})"


def test_a_message_without_a_delivery_can_only_be_discarded() -> None:
    case = LockedCase(case_id=1, outcome=None, delivery=None)

    assert obstacle(case, Trigger.DISCARDED) is None
    assert "submit it again" in (obstacle(case, Trigger.REPLAYED) or "")


def test_only_what_was_discarded_is_restored() -> None:
    discarded = a_case(DeliveryState.DISCARDED, outcome=DISCARDED)

    assert obstacle(discarded, Trigger.RESTORED) is None
    assert "the case is open" in (obstacle(a_case(), Trigger.RESTORED) or "")
    assert "the case is replayed" in (obstacle(a_case(outcome="replayed"), Trigger.RESTORED) or "")


@pytest.mark.parametrize("state", sorted(ACKNOWLEDGED))
def test_what_was_acknowledged_after_its_discard_is_not_restored(state: DeliveryState) -> None:
    assert "acknowledged" in (obstacle(a_case(state, outcome=DISCARDED), Trigger.RESTORED) or "")
