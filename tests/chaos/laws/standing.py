"""Where a delivery stands after each event of its trail, by the published table of transitions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hub.message.delivery_state import DeliveryState, Trigger, advance
from hub.message.edxml import StatusCode
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_sight import SeenEvent

_OPEN = frozenset({DeliveryState.WAITING, DeliveryState.CONSIGNED})
_OVER = frozenset({DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.DISCARDED})
_ENDINGS = {"delivery.dead": Trigger.GIVEN_UP, "delivery.expired": Trigger.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a delivery stands according to its trail so far."""

    state: DeliveryState = DeliveryState.WAITING
    attempt: int = 1
    episode: int = 1
    consigned: frozenset[int] = frozenset()
    """Attempts that the broker confirmed."""
    is_ending: bool = False
    """It came back for good; the next event says how that ended."""
    receipts: frozenset[tuple[ReceiptEvent, int]] = field(default_factory=frozenset)
    """The receipts that these events owe, with their episodes."""

    def owing(self, event: ReceiptEvent) -> "Standing":
        """Return it with one more receipt owed for the present episode."""
        return replace(self, receipts=self.receipts | {(event, self.episode)})


class IllegalEvent(Exception):
    """An event that cannot follow those before it."""


def after(standing: Standing, event: SeenEvent) -> Standing:
    """Return where the delivery stands after *event*; raises `IllegalEvent` where it cannot follow."""
    if standing.is_ending and event.name not in (*_ENDINGS, "delivery.returned_late"):
        raise IllegalEvent("it had come back for good, and nothing says how that ended")
    follow = _FOLLOWING.get(event.name)
    if follow is None:
        raise IllegalEvent("nobody knows this event")
    return follow(standing, event)


def _consigned(standing: Standing, event: SeenEvent) -> Standing:
    attempt = _number(event, "attempt")
    if attempt != standing.attempt or attempt in standing.consigned:
        raise IllegalEvent(f"attempt {standing.attempt} is due, {sorted(standing.consigned)} were confirmed")
    if standing.state in _OVER:
        raise IllegalEvent(f"it was {standing.state}")
    # What its recipient has answered already keeps that state: the status was faster than the confirm.
    state = advance(standing.state, Trigger.CONSIGNED) or standing.state
    return replace(standing, state=state, consigned=standing.consigned | {attempt}).owing(
        ReceiptEvent.CONTENT_CONSIGNMENT
    )


def _returned(standing: Standing, event: SeenEvent) -> Standing:
    if standing.state not in _OPEN or _number(event, "attempt") != standing.attempt:
        raise IllegalEvent(f"it was {standing.state} on attempt {standing.attempt}")
    if "not_before" not in event.detail:
        return replace(standing, is_ending=True)
    return replace(standing, state=_moved(standing, Trigger.RETRIED), attempt=standing.attempt + 1)


def _ended(standing: Standing, event: SeenEvent) -> Standing:
    if not standing.is_ending:
        raise IllegalEvent("nothing says that it came back")
    moved = replace(standing, state=_moved(standing, _ENDINGS[event.name]), is_ending=False)
    return moved.owing(ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)


def _reported(standing: Standing, event: SeenEvent) -> Standing:
    code = StatusCode(str(event.detail["status"]))
    target = advance(standing.state, Trigger(f"status_{code.value}"))
    if (target is not None) != (event.name == "delivery.reported"):
        raise IllegalEvent(f"status {code} moves {standing.state} to {target}")
    told = (event.detail["before"], event.detail["after"])
    if told != (standing.state, target or standing.state):
        raise IllegalEvent(f"it was {standing.state} and became {target or standing.state}")
    moved = replace(standing, state=target or standing.state)
    proves = code in {StatusCode.ARRIVED, StatusCode.ACCEPTED}
    return moved.owing(ReceiptEvent.CONTENT_HANDOVER) if proves else moved


def _returned_late(standing: Standing, event: SeenEvent) -> Standing:
    attempt = _number(event, "attempt")
    if attempt >= standing.attempt and standing.state in _OPEN and not standing.is_ending:
        raise IllegalEvent("it was not late")
    return standing


def _discarded(standing: Standing, _event: SeenEvent) -> Standing:
    moved = replace(standing, state=_moved(standing, Trigger.DISCARDED), episode=standing.episode + 1)
    return moved.owing(ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)


def _replayed(standing: Standing, _event: SeenEvent) -> Standing:
    state = _moved(standing, Trigger.REPLAYED)
    return replace(standing, state=state, attempt=standing.attempt + 1, episode=standing.episode + 1)


def _moved(standing: Standing, trigger: Trigger) -> DeliveryState:
    target = advance(standing.state, trigger)
    if target is None:
        raise IllegalEvent(f"{trigger} is impossible from {standing.state}")
    return target


def _number(event: SeenEvent, name: str) -> int:
    value = event.detail.get(name)
    if not isinstance(value, int):
        raise IllegalEvent(f"it has no {name}")
    return value


_FOLLOWING: Final[Mapping[str, Callable[[Standing, SeenEvent], Standing]]] = {
    "delivery.consigned": _consigned,
    "delivery.returned": _returned,
    "delivery.returned_late": _returned_late,
    "delivery.dead": _ended,
    "delivery.expired": _ended,
    "delivery.reported": _reported,
    "delivery.reported_late": _reported,
    "delivery.replayed": _replayed,
    "delivery.discarded": _discarded,
}
