"""Every way in which a correct campaign is made a wrong one, and the law that has to notice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, ReceiptId
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos.checker_sight import SeenDelivery, SeenEvent, SeenMessage, Sight
from tests.chaos.laws.violation import Law
from tests.chaos.ledger import (
    Answered,
    Effected,
    Entry,
    GaveBack,
    Offered,
    ReceiptArrived,
    StatusArrived,
    Subject,
    Submitted,
)

E = TypeVar("E")
T = TypeVar("T")
_EVENT = ReceiptEvent
_OTHER: Final = 10**9
"""Where identifiers begin that no simulation has used."""


OfRecipient: TypeAlias = Effected | Offered | Answered | GaveBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A campaign as the checker gets it."""

    entries: tuple[Entry, ...]
    sight: Sight

    def all(self, kind: type[E]) -> list[E]:
        """Return the entries of one kind."""
        return [each for each in self.entries if isinstance(each, kind)]

    def receipts(self, *events: ReceiptEvent) -> list[ReceiptArrived]:
        """Return the receipts of *events*."""
        return [each for each in self.all(ReceiptArrived) if each.event in events]

    def without(self, *gone: Entry) -> "Case":
        """Leave entries out."""
        return replace(self, entries=tuple(each for each in self.entries if each not in gone))

    def plus(self, *more: Entry) -> "Case":
        """Add entries."""
        return replace(self, entries=(*self.entries, *more))

    def instead(self, old: Entry, new: Entry) -> "Case":
        """Change an entry."""
        return self.without(old).plus(new)

    def seeing(self, delivery: SeenDelivery) -> "Case":
        """Change what operators see of a delivery."""
        return replace(
            self,
            sight=replace(self.sight, deliveries={**self.sight.deliveries, delivery.delivery_id: delivery}),
        )

    def reading(self, message: SeenMessage) -> "Case":
        """Change what operators see of a message."""
        return replace(
            self, sight=replace(self.sight, messages={**self.sight.messages, message.message_id: message})
        )

    def untroubled(self) -> list[Effected]:
        """Return effects of deliveries about which no failure was ever signed."""
        failed = {
            subject.delivery_id
            for receipt in self.receipts(_EVENT.CONTENT_CONSIGNMENT_FAILURE)
            for subject in receipt.subjects
        }
        return [each for each in self.all(Effected) if each.delivery_id not in failed]

    def of(self, delivery_id: DeliveryId | None, *kinds: type[OfRecipient]) -> list[OfRecipient]:
        """Return what the recipient wrote about a delivery."""
        written = [each for each in self.entries if isinstance(each, OfRecipient) and isinstance(each, kinds)]
        return [each for each in written if each.delivery_id == delivery_id]


class Unfit(Exception):
    """The campaign has nothing that could be spoilt in this way."""


Mutate: TypeAlias = Callable[[Case, Random], Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One way to spoil a campaign."""

    name: str
    law: Law
    mutate: Mutate


MUTATIONS: Final[list[Mutation]] = []


def _breaks(law: Law) -> Callable[[Mutate], Mutate]:
    def enter(mutate: Mutate) -> Mutate:
        MUTATIONS.append(Mutation(name=mutate.__name__.strip("_"), law=law, mutate=mutate))
        return mutate

    return enter


def _any(random: Random, candidates: Iterable[T]) -> T:
    found = list(candidates)
    if not found:
        raise Unfit
    return random.choice(found)


# ——— nothing is lost ———


@_breaks(Law.NOTHING_LOST)
def _an_accepted_delivery_vanishes(case: Case, random: Random) -> Case:
    effect = _any(random, case.untroubled())
    return case.without(*case.of(effect.delivery_id, Effected, Answered, Offered))


@_breaks(Law.NOTHING_LOST)
def _a_confirmed_submission_is_never_decided(case: Case, random: Random) -> Case:
    decision = _any(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE, _EVENT.SUBMISSION_REJECTION))
    return case.without(decision)


@_breaks(Law.NOTHING_LOST)
def _an_acceptance_forgets_a_recipient(case: Case, random: Random) -> Case:
    acceptance = _any(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    return case.instead(acceptance, replace(acceptance, subjects=acceptance.subjects[1:]))


@_breaks(Law.NOTHING_LOST)
def _somebody_is_said_to_have_had_it_who_never_did(case: Case, random: Random) -> Case:
    acceptances = case.receipts(_EVENT.SUBMISSION_ACCEPTANCE)
    acceptance = _any(random, [each for each in acceptances if not each.subjects[0].already_had_it])
    first, *others = acceptance.subjects
    had = Subject(recipient=first.recipient, already_had_it=True)
    return case.instead(acceptance, replace(acceptance, subjects=(had, *others)))


@_breaks(Law.NOTHING_LOST)
def _a_status_never_reaches_the_sender(case: Case, random: Random) -> Case:
    answered = {
        (effect.recipient, effect.document_id)
        for effect in case.untroubled()
        if case.of(effect.delivery_id, Answered)
    }
    return case.without(
        _any(
            random,
            [each for each in case.all(StatusArrived) if (each.reported_by, each.document_id) in answered],
        )
    )


@_breaks(Law.NOTHING_LOST)
def _a_receipt_never_reaches_the_sender(case: Case, random: Random) -> Case:
    return case.without(_any(random, case.all(ReceiptArrived)))


# ——— one effect, of the same bytes ———


@_breaks(Law.ONE_EFFECT)
def _a_delivery_has_a_second_effect(case: Case, random: Random) -> Case:
    effect = _any(random, case.all(Effected))
    return case.plus(replace(effect, ordinal=_OTHER))


@_breaks(Law.ONE_EFFECT)
def _the_same_content_has_a_second_effect(case: Case, random: Random) -> Case:
    submitted = {each.digest: each for each in case.all(Submitted)}
    pairs = [
        (first, second)
        for first in case.untroubled()
        for second in case.untroubled()
        if first.ordinal < second.ordinal
        and (first.recipient, first.sender) == (second.recipient, second.sender)
    ]
    first, second = _any(random, pairs)
    one, other = submitted[first.digest], submitted[second.digest]
    return case.instead(other, replace(other, document_id=one.document_id, content=one.content or one.digest))


@_breaks(Law.ONE_EFFECT)
def _the_same_bytes_arrive_under_another_delivery_id(case: Case, random: Random) -> Case:
    effect = _any(random, case.all(Effected))
    return case.plus(replace(effect, delivery_id=DeliveryId(UUID(int=_OTHER)), ordinal=_OTHER))


@_breaks(Law.SAME_BYTES)
def _a_delivery_that_nobody_promised(case: Case, random: Random) -> Case:
    effect = _any(random, case.all(Effected))
    return case.instead(effect, replace(effect, delivery_id=DeliveryId(UUID(int=_OTHER))))


@_breaks(Law.SAME_BYTES)
def _other_bytes_arrive(case: Case, random: Random) -> Case:
    effect = _any(random, case.all(Effected))
    return case.instead(effect, replace(effect, digest="f" * 64))


@_breaks(Law.SAME_BYTES)
def _the_bytes_of_another_delivery_arrive(case: Case, random: Random) -> Case:
    effect = _any(random, case.all(Effected))
    other = _any(random, [each for each in case.all(Submitted) if each.digest != effect.digest])
    return case.instead(effect, replace(effect, digest=other.digest))


# ——— a visible end ———


@_breaks(Law.VISIBLE_END)
def _a_delivery_waits_for_ever(case: Case, random: Random) -> Case:
    return case.seeing(replace(_any(random, _documents(case)), state=DeliveryState.WAITING))


@_breaks(Law.VISIBLE_END)
def _operators_see_nothing_of_it(case: Case, random: Random) -> Case:
    gone = _any(random, _documents(case)).delivery_id
    left = {key: each for key, each in case.sight.deliveries.items() if key != gone}
    return replace(case, sight=replace(case.sight, deliveries=left))


@_breaks(Law.VISIBLE_END)
def _nobody_has_the_case_of_a_dead_letter(case: Case, random: Random) -> Case:
    dead = [each for each in _documents(case) if each.state is DeliveryState.DEAD]
    return case.seeing(replace(_any(random, dead), has_open_case=False))


@_breaks(Law.VISIBLE_END)
def _a_refusal_that_nobody_gave(case: Case, random: Random) -> Case:
    taken = [each for each in _documents(case) if each.state is DeliveryState.ARRIVED]
    return case.seeing(replace(_any(random, taken), state=DeliveryState.REFUSED))


# ——— true receipts ———


@_breaks(Law.TRUE_RECEIPTS)
def _a_submission_is_accepted_twice(case: Case, random: Random) -> Case:
    acceptance = _any(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    return case.plus(replace(acceptance, receipt_id=_a_receipt_id()))


@_breaks(Law.TRUE_RECEIPTS)
def _what_was_accepted_is_refused(case: Case, random: Random) -> Case:
    acceptance = _any(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    refusal = replace(acceptance, event=_EVENT.SUBMISSION_REJECTION, receipt_id=_a_receipt_id(), subjects=())
    return _issued(case.plus(refusal), acceptance, refusal)


@_breaks(Law.TRUE_RECEIPTS)
def _a_valid_document_is_refused(case: Case, random: Random) -> Case:
    refusal = _any(random, case.receipts(_EVENT.SUBMISSION_REJECTION))
    submitted = _submitted(case, refusal)
    return case.instead(submitted, replace(submitted, is_valid=True))


@_breaks(Law.TRUE_RECEIPTS)
def _an_invalid_document_is_accepted(case: Case, random: Random) -> Case:
    submitted = _submitted(case, _any(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE)))
    return case.instead(submitted, replace(submitted, is_valid=False))


@_breaks(Law.TRUE_RECEIPTS)
def _it_never_lay_in_the_queue(case: Case, random: Random) -> Case:
    effect = _any(random, case.untroubled())
    return case.without(*case.of(effect.delivery_id, Effected, Answered, Offered, GaveBack))


@_breaks(Law.TRUE_RECEIPTS)
def _a_handover_that_the_recipient_never_signed(case: Case, random: Random) -> Case:
    handover = _any(random, case.receipts(_EVENT.CONTENT_HANDOVER))
    return case.without(*case.of(handover.subjects[0].delivery_id, Answered))


@_breaks(Law.TRUE_RECEIPTS)
def _not_delivered_although_it_was(case: Case, random: Random) -> Case:
    effect = _any(random, case.untroubled())
    consignment = next(
        each
        for each in case.receipts(_EVENT.CONTENT_CONSIGNMENT)
        if each.subjects[0].delivery_id == effect.delivery_id
    )
    failure = replace(
        consignment,
        event=_EVENT.CONTENT_CONSIGNMENT_FAILURE,
        failure=FailureKind.NOT_DELIVERED,
        receipt_id=_a_receipt_id(),
        issued_at=effect.at + timedelta(seconds=1),
    )
    return _issued(case.plus(failure), consignment, failure)


@_breaks(Law.TRUE_RECEIPTS)
def _a_handover_contradicts_a_failure(case: Case, random: Random) -> Case:
    late = [each for each in case.receipts(_EVENT.CONTENT_HANDOVER) if each.supersedes is not None]
    handover = _any(random, late)
    return case.instead(handover, replace(handover, supersedes=None))


@_breaks(Law.TRUE_RECEIPTS)
def _a_consignment_after_a_replay_supersedes_nothing(case: Case, random: Random) -> Case:
    again = [each for each in case.receipts(_EVENT.CONTENT_CONSIGNMENT) if each.episode > 1]
    consignment = _any(random, again)
    return case.instead(consignment, replace(consignment, supersedes=None))


@_breaks(Law.TRUE_RECEIPTS)
def _two_receipts_for_one_event(case: Case, random: Random) -> Case:
    receipt = _any(random, case.receipts(_EVENT.CONTENT_CONSIGNMENT, _EVENT.CONTENT_HANDOVER))
    return _issued(case.plus(twin := replace(receipt, receipt_id=_a_receipt_id())), receipt, twin)


@_breaks(Law.TRUE_RECEIPTS)
def _the_hub_does_not_hold_the_receipt(case: Case, random: Random) -> Case:
    gone = _any(random, case.all(ReceiptArrived)).receipt_id
    left = {key: each for key, each in case.sight.receipts.items() if key != gone}
    return replace(case, sight=replace(case.sight, receipts=left))


@_breaks(Law.TRUE_RECEIPTS)
def _the_hub_holds_another_verdict(case: Case, random: Random) -> Case:
    documents = [each for each in case.sight.messages.values() if each.kind == "document"]
    message = _any(random, documents)
    other = "refused" if message.verdict == "accepted" else "accepted"
    return case.reading(replace(message, verdict=other))


@_breaks(Law.TRUE_RECEIPTS)
def _a_receipt_about_something_that_nobody_submitted(case: Case, random: Random) -> Case:
    receipt = _any(random, case.all(ReceiptArrived))
    return case.instead(receipt, replace(receipt, digest="e" * 64))


@_breaks(Law.TRUE_RECEIPTS)
def _a_receipt_is_another_one_the_second_time(case: Case, random: Random) -> Case:
    receipt = _any(random, case.all(ReceiptArrived))
    return case.plus(replace(receipt, episode=receipt.episode + 1))


@_breaks(Law.TRUE_RECEIPTS)
def _a_status_that_nobody_gave(case: Case, random: Random) -> Case:
    status = _any(random, case.all(StatusArrived))
    return case.plus(replace(status, code=StatusCode.FINISHED))


# ——— order ———


@_breaks(Law.ORDER)
def _two_documents_of_a_lane_change_places(case: Case, random: Random) -> Case:
    firsts = [each for each in case.all(Effected) if each.attempt == 1]
    pairs = [
        (one, other)
        for one in firsts
        for other in firsts
        if _lane(one) == _lane(other) and one.lane_number < other.lane_number
    ]
    one, other = _any(random, pairs)
    return case.instead(one, replace(one, ordinal=other.ordinal)).instead(
        other, replace(other, ordinal=one.ordinal)
    )


# ——— the trail ———


@_breaks(Law.WHOLE_TRAIL)
def _an_event_is_missing(case: Case, random: Random) -> Case:
    seen, at = _any(random, _events(case))
    return case.seeing(replace(seen, events=(*seen.events[:at], *seen.events[at + 1 :])))


@_breaks(Law.WHOLE_TRAIL)
def _an_event_stands_twice(case: Case, random: Random) -> Case:
    seen, at = _any(random, _events(case))
    return case.seeing(replace(seen, events=(*seen.events[: at + 1], *seen.events[at:])))


@_breaks(Law.WHOLE_TRAIL)
def _two_events_change_places(case: Case, random: Random) -> Case:
    seen, at = _any(random, [(seen, at) for seen, at in _events(case) if at > 0])
    events = (*seen.events[: at - 1], seen.events[at], seen.events[at - 1], *seen.events[at + 1 :])
    return case.seeing(replace(seen, events=events))


@_breaks(Law.WHOLE_TRAIL)
def _an_event_that_nobody_knows(case: Case, random: Random) -> Case:
    seen = _any(random, case.sight.deliveries.values())
    return case.seeing(replace(seen, events=(*seen.events, SeenEvent(name="delivery.dreamt_of"))))


@_breaks(Law.WHOLE_TRAIL)
def _a_decision_left_no_event(case: Case, random: Random) -> Case:
    return case.reading(replace(_any(random, case.sight.messages.values()), events=()))


@_breaks(Law.WHOLE_TRAIL)
def _a_message_has_more_deliveries_than_it_says(case: Case, random: Random) -> Case:
    seen = _any(random, _documents(case))
    return case.seeing(replace(seen, delivery_id=DeliveryId(UUID(int=_OTHER))))


@_breaks(Law.WHOLE_TRAIL)
def _the_state_is_another_than_the_trail_says(case: Case, random: Random) -> Case:
    seen = _any(random, [each for each in _documents(case) if each.state is not DeliveryState.PROCESSING])
    return case.seeing(replace(seen, state=DeliveryState.PROCESSING))


# ——— attempts ———


@_breaks(Law.OUTAGE_IS_NO_ATTEMPT)
def _an_outage_uses_up_an_attempt(case: Case, random: Random) -> Case:
    seen, at = _any(random, _returns(case))
    reason = random.choice(["unroutable", "hub_failure"])
    returned = replace(seen.events[at], detail={**seen.events[at].detail, "reason": reason})
    return case.seeing(replace(seen, events=(*seen.events[:at], returned, *seen.events[at + 1 :])))


@_breaks(Law.OUTAGE_IS_NO_ATTEMPT)
def _a_rejection_that_the_recipient_knows_nothing_of(case: Case, random: Random) -> Case:
    seen, _ = _any(random, _returns(case))
    return case.without(*case.of(seen.delivery_id, Offered, GaveBack))


# ——— what the mutations look for ———


def _documents(case: Case) -> list[SeenDelivery]:
    return [each for each in case.sight.deliveries.values() if each.kind == "document"]


def _events(case: Case) -> Iterator[tuple[SeenDelivery, int]]:
    return ((seen, at) for seen in case.sight.deliveries.values() for at in range(len(seen.events)))


def _returns(case: Case) -> list[tuple[SeenDelivery, int]]:
    return [
        (seen, at)
        for seen, at in _events(case)
        if seen.events[at].name == "delivery.returned" and seen.events[at].detail["reason"] == "rejected"
    ]


def _lane(effect: Effected) -> Sequence[str]:
    return (effect.sender, effect.recipient, effect.lane)


def _submitted(case: Case, receipt: ReceiptArrived) -> Submitted:
    return next(each for each in case.all(Submitted) if each.digest == receipt.digest)


def _a_receipt_id() -> ReceiptId:
    return ReceiptId(UUID(int=_OTHER))


def _issued(case: Case, like: ReceiptArrived, receipt: ReceiptArrived) -> Case:
    """Let the hub hold *receipt*, so that nothing but what it says is wrong with it."""
    held = replace(case.sight.receipts[like.receipt_id], receipt_id=receipt.receipt_id, event=receipt.event)
    return replace(case, sight=replace(case.sight, receipts={**case.sight.receipts, held.receipt_id: held}))
