"""What the laws excuse, because the axis promises no more; and that they excuse nothing besides."""

from dataclasses import replace
from datetime import timedelta

from hub.message.identifiers import AgencyKey, MailboxName
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos.checker import Verdict, judge
from tests.chaos.checker_case import Case
from tests.chaos.checker_simulated_axis import Fate, Plan
from tests.chaos.checker_simulation import simulate
from tests.chaos.laws.violation import Law
from tests.chaos.ledger import Confirmed, Disturbed, Effected, GaveBack, Offered, ReceiptArrived, Started

SENDER, RECIPIENT = AgencyKey("G22"), AgencyKey("H41")
MAILBOX = MailboxName(RECIPIENT)


def a_case(*fates: Fate) -> Case:
    axis = simulate([Plan(sender=SENDER, fates=((RECIPIENT, fate),)) for fate in fates])
    return Case(entries=tuple(axis.entries), sight=axis.sight())


def with_the_first_two_swapped(case: Case) -> Case:
    one, other = case.all(Effected)[:2]
    first = replace(one, ordinal=other.ordinal)
    return case.instead(one, first).instead(other, replace(other, ordinal=one.ordinal))


def verdict_on(case: Case) -> Verdict:
    return judge(case.entries, case.sight)


def test_an_inversion_at_a_single_process_counts_whatever_was_disturbed() -> None:
    case = with_the_first_two_swapped(a_case(Fate.TAKEN, Fate.TAKEN))
    disturbed = case.plus(Disturbed(what="kill", target="broker", at=case.all(Effected)[0].at))

    assert verdict_on(disturbed).broken == {Law.ORDER}


def test_a_queue_at_its_limit_keeps_no_order() -> None:
    case = with_the_first_two_swapped(a_case(Fate.TAKEN, Fate.TAKEN))

    assert verdict_on(case.plus(Disturbed(what="limited", target=MAILBOX))).is_clean


def test_a_retried_delivery_keeps_no_order() -> None:
    late = with_the_first_two_swapped(a_case(Fate.RETRIED, Fate.TAKEN))

    assert verdict_on(late).is_clean


def test_an_inversion_between_two_processes_of_a_mailbox_is_nobodys_fault() -> None:
    case = with_the_first_two_swapped(a_case(Fate.TAKEN, Fate.TAKEN))
    effect = case.all(Effected)[0]

    assert verdict_on(case.instead(effect, replace(effect, consumer="H41-2"))).is_clean


def test_an_inversion_within_one_of_two_processes_counts_where_nothing_was_disturbed() -> None:
    case = with_the_first_two_swapped(a_case(Fate.TAKEN, Fate.TAKEN))
    started = min(each.at for each in case.entries) - timedelta(seconds=1)
    shared = case.plus(Started(consumer="H41-2", mailbox=MAILBOX, at=started))

    assert verdict_on(shared).broken == {Law.ORDER}


def with_a_second_process_beginning_meanwhile(*, is_redelivered: bool) -> Case:
    case = with_the_first_two_swapped(a_case(Fate.TAKEN, Fate.TAKEN))
    overtaken = max(case.all(Effected), key=lambda each: each.ordinal)
    begun = Started(consumer="H41-2", mailbox=MAILBOX, at=overtaken.at - timedelta(milliseconds=1))
    return case.instead(overtaken, replace(overtaken, is_redelivered=is_redelivered)).plus(begun)


def test_an_inversion_within_one_of_two_processes_is_excused_for_what_was_handed_out_before() -> None:
    assert verdict_on(with_a_second_process_beginning_meanwhile(is_redelivered=True)).is_clean


def test_an_inversion_within_one_of_two_processes_counts_for_what_comes_for_the_first_time() -> None:
    first_time = with_a_second_process_beginning_meanwhile(is_redelivered=False)

    assert verdict_on(first_time).broken == {Law.ORDER}


def test_what_still_lies_in_the_queue_is_not_lost_but_no_more_than_lies_there() -> None:
    case = a_case(Fate.TAKEN_UNANSWERED, Fate.TAKEN_UNANSWERED)
    gone = case.without(*case.all(Effected), *case.all(Offered))

    one_lies_there = replace(gone, sight=replace(gone.sight, in_queue={MAILBOX: 1}))
    both_lie_there = replace(gone, sight=replace(gone.sight, in_queue={MAILBOX: 2}))

    assert len(verdict_on(one_lies_there).of(Law.NOTHING_LOST)) == 1
    assert verdict_on(both_lie_there).is_clean


def test_an_effect_outside_the_journal_may_be_given_back_and_the_failure_is_true() -> None:
    case = with_a_failure_after_the_effect(handler="idempotent")
    effect = case.all(Effected)[0]
    told = GaveBack(
        delivery_id=effect.delivery_id, recipient=RECIPIENT, attempt=1, how="raised", at=effect.at
    )

    assert Law.TRUE_RECEIPTS in verdict_on(case).broken
    assert Law.TRUE_RECEIPTS not in verdict_on(case.plus(told)).broken


def test_an_effect_inside_the_journal_cannot_be_given_back() -> None:
    case = with_a_failure_after_the_effect(handler="journal")
    effect = case.all(Effected)[0]
    told = GaveBack(
        delivery_id=effect.delivery_id, recipient=RECIPIENT, attempt=1, how="raised", at=effect.at
    )

    assert Law.TRUE_RECEIPTS in verdict_on(case.plus(told)).broken


def test_a_failure_that_claims_nothing_is_not_contradicted_by_an_effect() -> None:
    case = with_a_failure_after_the_effect(handler="journal")
    failure = next(each for each in case.all(ReceiptArrived) if each.failure is not None)

    unsure = case.instead(failure, replace(failure, failure=FailureKind.UNKNOWN))

    assert Law.TRUE_RECEIPTS not in verdict_on(unsure).broken


def test_the_copies_of_one_effect_in_two_ledgers_are_one_effect() -> None:
    case = a_case(Fate.TAKEN)

    assert verdict_on(case.plus(case.all(Effected)[0])).is_clean


def test_a_submission_that_was_never_confirmed_need_not_be_answered() -> None:
    case = a_case(Fate.TAKEN, Fate.TAKEN)
    last = case.all(Confirmed)[-1]
    about = [each for each in case.all(ReceiptArrived) if each.submission_id == last.submission_id]
    decided = {each.message_id for each in about}

    nowhere = case.without(last, *about)
    sight = replace(
        nowhere.sight,
        messages={key: each for key, each in nowhere.sight.messages.items() if key not in decided},
        deliveries={
            key: each for key, each in nowhere.sight.deliveries.items() if each.message_id not in decided
        },
        receipts={
            key: each for key, each in nowhere.sight.receipts.items() if each.message_id not in decided
        },
    )

    assert Law.NOTHING_LOST not in verdict_on(replace(nowhere, sight=sight)).broken


def with_a_failure_after_the_effect(*, handler: str) -> Case:
    """Let the hub sign `not delivered` of a delivery that had its effect a second before."""
    case = a_case(Fate.TAKEN_UNANSWERED)
    effect = case.all(Effected)[0]
    consignment = case.receipts(ReceiptEvent.CONTENT_CONSIGNMENT)[0]
    failure = replace(
        consignment,
        event=ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
        failure=FailureKind.NOT_DELIVERED,
        issued_at=effect.at + timedelta(seconds=1),
    )
    held = replace(case.sight.receipts[consignment.receipt_id], event=failure.event)
    sight = replace(case.sight, receipts={**case.sight.receipts, held.receipt_id: held})
    other = replace(effect, handler="idempotent" if handler == "idempotent" else "journal")
    return replace(case.instead(consignment, failure).instead(effect, other), sight=sight)
