"""A campaign without a hub: the ledgers, receipts and trails that a correct hub would have caused.

What happens to each document is chosen by the caller; the checker's own tests look at the result, and at what
is left of it when something is taken out, doubled or changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hub.message.delivery_state import DeliveryState, advance, trigger_of
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, MailboxName, ReceiptId
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos.checker_sight import SeenDelivery, SeenEvent
from tests.chaos.checker_simulated_axis import Fate, Plan, Simulation
from tests.chaos.ledger import Answered, Effected, GaveBack, Offered, Started, Subject, Submitted

_E = ReceiptEvent


def simulate(plans: Sequence[Plan]) -> Simulation:
    """Let everything happen, one document after the other."""
    axis = Simulation()
    everybody = {each.sender for each in plans} | {to for each in plans for to, _ in each.fates}
    for each in sorted(everybody):
        axis.write(Started(consumer=f"{each}-1", mailbox=MailboxName(each)))
    for plan in plans:
        submitted = axis.submit(plan)
        if not plan.is_valid:
            axis.reject(submitted)
            continue
        for delivery_id, (_, fate) in zip(axis.accept(plan, submitted), plan.fates, strict=True):
            _Way(axis, submitted, delivery_id).go(fate)
        if plan.is_copied:
            axis.accept_copy(plan, submitted)
    return axis


@dataclass(slots=True)
class _Way:
    """One delivery on its way."""

    axis: Simulation
    submitted: Submitted
    delivery_id: DeliveryId
    failure: ReceiptId | None = None
    is_consigned: set[int] = field(default_factory=set)

    @property
    def seen(self) -> SeenDelivery:
        return self.axis.deliveries[self.delivery_id]

    def go(self, fate: Fate) -> None:
        """Let *fate* happen."""
        match fate:
            case Fate.TAKEN | Fate.TAKEN_UNANSWERED:
                self._consign()
                self._take(*() if fate is Fate.TAKEN_UNANSWERED else (StatusCode.ARRIVED,))
            case Fate.ACCEPTED_LATER:
                self._consign()
                self._take(StatusCode.ARRIVED, StatusCode.ACCEPTED)
            case Fate.ANSWERED_FIRST:
                self._take(StatusCode.ARRIVED)
                self._consign()
            case Fate.RETRIED:
                self._consign()
                self._give_back(not_before=True)
                self.go(Fate.TAKEN)
            case Fate.REFUSED:
                self._consign()
                self._offer()
                self._answer(StatusCode.REFUSED)
            case Fate.EXPIRED:
                self._consign()
                self._end("expired", FailureKind.EXPIRED)
            case _:
                self._go_wrong(fate)

    def _go_wrong(self, fate: Fate) -> None:
        self._consign()
        self._give_back(not_before=False)
        self._end("dead", FailureKind.UNKNOWN if fate is Fate.FOUND else FailureKind.NOT_DELIVERED)
        match fate:
            case Fate.REPLAYED:
                episode = self.seen.episode + 1
                self._move(SeenEvent(name="delivery.replayed"), DeliveryState.WAITING)
                self._change(attempt=self.seen.attempt + 1, episode=episode, has_open_case=False)
                self.go(Fate.TAKEN)
            case Fate.DISCARDED:
                self._move(SeenEvent(name="delivery.discarded"), DeliveryState.DISCARDED)
                self._change(episode=self.seen.episode + 1, has_open_case=False)
                self._sign(_E.CONTENT_CONSIGNMENT_FAILURE, FailureKind.DISCARDED)
            case Fate.FOUND:
                self._take(StatusCode.ARRIVED)
                self._change(has_open_case=False)
            case _:
                pass

    def _consign(self) -> None:
        state = DeliveryState.CONSIGNED if self.seen.state is DeliveryState.WAITING else self.seen.state
        self._move(SeenEvent(name="delivery.consigned", detail={"attempt": self.seen.attempt}), state)
        if self.seen.episode not in self.is_consigned:
            self._sign(_E.CONTENT_CONSIGNMENT)
        self.is_consigned.add(self.seen.episode)

    def _take(self, *codes: StatusCode) -> None:
        self._offer()
        answers = [self._answered(code) for code in codes]
        self.axis.write(*answers)
        self.axis.write(
            Effected(
                delivery_id=self.delivery_id,
                sender=self.submitted.sender,
                recipient=self.seen.recipient,
                document_id=self.submitted.document_id,
                digest=self.submitted.digest,
                lane="urgent" if self.submitted.is_urgent else "ordinary",
                lane_number=self.seen.lane_number,
                attempt=self.seen.attempt,
                consumer=f"{self.seen.recipient}-1",
                ordinal=self.axis.next_ordinal(self.seen.recipient),
            )
        )
        for answer in answers:
            self._report(answer.code)

    def _answer(self, code: StatusCode) -> None:
        self.axis.write(self._answered(code))
        self._report(code)

    def _answered(self, code: StatusCode) -> Answered:
        return Answered(
            delivery_id=self.delivery_id,
            recipient=self.seen.recipient,
            code=code,
            attempt=self.seen.attempt,
        )

    def _offer(self) -> None:
        self.axis.write(
            Offered(
                delivery_id=self.delivery_id,
                recipient=self.seen.recipient,
                attempt=self.seen.attempt,
                consumer=f"{self.seen.recipient}-1",
            )
        )

    def _report(self, code: StatusCode) -> None:
        before = self.seen.state
        moved = advance(before, trigger_of(code))
        after = moved or before
        detail = {"status": code.value, "before": before.value, "after": after.value}
        name = "delivery.reported" if moved is not None else "delivery.reported_late"
        self._move(SeenEvent(name=name, detail=detail), after)
        self._change(statuses=(*self.seen.statuses, code.value))
        self.axis.forward(self.submitted, self.seen.recipient, code)
        said = {
            each.event
            for each in self.axis.receipts.values()
            if (self.delivery_id, self.seen.episode) in each.deliveries
        }
        if code in {StatusCode.ARRIVED, StatusCode.ACCEPTED} and _E.CONTENT_HANDOVER not in said:
            self._sign(_E.CONTENT_HANDOVER)

    def _give_back(self, *, not_before: bool) -> None:
        self._offer()
        self.axis.write(
            GaveBack(
                delivery_id=self.delivery_id,
                recipient=self.seen.recipient,
                attempt=self.seen.attempt,
                how="retry",
            )
        )
        detail: dict[str, object] = {"attempt": self.seen.attempt, "reason": "rejected"}
        if not_before:
            detail["not_before"] = "2026-05-30T02:00:00+00:00"
            self._move(SeenEvent(name="delivery.returned", detail=detail), DeliveryState.WAITING)
            self._change(attempt=self.seen.attempt + 1)
        else:
            self._move(SeenEvent(name="delivery.returned", detail=detail), self.seen.state)

    def _end(self, how: str, failure: FailureKind) -> None:
        if how == "expired":
            detail: dict[str, object] = {"attempt": self.seen.attempt, "reason": "expired"}
            self._move(SeenEvent(name="delivery.returned", detail=detail), self.seen.state)
        self._move(SeenEvent(name=f"delivery.{how}"), DeliveryState(how))
        self._change(has_open_case=how == "dead")
        self._sign(_E.CONTENT_CONSIGNMENT_FAILURE, failure)

    def _sign(self, event: ReceiptEvent, failure: FailureKind | None = None) -> None:
        receipt_id = self.axis.sign(
            self.submitted,
            self.seen.message_id,
            event,
            [
                Subject(
                    recipient=self.seen.recipient,
                    delivery_id=self.delivery_id,
                    lane_number=self.seen.lane_number,
                    attempt=self.seen.attempt,
                )
            ],
            failure=failure,
            episode=self.seen.episode,
            supersedes=self.failure,
        )
        self.failure = receipt_id if event is _E.CONTENT_CONSIGNMENT_FAILURE else self.failure

    def _move(self, event: SeenEvent, state: DeliveryState) -> None:
        self._change(events=(*self.seen.events, event), state=state)
        attempt, reason = event.detail.get("attempt"), event.detail.get("reason", "consigned")
        if attempt is not None:
            self._change(tried=(*self.seen.tried, (attempt, reason)))

    def _change(self, **fields: object) -> None:
        self.axis.deliveries[self.delivery_id] = replace(self.seen, **fields)  # type: ignore[arg-type]
