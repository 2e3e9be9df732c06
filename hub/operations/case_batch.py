"""Many cases at a time: a transaction for each few hundred, and what became of every one."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hub.backends.postgres import desk
from hub.backends.postgres.desk import Action, LockedCase
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.message.delivery_state import ACKNOWLEDGED, DeliveryState, Trigger, advance
from hub.message.identifiers import AgencyKey

BATCH: Final = 500
"""Cases that are locked together: enough to be quick, few enough not to hold the hub up."""
DISCARDED: Final = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A case that was left as it is, and why."""

    case_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of the cases that were asked for."""

    done: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = field(default=())

    def __add__(self, other: "Handled") -> "Handled":
        """Return both together."""
        return Handled(done=self.done + other.done, refused=self.refused + other.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """In whose name something is done to cases, and why."""

    operator: str
    reason: str | None = None
    campaign_id: int | None = None

    def action(self, name: str, case: LockedCase, **detail: object) -> Action:
        """Return the record of act *name* on *case*."""
        campaign = {} if self.campaign_id is None else {"campaign_id": self.campaign_id}
        return Action(
            operator=self.operator,
            action=name,
            reason=self.reason,
            case_id=case.case_id,
            delivery_id=case.delivery.delivery_id if case.delivery is not None else None,
            detail={**detail, **campaign} or None,
        )


Act: TypeAlias = Callable[[Transaction, Sequence[LockedCase]], Awaitable[Handled]]


async def each_batch(
    database: Database,
    case_ids: Sequence[int],
    act: Act,
    *,
    visible_to: tuple[AgencyKey, ...] | None = None,
) -> Handled:
    """Do *act* to the cases, a transaction for each `BATCH`; those that nobody finds here are refused."""
    handled = Handled()
    for batch in _batches(sorted(set(case_ids))):
        async with database.transaction() as transaction:
            cases = [each for each in await desk.lock(transaction, batch) if _is_seen(each, visible_to)]
            missing = frozenset(batch) - {case.case_id for case in cases}
            handled += Handled(
                refused=tuple(Refusal(case_id=each, reason="no such case") for each in sorted(missing))
            )
            handled += await act(transaction, cases)
    return handled


def obstacle(case: LockedCase, trigger: Trigger) -> str | None:
    """Return why *trigger* must not be pulled on *case*; None where nothing stands against it."""
    state = case.delivery.state if case.delivery is not None else None
    return hindrance(case.outcome, state, trigger)


def hindrance(outcome: str | None, state: DeliveryState | None, trigger: Trigger) -> str | None:
    """Return what stands against *trigger* on a case with *outcome* and its delivery, if any, in *state*."""
    against = _of_the_case(outcome, trigger)
    return against if against is not None else _of_the_delivery(state, trigger)


def _of_the_case(outcome: str | None, trigger: Trigger) -> str | None:
    if trigger is Trigger.RESTORED:
        is_discarded = outcome == DISCARDED
        return None if is_discarded else f"only a discard can be taken back: the case is {outcome or 'open'}"
    return None if outcome is None else f"the case is closed already ({outcome})"


def _of_the_delivery(state: DeliveryState | None, trigger: Trigger) -> str | None:
    if state is None:
        if trigger is not Trigger.REPLAYED:
            return None
        return "the hub itself could not process it: let its sender submit it again, and discard the case"
    if state in ACKNOWLEDGED:
        return "the recipient has acknowledged it with a signature: nothing is left to do"
    return f"its delivery is {state.value}" if advance(state, trigger) is None else None


def sorted_out(
    cases: Sequence[LockedCase], trigger: Trigger
) -> tuple[tuple[LockedCase, ...], tuple[Refusal, ...]]:
    """Return the cases that *trigger* may be pulled on, and the refusals of the others."""
    found = [(case, obstacle(case, trigger)) for case in cases]
    able = tuple(case for case, reason in found if reason is None)
    refused = tuple(
        Refusal(case_id=case.case_id, reason=reason) for case, reason in found if reason is not None
    )
    return able, refused


def with_deliveries(cases: Sequence[LockedCase]) -> Iterator[tuple[LockedCase, LockedDelivery]]:
    """Yield those of *cases* that have a delivery, each with it."""
    return ((case, case.delivery) for case in cases if case.delivery is not None)


def _is_seen(case: LockedCase, visible_to: tuple[AgencyKey, ...] | None) -> bool:
    if visible_to is None:
        return True
    return case.delivery is not None and not {case.delivery.sender, case.delivery.recipient}.isdisjoint(
        visible_to
    )


def _batches(case_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (case_ids[start : start + BATCH] for start in range(0, len(case_ids), BATCH))
