"""How a recipient takes a delivery: decided by its id, so that whoever is asked again answers alike."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId

_ALWAYS: Final = 1_000_000
_SLOWEST: Final = 0.02
_DAWDLING: Final = 1.2


class Answering(Enum):
    """What the handler does."""

    ACCEPT = auto()
    REFUSE = auto()
    RETRY = auto()
    RAISE = auto()
    CRASH = auto()
    """Dies on the first offer of the first attempt, accepts when it is offered again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What becomes of one offer."""

    answering: Answering
    seconds: float
    statuses: tuple[StatusCode, ...] = (StatusCode.ARRIVED,)
    reports_later: bool = False
    """Whether a status 06 follows once the effect is done."""


def conduct(delivery_id: DeliveryId, attempt: int, *, is_difficult: bool) -> Conduct:
    """Return how an office takes that attempt at that delivery."""
    first, second, third, *_ = delivery_id.bytes[-4:]
    answering = _difficult(first, attempt) if is_difficult else Answering.ACCEPT
    slowest = _DAWDLING if is_difficult and second < 26 else _SLOWEST
    return Conduct(
        answering=answering,
        seconds=slowest * third / 255,
        statuses=(StatusCode.ARRIVED, StatusCode.ACCEPTED) if second % 5 == 0 else (StatusCode.ARRIVED,),
        reports_later=third % 8 == 0,
    )


def _difficult(draw: int, attempt: int) -> Answering:
    """Return what a difficult office does: *draw* is one of 256."""
    gives_back_until, answering = _ALWAYS, Answering.ACCEPT
    match draw:
        case _ if draw < 18:
            gives_back_until, answering = 1, Answering.RETRY
        case _ if draw < 28:
            gives_back_until, answering = 2, Answering.RAISE
        case _ if draw < 36:
            answering = Answering.RETRY
        case _ if draw < 38:
            gives_back_until, answering = 1, Answering.CRASH
        case _ if draw < 58:
            answering = Answering.REFUSE
    return answering if attempt <= gives_back_until else Answering.ACCEPT
