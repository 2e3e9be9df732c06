"""Law: every message ends somewhere visible, and what an operator sees there is what happened."""

from collections.abc import Iterator

from hub.message.delivery_state import ACKNOWLEDGED, DeliveryState
from hub.message.edxml import StatusCode
from tests.chaos.checker_history import Acceptance, History
from tests.chaos.checker_sight import SeenDelivery
from tests.chaos.laws.nothing_lost import beyond_the_queues
from tests.chaos.laws.violation import Law, Violation

_HAD_IT = (StatusCode.ARRIVED, StatusCode.ACCEPTED)


def visible_end(history: History) -> Iterator[Violation]:
    """Find promises that operators cannot see, or see where they cannot be."""
    unseen = [each for each in history.accepted.values() if each.delivery_id not in history.sight.deliveries]
    for each in unseen:
        yield _violation(each, "was accepted, and operators see nothing of it")
    resting = []
    for delivery_id, seen in history.sight.deliveries.items():
        acceptance = history.accepted.get(delivery_id)
        if acceptance is None:
            continue
        if seen.state is DeliveryState.CONSIGNED and not history.has_effect(delivery_id):
            resting.append(acceptance)
        elif (wrong := _wrong(history, seen)) is not None:
            yield _violation(acceptance, f"is {seen.state}, but {wrong}")
    for each in beyond_the_queues(history, resting):
        yield _violation(each, "is consigned, but neither in the recipient's queue nor in its hands")


def _wrong(history: History, seen: SeenDelivery) -> str | None:
    """Return what speaks against the state in which operators see a delivery at rest."""
    delivery_id = seen.delivery_id
    match seen.state:
        case DeliveryState.WAITING:
            return "nothing is left that could keep it waiting"
        case DeliveryState.CONSIGNED if history.was_answered(delivery_id, *_HAD_IT, StatusCode.REFUSED):
            return "its recipient has answered it"
        case DeliveryState.DEAD if not seen.has_open_case:
            return "no case waits for an operator"
        case DeliveryState.REFUSED if not history.was_answered(delivery_id, StatusCode.REFUSED):
            return "its recipient never refused it"
        case state if state in ACKNOWLEDGED and not history.answers.get(delivery_id):
            return "its recipient never answered"
        case _:
            return None


def _violation(acceptance: Acceptance, what: str) -> Violation:
    return Violation(
        law=Law.VISIBLE_END,
        what=f"delivery {acceptance.delivery_id} to {acceptance.recipient} {what}",
        submission_id=acceptance.receipt.submission_id,
        delivery_id=acceptance.delivery_id,
    )
