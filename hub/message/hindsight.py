"""What became of a delivery, told afterwards by what others hold: receipts, and what its recipient noted."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from hub.message.delivery_state import DeliveryState, Trigger, advance
from hub.message.identifiers import ReceiptId
from hub.message.receipt import FailureKind, ReceiptEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is known to have happened to a delivery."""

    at: datetime
    event: ReceiptEvent | None
    """What a receipt proves, of the three that are about a delivery; None where the recipient's own journal
    says that it took the delivery."""
    attempt: int = 1
    episode: int = 1
    receipt_id: ReceiptId | None = None
    failure: FailureKind | None = None
    cause: str | None = None
    is_rejected: bool = False
    """The recipient gave this attempt back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a delivery stands."""

    state: DeliveryState
    attempt: int
    first_attempt: int
    episode: int
    consigned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    cause: str | None = None
    """Why it was given up, where it was."""


_OPEN: Final = frozenset({DeliveryState.WAITING, DeliveryState.CONSIGNED})
_GIVEN_UP: Final = frozenset({DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.DISCARDED})
_ENDS: Final = MappingProxyType(
    {
        FailureKind.NOT_DELIVERED: DeliveryState.DEAD,
        FailureKind.UNKNOWN: DeliveryState.DEAD,
        FailureKind.EXPIRED: DeliveryState.EXPIRED,
        FailureKind.DISCARDED: DeliveryState.DISCARDED,
    }
)


def in_hindsight(standing: Standing, facts: Iterable[Fact]) -> Standing:
    """Return where the delivery stands once *facts* are known, in the order in which they happened.

    Nothing is undone that the hub knows already: what is older than *standing* changes nothing.
    """
    for fact in sorted(facts, key=lambda each: (each.episode, each.at)):
        standing = _after(standing, fact)
    return standing


def _after(standing: Standing, fact: Fact) -> Standing:
    if fact.episode < standing.episode and fact.event is not None:
        return standing
    present = _begun(standing, fact)
    if fact.event is ReceiptEvent.CONTENT_HANDOVER:
        return _handed_over(present, fact)
    if fact.event is ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE:
        return _failed(present, fact)
    return _given_back(present, fact) if fact.is_rejected else _consigned(present, fact)


def _begun(standing: Standing, fact: Fact) -> Standing:
    """Begin the episode that *fact* belongs to, where an operator's replay began a new one."""
    if fact.episode <= standing.episode:
        return standing
    is_over = standing.state in _GIVEN_UP
    return replace(
        standing,
        episode=fact.episode,
        first_attempt=max(standing.attempt + 1, fact.attempt) if is_over else standing.first_attempt,
        attempt=max(standing.attempt + is_over, fact.attempt),
        state=DeliveryState.WAITING if is_over else standing.state,
    )


def _consigned(standing: Standing, fact: Fact) -> Standing:
    if standing.state is not DeliveryState.WAITING or fact.attempt < standing.attempt:
        return standing
    return replace(
        standing, state=DeliveryState.CONSIGNED, attempt=fact.attempt, consigned_at=fact.at, cause=None
    )


def _handed_over(standing: Standing, fact: Fact) -> Standing:
    after = advance(standing.state, Trigger.STATUS_01)
    if after is None:
        return standing
    return replace(
        standing,
        state=after,
        consigned_at=standing.consigned_at or fact.at,
        acknowledged_at=fact.at,
        cause=None,
    )


def _failed(standing: Standing, fact: Fact) -> Standing:
    if standing.state not in _OPEN or fact.failure is None:
        return standing
    return replace(
        standing,
        state=_ENDS[fact.failure],
        attempt=max(standing.attempt, fact.attempt),
        cause=fact.cause or fact.failure.value,
    )


def _given_back(standing: Standing, fact: Fact) -> Standing:
    """Let it be tried again, as the return would have, were it not lost or still on its way."""
    if standing.state not in _OPEN or fact.attempt < standing.attempt:
        return standing
    return replace(standing, state=DeliveryState.WAITING, attempt=fact.attempt + 1)
