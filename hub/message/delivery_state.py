"""The life of a delivery: every state, every trigger, and the one table of what follows what."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.message.edxml import StatusCode


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """A row in the outbox: fresh, waiting for its next attempt, or parked with its mailbox."""
    CONSIGNED = "consigned"
    """The broker confirmed it in the recipient's queue."""
    ARRIVED = "arrived"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    PROCESSING = "processing"
    FINISHED = "finished"
    REFUSED = "refused"
    """The recipient refused it (02)."""
    RECALLED = "recalled"
    """The recipient agreed to give it back (15)."""
    DEAD = "dead"
    """Given up; its case waits for an operator."""
    EXPIRED = "expired"
    DISCARDED = "discarded"


class Trigger(StrEnum):
    """What can happen to a delivery; statuses are triggers named after their codes."""

    CONSIGNED = "consigned"
    RETRIED = "retried"
    GIVEN_UP = "given_up"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    RESTORED = "restored"
    STATUS_01 = "status_01"
    STATUS_02 = "status_02"
    STATUS_03 = "status_03"
    STATUS_04 = "status_04"
    STATUS_05 = "status_05"
    STATUS_06 = "status_06"
    STATUS_13 = "status_13"
    STATUS_15 = "status_15"
    STATUS_16 = "status_16"


def trigger_of(status: StatusCode) -> Trigger:
    """Return the trigger that a status message with *status* pulls."""
    return Trigger(f"status_{status.value}")


_S, _T = DeliveryState, Trigger
_HANDED_OVER: Final = (_S.ARRIVED, _S.ACCEPTED, _S.ASSIGNED, _S.PROCESSING, _S.FINISHED)
_WITH_RECIPIENT: Final = (_S.WAITING, _S.CONSIGNED, _S.DEAD, _S.EXPIRED, _S.DISCARDED)
"""A status proves that the recipient has the document, whatever the hub believed: a confirm was lost, or the
recipient found the document after the hub had given up."""
_PROGRESS: Final = MappingProxyType(
    {
        _T.STATUS_01: _S.ARRIVED,
        _T.STATUS_03: _S.ACCEPTED,
        _T.STATUS_04: _S.ASSIGNED,
        _T.STATUS_05: _S.PROCESSING,
        _T.STATUS_06: _S.FINISHED,
    }
)


def _transitions() -> dict[tuple[DeliveryState, Trigger], DeliveryState]:
    table: dict[tuple[DeliveryState, Trigger], DeliveryState] = {
        (_S.WAITING, _T.CONSIGNED): _S.CONSIGNED,
        (_S.WAITING, _T.RETRIED): _S.WAITING,
        (_S.WAITING, _T.GIVEN_UP): _S.DEAD,
        (_S.WAITING, _T.EXPIRED): _S.EXPIRED,
        (_S.CONSIGNED, _T.RETRIED): _S.WAITING,
        (_S.CONSIGNED, _T.GIVEN_UP): _S.DEAD,
        (_S.CONSIGNED, _T.EXPIRED): _S.EXPIRED,
        (_S.DEAD, _T.REPLAYED): _S.WAITING,
        (_S.DEAD, _T.DISCARDED): _S.DISCARDED,
        (_S.DISCARDED, _T.RESTORED): _S.DEAD,
    }
    for state in (*_WITH_RECIPIENT, *_HANDED_OVER):
        for trigger, target in _PROGRESS.items():
            if state in _WITH_RECIPIENT or _HANDED_OVER.index(target) > _HANDED_OVER.index(state):
                table[state, trigger] = target
    for state in (*_WITH_RECIPIENT, _S.ARRIVED, _S.ACCEPTED, _S.ASSIGNED, _S.PROCESSING):
        table[state, _T.STATUS_02] = _S.REFUSED
    for state in (_S.CONSIGNED, *_HANDED_OVER):
        table[state, _T.STATUS_13] = state
        table[state, _T.STATUS_15] = _S.RECALLED
        table[state, _T.STATUS_16] = state
    return table


TRANSITIONS: Final = MappingProxyType(_transitions())
"""What follows what. A pair that is missing changes nothing and is recorded as late or repeated."""

ACKNOWLEDGED: Final = frozenset({*_HANDED_OVER, _S.RECALLED})
"""States that a recipient's signed acknowledgement led to: such a delivery is never sent again."""
CLOSED: Final = frozenset({_S.FINISHED, _S.REFUSED, _S.RECALLED, _S.DISCARDED})


def advance(state: DeliveryState, trigger: Trigger) -> DeliveryState | None:
    """Return the state after *trigger*, or None where it is late, repeated or impossible in *state*."""
    return TRANSITIONS.get((state, trigger))
