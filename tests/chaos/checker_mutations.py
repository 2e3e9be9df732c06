"""Every way in which a correct campaign is made a wrong one, and the law that has to notice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, ReceiptId
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos import checker_log_mutations as _log  # noqa: F401 - enters its own
from tests.chaos.checker_case import ENTERED, Case, any_of, breaks
from tests.chaos.checker_sight import SeenDelivery, SeenEvent
from tests.chaos.laws.violation import Law
from tests.chaos.ledger import (
    Answered,
    Effected,
    GaveBack,
    Offered,
    ReceiptArrived,
    StatusArrived,
    Subject,
    Submitted,
)

_EVENT = ReceiptEvent
_OTHER: Final = 10**9
"""Where identifiers begin that no simulation has used."""


# ——— nothing is lost ———


@breaks(Law.NOTHING_LOST)
def _an_accepted_delivery_vanishes(case: Case, random: Random) -> Case:
    effect = any_of(random, case.untroubled())
    return case.without(*case.of(effect.delivery_id, Effected, Answered, Offered))


@breaks(Law.NOTHING_LOST)
def _a_confirmed_submission_is_never_decided(case: Case, random: Random) -> Case:
    decision = any_of(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE, _EVENT.SUBMISSION_REJECTION))
    return case.without(decision)


@breaks(Law.NOTHING_LOST)
def _an_acceptance_forgets_a_recipient(case: Case, random: Random) -> Case:
    acceptance = any_of(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    return case.instead(acceptance, replace(acceptance, subjects=acceptance.subjects[1:]))


@breaks(Law.NOTHING_LOST)
def _somebody_is_said_to_have_had_it_who_never_did(case: Case, random: Random) -> Case:
    acceptances = case.receipts(_EVENT.SUBMISSION_ACCEPTANCE)
    acceptance = any_of(random, [each for each in acceptances if not each.subjects[0].already_had_it])
    first, *others = acceptance.subjects
    had = Subject(recipient=first.recipient, already_had_it=True)
    return case.instead(acceptance, replace(acceptance, subjects=(had, *others)))


@breaks(Law.NOTHING_LOST)
def _a_status_never_reaches_the_sender(case: Case, random: Random) -> Case:
    answered = {
        (effect.recipient, effect.document_id)
        for effect in case.untroubled()
        if case.of(effect.delivery_id, Answered)
    }
    return case.without(
        any_of(
            random,
            [each for each in case.all(StatusArrived) if (each.reported_by, each.document_id) in answered],
        )
    )


@breaks(Law.NOTHING_LOST)
def _a_receipt_never_reaches_the_sender(case: Case, random: Random) -> Case:
    return case.without(any_of(random, case.all(ReceiptArrived)))


# ——— one effect, of the same bytes ———


@breaks(Law.ONE_EFFECT)
def _a_delivery_has_a_second_effect(case: Case, random: Random) -> Case:
    effect = any_of(random, case.all(Effected))
    return case.plus(replace(effect, ordinal=_OTHER))


@breaks(Law.ONE_EFFECT)
def _the_same_content_has_a_second_effect(case: Case, random: Random) -> Case:
    submitted = {each.digest: each for each in case.all(Submitted)}
    pairs = [
        (first, second)
        for first in case.untroubled()
        for second in case.untroubled()
        if first.ordinal < second.ordinal
        and (first.recipient, first.sender) == (second.recipient, second.sender)
    ]
    first, second = any_of(random, pairs)
    one, other = submitted[first.digest], submitted[second.digest]
    return case.instead(other, replace(other, document_id=one.document_id, content=one.content or one.digest))


@breaks(Law.ONE_EFFECT)
def _the_same_bytes_arrive_under_another_delivery_id(case: Case, random: Random) -> Case:
    effect = any_of(random, case.all(Effected))
    return case.plus(replace(effect, delivery_id=DeliveryId(UUID(int=_OTHER)), ordinal=_OTHER))


@breaks(Law.SAME_BYTES)
def _a_delivery_that_nobody_promised(case: Case, random: Random) -> Case:
    effect = any_of(random, case.all(Effected))
    return case.instead(effect, replace(effect, delivery_id=DeliveryId(UUID(int=_OTHER))))


@breaks(Law.SAME_BYTES)
def _other_bytes_arrive(case: Case, random: Random) -> Case:
    effect = any_of(random, case.all(Effected))
    return case.instead(effect, replace(effect, digest="f" * 64))


@breaks(Law.SAME_BYTES)
def _the_bytes_of_another_delivery_arrive(case: Case, random: Random) -> Case:
    effect = any_of(random, case.all(Effected))
    other = any_of(random, [each for each in case.all(Submitted) if each.digest != effect.digest])
    return case.instead(effect, replace(effect, digest=other.digest))


# ——— a visible end ———


@breaks(Law.VISIBLE_END)
def _a_delivery_waits_for_ever(case: Case, random: Random) -> Case:
    return case.seeing(replace(any_of(random, _documents(case)), state=DeliveryState.WAITING))


@breaks(Law.VISIBLE_END)
def _operators_see_nothing_of_it(case: Case, random: Random) -> Case:
    gone = any_of(random, _documents(case)).delivery_id
    left = {key: each for key, each in case.sight.deliveries.items() if key != gone}
    return replace(case, sight=replace(case.sight, deliveries=left))


@breaks(Law.VISIBLE_END)
def _nobody_has_the_case_of_a_dead_letter(case: Case, random: Random) -> Case:
    dead = [each for each in _documents(case) if each.state is DeliveryState.DEAD]
    return case.seeing(replace(any_of(random, dead), has_open_case=False))


@breaks(Law.VISIBLE_END)
def _a_refusal_that_nobody_gave(case: Case, random: Random) -> Case:
    taken = [each for each in _documents(case) if each.state is DeliveryState.ARRIVED]
    return case.seeing(replace(any_of(random, taken), state=DeliveryState.REFUSED))


# ——— true receipts ———


@breaks(Law.TRUE_RECEIPTS)
def _a_submission_is_accepted_twice(case: Case, random: Random) -> Case:
    acceptance = any_of(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    return case.plus(replace(acceptance, receipt_id=_a_receipt_id()))


@breaks(Law.TRUE_RECEIPTS)
def _what_was_accepted_is_refused(case: Case, random: Random) -> Case:
    acceptance = any_of(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE))
    refusal = replace(acceptance, event=_EVENT.SUBMISSION_REJECTION, receipt_id=_a_receipt_id(), subjects=())
    return _issued(case.plus(refusal), acceptance, refusal)


@breaks(Law.TRUE_RECEIPTS)
def _a_valid_document_is_refused(case: Case, random: Random) -> Case:
    refusal = any_of(random, case.receipts(_EVENT.SUBMISSION_REJECTION))
    submitted = _submitted(case, refusal)
    return case.instead(submitted, replace(submitted, is_valid=True))


@breaks(Law.TRUE_RECEIPTS)
def _an_invalid_document_is_accepted(case: Case, random: Random) -> Case:
    submitted = _submitted(case, any_of(random, case.receipts(_EVENT.SUBMISSION_ACCEPTANCE)))
    return case.instead(submitted, replace(submitted, is_valid=False))


@breaks(Law.TRUE_RECEIPTS)
def _it_never_lay_in_the_queue(case: Case, random: Random) -> Case:
    effect = any_of(random, case.untroubled())
    return case.without(*case.of(effect.delivery_id, Effected, Answered, Offered, GaveBack))


@breaks(Law.TRUE_RECEIPTS)
def _a_handover_that_the_recipient_never_signed(case: Case, random: Random) -> Case:
    handover = any_of(random, case.receipts(_EVENT.CONTENT_HANDOVER))
    return case.without(*case.of(handover.subjects[0].delivery_id, Answered))


@breaks(Law.TRUE_RECEIPTS)
def _not_delivered_although_it_was(case: Case, random: Random) -> Case:
    effect = any_of(random, case.untroubled())
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


@breaks(Law.TRUE_RECEIPTS)
def _a_handover_contradicts_a_failure(case: Case, random: Random) -> Case:
    late = [each for each in case.receipts(_EVENT.CONTENT_HANDOVER) if each.supersedes is not None]
    handover = any_of(random, late)
    return case.instead(handover, replace(handover, supersedes=None))


@breaks(Law.TRUE_RECEIPTS)
def _a_consignment_after_a_replay_supersedes_nothing(case: Case, random: Random) -> Case:
    again = [each for each in case.receipts(_EVENT.CONTENT_CONSIGNMENT) if each.episode > 1]
    consignment = any_of(random, again)
    return case.instead(consignment, replace(consignment, supersedes=None))


@breaks(Law.TRUE_RECEIPTS)
def _two_receipts_for_one_event(case: Case, random: Random) -> Case:
    receipt = any_of(random, case.receipts(_EVENT.CONTENT_CONSIGNMENT, _EVENT.CONTENT_HANDOVER))
    return _issued(case.plus(twin := replace(receipt, receipt_id=_a_receipt_id())), receipt, twin)


@breaks(Law.TRUE_RECEIPTS)
def _the_hub_does_not_hold_the_receipt(case: Case, random: Random) -> Case:
    gone = any_of(random, case.all(ReceiptArrived)).receipt_id
    left = {key: each for key, each in case.sight.receipts.items() if key != gone}
    return replace(case, sight=replace(case.sight, receipts=left))


@breaks(Law.TRUE_RECEIPTS)
def _the_hub_holds_another_verdict(case: Case, random: Random) -> Case:
    documents = [each for each in case.sight.messages.values() if each.kind == "document"]
    message = any_of(random, documents)
    other = "refused" if message.verdict == "accepted" else "accepted"
    return case.reading(replace(message, verdict=other))


@breaks(Law.TRUE_RECEIPTS)
def _a_receipt_about_something_that_nobody_submitted(case: Case, random: Random) -> Case:
    receipt = any_of(random, case.all(ReceiptArrived))
    return case.instead(receipt, replace(receipt, digest="e" * 64))


@breaks(Law.TRUE_RECEIPTS)
def _a_receipt_is_another_one_the_second_time(case: Case, random: Random) -> Case:
    receipt = any_of(random, case.all(ReceiptArrived))
    return case.plus(replace(receipt, episode=receipt.episode + 1))


@breaks(Law.TRUE_RECEIPTS)
def _a_status_that_nobody_gave(case: Case, random: Random) -> Case:
    status = any_of(random, case.all(StatusArrived))
    return case.plus(replace(status, code=StatusCode.FINISHED))


# ——— order ———


@breaks(Law.ORDER)
def _two_documents_of_a_lane_change_places(case: Case, random: Random) -> Case:
    firsts = [each for each in case.all(Effected) if each.attempt == 1]
    pairs = [
        (one, other)
        for one in firsts
        for other in firsts
        if _lane(one) == _lane(other) and one.lane_number < other.lane_number
    ]
    one, other = any_of(random, pairs)
    return case.instead(one, replace(one, ordinal=other.ordinal)).instead(
        other, replace(other, ordinal=one.ordinal)
    )


# ——— the trail ———


@breaks(Law.WHOLE_TRAIL)
def _an_event_is_missing(case: Case, random: Random) -> Case:
    seen, at = any_of(random, _events(case))
    return case.seeing(replace(seen, events=(*seen.events[:at], *seen.events[at + 1 :])))


@breaks(Law.WHOLE_TRAIL)
def _an_event_stands_twice(case: Case, random: Random) -> Case:
    seen, at = any_of(random, _events(case))
    return case.seeing(replace(seen, events=(*seen.events[: at + 1], *seen.events[at:])))


@breaks(Law.WHOLE_TRAIL)
def _two_events_change_places(case: Case, random: Random) -> Case:
    seen, at = any_of(random, [(seen, at) for seen, at in _events(case) if at > 0])
    events = (*seen.events[: at - 1], seen.events[at], seen.events[at - 1], *seen.events[at + 1 :])
    return case.seeing(replace(seen, events=events))


@breaks(Law.WHOLE_TRAIL)
def _an_event_that_nobody_knows(case: Case, random: Random) -> Case:
    seen = any_of(random, case.sight.deliveries.values())
    return case.seeing(replace(seen, events=(*seen.events, SeenEvent(name="delivery.dreamt_of"))))


@breaks(Law.WHOLE_TRAIL)
def _a_decision_left_no_event(case: Case, random: Random) -> Case:
    return case.reading(replace(any_of(random, case.sight.messages.values()), events=()))


@breaks(Law.WHOLE_TRAIL)
def _a_message_has_more_deliveries_than_it_says(case: Case, random: Random) -> Case:
    seen = any_of(random, _documents(case))
    return case.seeing(replace(seen, delivery_id=DeliveryId(UUID(int=_OTHER))))


@breaks(Law.WHOLE_TRAIL)
def _the_state_is_another_than_the_trail_says(case: Case, random: Random) -> Case:
    seen = any_of(random, [each for each in _documents(case) if each.state is not DeliveryState.PROCESSING])
    return case.seeing(replace(seen, state=DeliveryState.PROCESSING))


# ——— attempts ———


@breaks(Law.OUTAGE_IS_NO_ATTEMPT)
def _an_outage_uses_up_an_attempt(case: Case, random: Random) -> Case:
    seen, at = any_of(random, _returns(case))
    reason = random.choice(["unroutable", "hub_failure"])
    returned = replace(seen.events[at], detail={**seen.events[at].detail, "reason": reason})
    return case.seeing(replace(seen, events=(*seen.events[:at], returned, *seen.events[at + 1 :])))


@breaks(Law.OUTAGE_IS_NO_ATTEMPT)
def _a_rejection_that_the_recipient_knows_nothing_of(case: Case, random: Random) -> Case:
    seen, _ = any_of(random, _returns(case))
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


MUTATIONS: Final = tuple(ENTERED)
