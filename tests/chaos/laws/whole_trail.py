"""Law: the event trail of every message is whole: each transition there, once, in a legal order."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import DeliveryId
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_history import History
from tests.chaos.checker_sight import SeenDelivery, SeenEvent, SeenMessage
from tests.chaos.laws.standing import IllegalEvent, Standing, after
from tests.chaos.laws.violation import Law, Violation

Owed: TypeAlias = tuple[ReceiptEvent, int]
"""A receipt that a delivery's trail calls for: its event and the episode."""


def whole_trail(history: History) -> Iterator[Violation]:
    """Find messages with a missing, doubled or impossible event."""
    entered = Counter(each.message_id for each in history.sight.deliveries.values())
    for message in history.sight.messages.values():
        for what in _of_message(message, entered[message.message_id]):
            yield Violation(
                law=Law.WHOLE_TRAIL,
                what=f"the trail of message {message.message_id} {what}",
                submission_id=message.submission_id,
            )
    issued = _issued(history)
    for delivery in history.sight.deliveries.values():
        for what in _of_delivery(delivery, issued[delivery.delivery_id]):
            yield Violation(
                law=Law.WHOLE_TRAIL,
                what=f"the trail of delivery {delivery.delivery_id} {what}",
                delivery_id=delivery.delivery_id,
            )


def _of_message(message: SeenMessage, deliveries: int) -> Iterator[str]:
    names = Counter(each.name for each in message.events)
    decided = f"message.{'accepted' if message.verdict == 'accepted' else 'rejected'}"
    if names[decided] != 1:
        yield f"has {names[decided]} times {decided}"
    for name in sorted(set(names) - {decided, "message.repeated"}):
        yield f"has {name}, which is not of a message that was {message.verdict}"
    told = next((each.detail.get("deliveries") for each in message.events if each.name == decided), None)
    if message.verdict == "accepted" and told is not None and told != deliveries:
        yield f"tells of {told} deliveries where there are {deliveries}"


def _of_delivery(delivery: SeenDelivery, issued: frozenset[Owed]) -> Iterator[str]:
    standing = Standing()
    for number, event in enumerate(delivery.events, start=1):
        try:
            standing = after(standing, event)
        except IllegalEvent as wrong:
            yield f"breaks at event {number}, {event.name} {dict(event.detail)}: {wrong}"
            return
    told = (standing.state, standing.attempt, standing.episode)
    seen = (delivery.state, delivery.attempt, delivery.episode)
    if told != seen:
        yield f"leads to {_shown(told)}, but the delivery is {_shown(seen)}"
    yield from _other_records(delivery)
    owed = _owed(delivery, standing)
    if missing := owed - issued:
        yield f"owes {_names(missing)}, never issued"
    if needless := issued - owed:
        yield f"gives no reason for {_names(needless)}"


def _other_records(delivery: SeenDelivery) -> Iterator[str]:
    """Compare with what is stored beside the trail: a missing event that leads on shows there."""
    reported = sorted(str(event.detail["status"]) for event in delivery.events if "status" in event.detail)
    if reported != sorted(delivery.statuses):
        yield f"tells of the statuses {reported}, but {sorted(delivery.statuses)} are stored"
    tried = sorted(filter(None, map(_try, delivery.events)))
    if tried != sorted(delivery.tried):
        yield f"tells of the attempts {tried}, but {sorted(delivery.tried)} are stored"


def _try(event: SeenEvent) -> tuple[int, str] | None:
    """Return the attempt that *event* tells of, and what came of it."""
    match event.name:
        case "delivery.consigned":
            return int(str(event.detail["attempt"])), "consigned"
        case "delivery.returned":
            return int(str(event.detail["attempt"])), str(event.detail["reason"])
        case _:
            return None


def _owed(delivery: SeenDelivery, standing: Standing) -> frozenset[Owed]:
    """Return the receipts that the trail calls for: about a status only that it could not be delivered."""
    if delivery.kind == "document":
        return standing.receipts
    failure = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
    return frozenset(each for each in standing.receipts if each[0] is failure)


def _issued(history: History) -> dict[DeliveryId, frozenset[Owed]]:
    issued: dict[DeliveryId, frozenset[Owed]] = defaultdict(frozenset)
    for receipt in history.sight.receipts.values():
        for delivery_id, episode in receipt.deliveries:
            issued[delivery_id] |= {(receipt.event, episode)}
    return issued


def _shown(told: tuple[DeliveryState, int, int]) -> str:
    state, attempt, episode = told
    return f"{state} on attempt {attempt} of episode {episode}"


def _names(receipts: frozenset[Owed]) -> str:
    return ", ".join(f"{event} in episode {episode}" for event, episode in sorted(receipts))
