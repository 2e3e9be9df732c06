"""Law: the event trail of every message is whole: each transition there, once, in a legal order."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import DeliveryId
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_history import History
from tests.chaos.checker_sight import SeenDelivery, SeenMessage
from tests.chaos.laws.standing import IllegalEvent, Standing, after
from tests.chaos.laws.violation import Law, Violation


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
        if (wrong := _of_delivery(delivery, issued[delivery.delivery_id])) is not None:
            yield Violation(
                law=Law.WHOLE_TRAIL,
                what=f"the trail of delivery {delivery.delivery_id} {wrong}",
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


def _of_delivery(delivery: SeenDelivery, issued: frozenset[tuple[ReceiptEvent, int]]) -> str | None:
    standing = Standing()
    for number, event in enumerate(delivery.events, start=1):
        try:
            standing = after(standing, event)
        except IllegalEvent as wrong:
            return f"breaks at event {number}, {event.name} {dict(event.detail)}: {wrong}"
    told = (standing.state, standing.attempt, standing.episode)
    seen = (delivery.state, delivery.attempt, delivery.episode)
    if told != seen:
        return f"leads to {_shown(told)}, but the delivery is {_shown(seen)}"
    owed = _owed(delivery, standing)
    if missing := owed - issued:
        return f"owes {_names(missing)}, never issued"
    if needless := issued - owed:
        return f"gives no reason for {_names(needless)}"
    return None


def _owed(delivery: SeenDelivery, standing: Standing) -> frozenset[tuple[ReceiptEvent, int]]:
    """Return the receipts that the trail calls for: about a status only that it could not be delivered."""
    if delivery.kind == "document":
        return standing.receipts
    failure = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
    return frozenset(each for each in standing.receipts if each[0] is failure)


def _issued(history: History) -> dict[DeliveryId, frozenset[tuple[ReceiptEvent, int]]]:
    issued: dict[DeliveryId, frozenset[tuple[ReceiptEvent, int]]] = defaultdict(frozenset)
    for receipt in history.sight.receipts.values():
        for delivery_id, episode in receipt.deliveries:
            issued[delivery_id] |= {(receipt.event, episode)}
    return issued


def _shown(told: tuple[DeliveryState, int, int]) -> str:
    state, attempt, episode = told
    return f"{state} on attempt {attempt} of episode {episode}"


def _names(receipts: frozenset[tuple[ReceiptEvent, int]]) -> str:
    return ", ".join(f"{event} in episode {episode}" for event, episode in sorted(receipts))
