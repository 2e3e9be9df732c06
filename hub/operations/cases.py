"""Dead letters: look at them, replay them, or discard them for good."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias
from uuid import UUID

from hub.backends.postgres import desk, issuing, posting
from hub.backends.postgres.desk import Action, Attempt, Case, CaseFilter, LockedCase
from hub.backends.postgres.issuing import Failure
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.trail import Event, append
from hub.errors import OperationRefused
from hub.message.delivery_state import ACKNOWLEDGED, Trigger, advance
from hub.message.edxml import MessageKind
from hub.message.receipt import FailureKind, ReceiptEvent
from hub.ports import Attest, Clock

BATCH: Final = 500
"""Cases that are locked together: enough to be quick, few enough not to hold the hub up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case with everything that was tried."""

    case: Case
    attempts: tuple[Attempt, ...]


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


_Act: TypeAlias = Callable[[Transaction, Sequence[LockedCase]], Awaitable[Handled]]


class CaseDesk:
    """The operators' work on dead letters: each act is one transaction, and leaves who did it."""

    def __init__(
        self, database: Database, *, operator: str, clock: Clock, new_id: Callable[[], UUID]
    ) -> None:
        """Work on *database* in the name of *operator*."""
        self._database = database
        self._operator = operator
        self._clock = clock
        self._new_id = new_id

    async def find(self, wanted: CaseFilter, *, limit: int = 100) -> tuple[Case, ...]:
        """Return up to *limit* of the cases that *wanted* describes, oldest first."""
        async with self._database.connection() as connection:
            return await desk.read_cases(connection, wanted, limit=limit)

    async def show(self, case_id: int) -> CaseFile:
        """Return one case with its attempts; raises `OperationRefused` where there is none."""
        async with self._database.connection() as connection:
            found = await desk.read_cases(connection, CaseFilter(case_ids=(case_id,), is_open=False), limit=1)
            if not found:
                raise OperationRefused(
                    f"there is no case {case_id}; `truc deadletter list` shows those that are open"
                )
            delivery = found[0].delivery_id
            attempts = await desk.read_attempts(connection, [delivery]) if delivery is not None else ()
        return CaseFile(case=found[0], attempts=attempts)

    async def replay(self, case_ids: Sequence[int], *, reason: str | None = None) -> Handled:
        """Send dead letters again, each under its own delivery id, once, however many operators ask.

        A case is refused, and nothing of it changed, where it is closed, where the recipient has acknowledged
        the delivery after all, or where the recipient has the same content through another delivery.
        """

        async def act(transaction: Transaction, cases: Sequence[LockedCase]) -> Handled:
            return await self._replay(transaction, cases, reason)

        return await self._each_batch(case_ids, act)

    async def discard(self, case_ids: Sequence[int], *, reason: str, attest: Attest) -> Handled:
        """Give dead letters up for good; each sender gets a signed failure in the same commit."""
        if not reason.strip():
            raise OperationRefused(
                "a dead letter is discarded for a reason that stands in the evidence: give one"
            )

        async def act(transaction: Transaction, cases: Sequence[LockedCase]) -> Handled:
            return await self._discard(transaction, cases, reason, attest)

        return await self._each_batch(case_ids, act)

    async def _each_batch(self, case_ids: Sequence[int], act: _Act) -> Handled:
        handled = Handled()
        for batch in _batches(sorted(set(case_ids))):
            async with self._database.transaction() as transaction:
                cases = await desk.lock(transaction, batch)
                missing = frozenset(batch) - {case.case_id for case in cases}
                handled += Handled(
                    refused=tuple(Refusal(case_id=each, reason="no such case") for each in sorted(missing))
                )
                handled += await act(transaction, cases)
        return handled

    async def _replay(
        self, transaction: Transaction, cases: Sequence[LockedCase], reason: str | None
    ) -> Handled:
        able, refused = _sorted_out(cases, Trigger.REPLAYED)
        done = await _replay_what_can_be(transaction, able)
        twice = [case for case in able if case.case_id not in {each.case_id for each in done}]
        await desk.close_cases(transaction, [case.case_id for case in done], "replayed")
        await append(
            transaction, [_replayed(case, delivery, self._operator) for case, delivery in _with(done)]
        )
        await desk.record(transaction, [self._action("replay", case, reason) for case in done])
        sentence = "the recipient has the same content through another delivery: discard this one"
        return Handled(
            done=tuple(case.case_id for case in done),
            refused=(*refused, *(Refusal(case_id=case.case_id, reason=sentence) for case in twice)),
        )

    async def _discard(
        self, transaction: Transaction, cases: Sequence[LockedCase], reason: str, attest: Attest
    ) -> Handled:
        able, refused = _sorted_out(cases, Trigger.DISCARDED)
        deliveries = [delivery for _, delivery in _with(able)]
        await desk.discard(transaction, [delivery.delivery_id for delivery in deliveries])
        await self._tell_senders(transaction, deliveries, reason, attest)
        await desk.close_cases(transaction, [case.case_id for case in able], "discarded")
        await append(
            transaction, [_discarded(case, delivery, self._operator) for case, delivery in _with(able)]
        )
        await desk.record(transaction, [self._action("discard", case, reason) for case in able])
        return Handled(done=tuple(case.case_id for case in able), refused=refused)

    async def _tell_senders(
        self, transaction: Transaction, deliveries: Sequence[LockedDelivery], reason: str, attest: Attest
    ) -> None:
        """Issue the signed failures; a receipt itself causes none."""
        told = [
            replace(delivery, episode=delivery.episode + 1)
            for delivery in deliveries
            if delivery.kind != MessageKind.RECEIPT.value
        ]
        failure = Failure(kind=FailureKind.DISCARDED, cause=reason)
        receipts = await issuing.owe(
            transaction,
            ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
            [[delivery] for delivery in told],
            at=self._clock.now(),
            new_id=self._new_id,
            failures={delivery.delivery_id: failure for delivery in told},
        )
        letters = await issuing.issue(transaction, receipts, attest, self._new_id)
        await posting.enter(transaction, letters)
        await desk.schedule(transaction, [letter.delivery_id for letter in letters])

    def _action(self, action: str, case: LockedCase, reason: str | None) -> Action:
        return Action(
            operator=self._operator,
            action=action,
            reason=reason,
            case_id=case.case_id,
            delivery_id=case.delivery.delivery_id if case.delivery is not None else None,
        )


def obstacle(case: LockedCase, trigger: Trigger) -> str | None:
    """Return why *trigger* must not be pulled on *case*; None where nothing stands against it."""
    if case.outcome is not None:
        return f"the case is closed already ({case.outcome})"
    delivery = case.delivery
    if delivery is None:
        if trigger is Trigger.DISCARDED:
            return None
        return "the hub itself could not process it: let its sender submit it again, and discard the case"
    if delivery.state in ACKNOWLEDGED:
        return "the recipient has acknowledged it with a signature: nothing is left to do"
    if advance(delivery.state, trigger) is None:
        return f"its delivery is {delivery.state.value}"
    return None


def _sorted_out(
    cases: Sequence[LockedCase], trigger: Trigger
) -> tuple[tuple[LockedCase, ...], tuple[Refusal, ...]]:
    found = [(case, obstacle(case, trigger)) for case in cases]
    able = tuple(case for case, reason in found if reason is None)
    refused = tuple(
        Refusal(case_id=case.case_id, reason=reason) for case, reason in found if reason is not None
    )
    return able, refused


async def _replay_what_can_be(transaction: Transaction, able: Sequence[LockedCase]) -> Sequence[LockedCase]:
    """Replay all together; only where the database refuses one, each for itself."""
    deliveries = {case.case_id: delivery.delivery_id for case, delivery in _with(able)}
    if not able or await desk.replay(transaction, list(deliveries.values())):
        return able
    return [case for case in able if await desk.replay(transaction, [deliveries[case.case_id]])]


def _with(cases: Sequence[LockedCase]) -> Iterator[tuple[LockedCase, LockedDelivery]]:
    return ((case, case.delivery) for case in cases if case.delivery is not None)


def _replayed(case: LockedCase, delivery: LockedDelivery, operator: str) -> Event:
    detail: dict[str, object] = {
        "case_id": case.case_id,
        "operator": operator,
        "attempt": delivery.attempt + 1,
        "episode": delivery.episode + 1,
    }
    return Event(
        name="delivery.replayed",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail=detail,
    )


def _discarded(case: LockedCase, delivery: LockedDelivery, operator: str) -> Event:
    return Event(
        name="delivery.discarded",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail={"case_id": case.case_id, "operator": operator, "episode": delivery.episode + 1},
    )


def _batches(case_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (case_ids[start : start + BATCH] for start in range(0, len(case_ids), BATCH))
