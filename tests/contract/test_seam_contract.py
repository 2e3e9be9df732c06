"""What intake may expect of its one commit, of the twin as of the real one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import RejectionCode
from hub.message.decision import Accepted, Postponed, Rejected, Repeated
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import BusinessType, MessageKind, StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.outbox import OutboxEntry
from hub.message.patience import FEW
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_sheet import ReceiptSheet
from tests.support.decisions import (
    Submission,
    a_submission,
    again,
    long_ago,
    plain_pen,
    signed_again,
)
from tests.support.store import (
    HubProcess,
    StoreUnderTest,
    answered,
    documents,
    give_up,
    of_kind,
    receipts,
    returned,
)

ACCEPTANCE = ReceiptEvent.SUBMISSION_ACCEPTANCE
REJECTION = ReceiptEvent.SUBMISSION_REJECTION
HANDOVER = ReceiptEvent.CONTENT_HANDOVER


def code_of(outcome: object) -> RejectionCode:
    assert isinstance(outcome, Rejected), outcome
    return outcome.violations[0].code


async def test_an_accepted_document_goes_to_every_recipient_with_the_senders_bytes(hub: HubProcess) -> None:
    submission = a_submission().to("H41", "H14")

    accepted, handed_over = await hub.accept(submission.admitted())

    assert [(each.recipient, each.body) for each in documents(handed_over)] == [
        ("H41", submission.body),
        ("H14", submission.body),
    ]
    assert [each.delivery_id for each in documents(handed_over)] == list(accepted.deliveries)


async def test_the_acceptance_names_what_was_submitted_and_who_gets_it(hub: HubProcess) -> None:
    submission = a_submission().to("H41", "H14")

    accepted, handed_over = await hub.accept(submission.admitted())

    (receipt,) = receipts(handed_over)
    assert receipt.event is ACCEPTANCE
    assert receipt.submission_id == submission.submission_id
    assert receipt.message_id == accepted.message_id
    assert receipt.digest == submission.received().digest
    assert [(each.recipient, each.delivery_id, each.lane_number) for each in receipt.subjects] == [
        ("H41", accepted.deliveries[0], 1),
        ("H14", accepted.deliveries[1], 1),
    ]


async def test_an_acceptance_goes_to_the_queue_of_who_submitted(hub: HubProcess) -> None:
    _, handed_over = await hub.accept(a_submission(sender="G22.01", mailbox="G22").admitted())

    (letter,) = of_kind(handed_over, MessageKind.RECEIPT)
    assert (letter.mailbox, letter.recipient) == ("G22", "G22.01")
    assert letter.event is ACCEPTANCE


async def test_outcomes_come_in_the_order_of_the_decisions(hub: HubProcess) -> None:
    known = a_submission()
    await hub.accept(known.admitted())

    committed = await hub.commit(
        a_submission().refused(),
        again(known).admitted(),
        a_submission().admitted(),
        a_submission().status(StatusCode.ARRIVED, by="H41"),
    )

    kinds = [type(outcome) for outcome in committed.outcomes]
    assert kinds == [Rejected, Repeated, Accepted, Postponed]


async def test_nothing_is_written_when_signing_fails(hub: HubProcess) -> None:
    submission = a_submission()

    async def broken_pen(_: object) -> list[bytes]:
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError):
        await hub.seam.commit([submission.admitted()], broken_pen)

    assert await hub.claim() == []
    assert isinstance(await hub.decide(submission.admitted()), Accepted)


# Transport dedupe ------------------------------------------------------------------------------------------


async def test_a_repeated_submission_is_answered_with_the_stored_bytes_and_nothing_else(
    hub: HubProcess,
) -> None:
    submission = a_submission()
    accepted, first = await hub.accept(submission.admitted())

    committed = await hub.commit(again(submission).admitted())

    assert committed.outcomes == (Repeated(message_id=accepted.message_id),)
    (stored,) = of_kind(first, MessageKind.RECEIPT)
    assert [each.body for each in committed.handed_over] == [stored.body]
    assert committed.handed_over[0].delivery_id != stored.delivery_id


async def test_the_same_submission_twice_in_one_batch_has_one_effect(hub: HubProcess) -> None:
    submission = a_submission()

    committed = await hub.commit(submission.admitted(), again(submission).admitted())

    first, second = committed.outcomes
    assert isinstance(first, Accepted)
    assert second == Repeated(message_id=first.message_id)
    assert len(documents(committed.handed_over)) == 1
    letters = of_kind(committed.handed_over, MessageKind.RECEIPT)
    assert [each.body for each in letters] == [letters[0].body] * 2


async def test_the_same_id_with_other_bytes_is_a_conflict(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())

    outcome = await hub.decide(a_submission(submission_id=submission.submission_id).admitted())

    assert code_of(outcome) is RejectionCode.SUBMISSION_ID_REUSED


async def test_of_one_id_with_two_contents_in_one_batch_the_first_wins(hub: HubProcess) -> None:
    batch = [a_submission(submission_id="mine") for _ in range(5)]

    committed = await hub.commit(*(each.admitted() for each in batch))

    kinds = [type(outcome) for outcome in committed.outcomes]
    assert kinds == [Accepted, Rejected, Rejected, Rejected, Rejected]


async def test_the_same_bytes_under_another_id_are_the_same_submission(hub: HubProcess) -> None:
    submission = a_submission()
    accepted, _ = await hub.accept(submission.admitted())

    committed = await hub.commit(again(submission).with_(submission_id="other").admitted())

    assert committed.outcomes == (Repeated(message_id=accepted.message_id),)
    assert [each.correlation_id for each in committed.handed_over] == ["other"]


async def test_the_same_bytes_under_another_id_in_one_batch_are_both_answered(hub: HubProcess) -> None:
    submission = a_submission(submission_id="one")

    committed = await hub.commit(
        submission.admitted(), again(submission).with_(submission_id="other").admitted()
    )

    letters = of_kind(committed.handed_over, MessageKind.RECEIPT)
    assert sorted(each.correlation_id for each in letters) == ["one", "other"]
    assert len({each.body for each in letters}) == 1


async def test_two_units_behind_one_mailbox_may_choose_the_same_id(hub: HubProcess) -> None:
    submission = a_submission(submission_id="1", sender="G22.01", mailbox="G22")

    committed = await hub.commit(
        submission.admitted(), a_submission(submission_id="1", sender="G22.02", mailbox="G22").admitted()
    )

    assert [type(outcome) for outcome in committed.outcomes] == [Accepted, Accepted]


async def test_a_corrected_submission_is_not_answered_with_the_old_refusal(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.commit(submission.refused())

    outcome = await hub.decide(again(submission).admitted())

    assert isinstance(outcome, Accepted)


async def test_a_refusal_that_is_handed_in_again_by_the_broker_is_answered_as_before(hub: HubProcess) -> None:
    submission = a_submission()
    first = await hub.commit(submission.refused())

    second = await hub.commit(submission.refused())

    (outcome,) = first.outcomes
    assert isinstance(outcome, Rejected)
    assert second.outcomes == (Repeated(message_id=outcome.message_id),)
    assert [each.body for each in second.handed_over] == [each.body for each in first.handed_over]


async def test_what_was_refused_stays_refused_when_the_broker_hands_the_same_publish_in_again(
    hub: HubProcess,
) -> None:
    """The registry may have changed since: one publish must not be refused and accepted."""
    submission = a_submission()
    first = await hub.commit(submission.refused())

    second = await hub.commit(submission.admitted())

    (outcome,) = first.outcomes
    assert isinstance(outcome, Rejected)
    assert second.outcomes == (Repeated(message_id=outcome.message_id),)
    assert [each.body for each in second.handed_over] == [each.body for each in first.handed_over]


async def test_a_refusal_is_answered_to_the_mailbox_also_where_nothing_could_be_read(hub: HubProcess) -> None:
    committed = await hub.commit(a_submission().refused_unread())

    (receipt,) = receipts(committed.handed_over)
    assert (receipt.event, receipt.mailbox, receipt.sender) == (REJECTION, "G22", None)
    assert [each.code for each in receipt.violations] == [RejectionCode.NO_SIGNATURE]


# Business dedupe -------------------------------------------------------------------------------------------


async def test_the_same_content_is_not_sent_again_to_who_has_it(hub: HubProcess) -> None:
    submission = a_submission().to("H41")
    await hub.accept(submission.admitted())

    accepted, handed_over = await hub.accept(signed_again(submission).to("H41", "H14").admitted())

    assert [each.recipient for each in documents(handed_over)] == ["H14"]
    (receipt,) = receipts(handed_over)
    assert [(each.recipient, each.already_had_it) for each in receipt.subjects] == [
        ("H41", True),
        ("H14", False),
    ]
    assert len(accepted.deliveries) == 1


async def test_the_same_content_twice_in_one_batch_is_sent_once(hub: HubProcess) -> None:
    submission = a_submission()

    committed = await hub.commit(submission.admitted(), signed_again(submission).admitted())

    assert [type(outcome) for outcome in committed.outcomes] == [Accepted, Accepted]
    assert len(documents(committed.handed_over)) == 1


async def test_lane_numbers_have_no_gaps_where_content_was_not_sent_again(hub: HubProcess) -> None:
    """A recipient would take a missing number for a lost document."""
    known = a_submission()
    await hub.accept(known.admitted())

    committed = await hub.commit(
        a_submission().admitted(), signed_again(known).admitted(), a_submission().admitted()
    )
    _, later = await hub.accept(a_submission().admitted())

    assert [each.lane_number for each in documents(committed.handed_over)] == [2, 3]
    assert [each.lane_number for each in documents(later)] == [4]


async def test_a_document_id_stands_for_one_content(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())

    outcome = await hub.decide(signed_again(submission).with_(content="khác").admitted())

    assert code_of(outcome) is RejectionCode.DOCUMENT_ID_REUSED


async def test_a_submission_whose_document_id_clashes_may_be_submitted_again_under_its_id(
    hub: HubProcess,
) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    clashing = signed_again(submission).with_(content="khác")
    await hub.commit(clashing.admitted())

    corrected = clashing.with_(document_id="another")

    assert isinstance(await hub.decide(corrected.admitted()), Accepted)


async def test_two_contents_under_one_document_id_in_one_batch_clash(hub: HubProcess) -> None:
    submission = a_submission()

    committed = await hub.commit(
        submission.admitted(), signed_again(submission).with_(content="khác").admitted()
    )

    assert [type(outcome) for outcome in committed.outcomes] == [Accepted, Rejected]


async def test_a_repeated_submission_that_clashes_is_answered_in_both_copies(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    clashing = signed_again(submission).with_(content="khác", submission_id="one")

    committed = await hub.commit(clashing.admitted(), again(clashing).with_(submission_id="other").admitted())

    assert answered(committed.handed_over) >= {"one", "other"}
    assert {each.event for each in receipts(committed.handed_over)} == {REJECTION}


async def test_other_content_may_follow_once_the_recipient_refused(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))

    accepted, _ = await hub.accept(signed_again(submission).with_(content="sửa").admitted())

    assert len(accepted.deliveries) == 1


async def test_two_corrections_in_one_batch_are_not_both_right(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))

    committed = await hub.commit(
        signed_again(submission).with_(content="sửa").admitted(),
        signed_again(submission).with_(content="sửa nữa").admitted(),
    )

    assert [type(outcome) for outcome in committed.outcomes] == [Accepted, Rejected]


async def test_a_correction_may_go_to_others_too_when_nobody_holds_the_earlier_content(
    hub: HubProcess,
) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))

    outcome = await hub.decide(signed_again(submission).with_(content="sửa").to("H41", "H14").admitted())

    assert isinstance(outcome, Accepted)


async def test_a_correction_may_not_go_to_somebody_new_while_another_holds_the_earlier_content(
    hub: HubProcess,
) -> None:
    submission = a_submission().to("H41", "H14")
    await hub.accept(submission.admitted())
    await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))

    outcome = await hub.decide(signed_again(submission).with_(content="sửa").to("H41", "H29").admitted())

    assert code_of(outcome) is RejectionCode.DOCUMENT_ID_REUSED


async def test_the_same_content_may_follow_once_the_recipient_refused(hub: HubProcess) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())
    await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))

    accepted, _ = await hub.accept(signed_again(submission).admitted())

    assert len(accepted.deliveries) == 1


@pytest.mark.parametrize("kind", [BusinessType.RECALL, BusinessType.UPDATE, BusinessType.REPLACEMENT])
async def test_recalls_updates_and_replacements_go_through_with_other_content(
    hub: HubProcess, kind: BusinessType
) -> None:
    submission = a_submission()
    await hub.accept(submission.admitted())

    first = signed_again(submission).with_(business_type=kind, content="một")
    second = signed_again(submission).with_(business_type=kind, content="hai")

    assert len((await hub.accept(first.admitted()))[0].deliveries) == 1
    assert len((await hub.accept(second.admitted()))[0].deliveries) == 1
    assert (await hub.accept(signed_again(second).admitted()))[0].deliveries == ()


# Order -----------------------------------------------------------------------------------------------------


async def test_numbers_are_dense_on_each_lane_in_the_order_of_acceptance(store: StoreUnderTest) -> None:
    one, two = await store.process(), await store.process()
    numbers: dict[str, list[int]] = {"H41": [], "H14": []}

    for hub in (one, two, two, one):
        committed = await hub.commit(
            *(a_submission().to(*recipients).admitted() for recipients in (("H41", "H14"), ("H41",)))
        )
        claimed = [*committed.handed_over, *await hub.claim()]
        for entry in documents(claimed):
            numbers[entry.recipient].append(entry.lane_number)
        await hub.deliver(claimed)

    assert numbers == {"H41": list(range(1, 9)), "H14": list(range(1, 5))}


async def test_urgent_documents_have_a_lane_of_their_own(hub: HubProcess) -> None:
    await hub.accept(a_submission().admitted())

    _, handed_over = await hub.accept(a_submission(priority=2).admitted())

    (urgent,) = documents(handed_over)
    assert (urgent.is_urgent, urgent.lane_number) == (True, 1)


async def test_a_recall_keeps_its_place_however_urgent_it_is(hub: HubProcess) -> None:
    submission = a_submission(priority=2)
    await hub.accept(submission.admitted())

    recall = signed_again(submission).with_(business_type=BusinessType.RECALL)
    _, handed_over = await hub.accept(recall.admitted())

    assert [each.is_urgent for each in documents(handed_over)] == [False]


# Statuses --------------------------------------------------------------------------------------------------


async def accepted(hub: HubProcess, submission: Submission) -> tuple[DeliveryId, ...]:
    outcome, handed_over = await hub.accept(submission.admitted())
    await hub.deliver(handed_over)
    return outcome.deliveries


async def test_a_status_moves_its_delivery_and_is_forwarded_to_the_sender(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)
    status = submission.status(StatusCode.ARRIVED, by="H41")

    _, handed_over = await hub.accept(status)

    assert await store.state_of(delivery) is DeliveryState.ARRIVED
    (forwarded,) = of_kind(handed_over, MessageKind.STATUS)
    assert (forwarded.mailbox, forwarded.sender) == ("G22", "H41")
    assert forwarded.body == status.authorized.valid.verified.received.body


async def test_an_arrival_makes_the_handover_true_once(hub: HubProcess) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)

    _, first = await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))
    _, second = await hub.accept(submission.status(StatusCode.ACCEPTED, by="H41"))

    (receipt,) = receipts(first)
    assert (receipt.event, receipt.submission_id) == (HANDOVER, submission.submission_id)
    assert [each.delivery_id for each in receipt.subjects] == [delivery]
    assert receipts(second) == []


async def test_an_arrival_that_comes_after_a_later_status_still_makes_the_handover_true(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)
    await hub.accept(submission.status(StatusCode.PROCESSING, by="H41"))

    _, handed_over = await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))

    assert [receipt.event for receipt in receipts(handed_over)] == [HANDOVER]
    assert await store.state_of(delivery) is DeliveryState.PROCESSING


async def test_a_repeated_status_is_recorded_and_changes_nothing(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)
    status = submission.status(StatusCode.ARRIVED, by="H41")
    await hub.commit(status)

    committed = await hub.commit(status)

    assert isinstance(committed.outcomes[0], Repeated)
    assert committed.handed_over == ()
    assert await store.state_of(delivery) is DeliveryState.ARRIVED


async def test_two_statuses_about_one_delivery_in_one_batch_both_count(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)

    committed = await hub.commit(
        submission.status(StatusCode.ARRIVED, by="H41"), submission.status(StatusCode.ACCEPTED, by="H41")
    )

    assert await store.state_of(delivery) is DeliveryState.ACCEPTED
    assert len(of_kind(committed.handed_over, MessageKind.STATUS)) == 2
    assert len(receipts(committed.handed_over, HANDOVER)) == 1


async def test_a_status_waits_for_its_document_and_is_refused_in_the_end(hub: HubProcess) -> None:
    early = a_submission().status(StatusCode.ARRIVED, by="H41")
    late = a_submission(received_at=long_ago()).status(StatusCode.ARRIVED, by="H41")

    committed = await hub.commit(early, late)

    first, second = committed.outcomes
    assert first == Postponed()
    assert code_of(second) is RejectionCode.NO_SUCH_DELIVERY
    assert [receipt.event for receipt in receipts(committed.handed_over)] == [REJECTION]


async def test_only_a_few_statuses_of_one_mailbox_may_wait_for_long(hub: HubProcess) -> None:
    a_while_ago = datetime.now(UTC) - timedelta(seconds=3)
    flood = [
        a_submission(received_at=a_while_ago).status(StatusCode.ARRIVED, by="H41") for _ in range(FEW + 2)
    ]
    other = a_submission(received_at=a_while_ago).status(StatusCode.ARRIVED, by="H14")

    committed = await hub.commit(*flood, other)

    kinds = [type(outcome) for outcome in committed.outcomes]
    assert kinds == [Postponed] * FEW + [Rejected] * 2 + [Postponed]


async def test_a_postponed_status_counts_once_its_document_is_there(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    status = submission.status(StatusCode.ARRIVED, by="H41")
    assert await hub.decide(status) == Postponed()
    (delivery,) = await accepted(hub, submission)

    outcome = await hub.decide(status)

    assert isinstance(outcome, Accepted)
    assert await store.state_of(delivery) is DeliveryState.ARRIVED


async def test_who_is_no_party_to_a_delivery_cannot_report_on_it(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission(received_at=long_ago())
    (delivery,) = await accepted(hub, submission)

    outcome = await hub.decide(
        submission.with_(claimed_delivery=delivery).status(StatusCode.REFUSED, by="H14")
    )

    assert code_of(outcome) is RejectionCode.NO_SUCH_DELIVERY
    assert await store.state_of(delivery) is DeliveryState.CONSIGNED


async def test_the_delivery_id_decides_between_several_deliveries_of_one_document(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (older,) = await accepted(hub, submission)
    (newer,) = await accepted(hub, signed_again(submission).with_(business_type=BusinessType.UPDATE))

    await hub.accept(submission.with_(claimed_delivery=older).status(StatusCode.ARRIVED, by="H41"))
    await hub.accept(submission.status(StatusCode.ACCEPTED, by="H41"))

    assert await store.state_of(older) is DeliveryState.ARRIVED
    assert await store.state_of(newer) is DeliveryState.ACCEPTED


async def test_a_delivery_id_of_other_parties_is_not_believed(hub: HubProcess, store: StoreUnderTest) -> None:
    submission, other = a_submission(), a_submission().to("H14")
    (delivery,) = await accepted(hub, submission)
    (foreign,) = await accepted(hub, other)

    await hub.accept(submission.with_(claimed_delivery=foreign).status(StatusCode.ARRIVED, by="H41"))

    assert await store.state_of(delivery) is DeliveryState.ARRIVED
    assert await store.state_of(foreign) is DeliveryState.CONSIGNED


async def test_a_sender_asks_for_a_recall_and_the_recipient_agrees(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)

    _, asked = await hub.accept(submission.status(StatusCode.RECALL_REQUESTED, by="H41"))
    _, agreed = await hub.accept(submission.status(StatusCode.CHANGE_ACCEPTED, by="H41"))

    assert [each.mailbox for each in of_kind(asked, MessageKind.STATUS)] == ["H41"]
    assert [each.mailbox for each in of_kind(agreed, MessageKind.STATUS)] == ["G22"]
    assert await store.state_of(delivery) is DeliveryState.RECALLED


async def test_an_acknowledgement_ends_the_promise_to_publish_again(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    (delivery,) = await accepted(hub, submission)
    await hub.come_back(returned(delivery))

    await hub.deliver((await hub.commit(submission.status(StatusCode.ARRIVED, by="H41"))).handed_over)

    assert await hub.claim() == []
    assert await store.state_of(delivery) is DeliveryState.ARRIVED


async def given_up(hub: HubProcess, submission: Submission) -> DeliveryId:
    (delivery,) = await accepted(hub, submission)
    await hub.deliver(await hub.come_back(returned(delivery), recover=give_up))
    return delivery


async def test_a_late_acknowledgement_of_a_given_up_delivery_closes_its_case(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    delivery = await given_up(hub, submission)
    assert delivery in await store.open_cases()

    _, handed_over = await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))

    assert await store.state_of(delivery) is DeliveryState.ARRIVED
    assert await store.open_cases() == {}
    (receipt,) = receipts(handed_over)
    assert receipt.event is HANDOVER
    assert receipt.supersedes is not None


async def test_after_a_late_acknowledgement_the_recipient_has_it(hub: HubProcess) -> None:
    submission = a_submission()
    await given_up(hub, submission)
    await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))

    outcome, _ = await hub.accept(signed_again(submission).admitted())

    assert outcome.deliveries == ()


async def test_a_late_acknowledgement_counts_also_when_the_content_was_sent_again_meanwhile(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    delivery = await given_up(hub, submission)
    (newer,) = await accepted(hub, signed_again(submission))

    await hub.accept(submission.with_(claimed_delivery=delivery).status(StatusCode.ARRIVED, by="H41"))

    assert await store.state_of(delivery) is DeliveryState.ARRIVED
    assert await store.state_of(newer) is DeliveryState.CONSIGNED
    assert (await hub.accept(signed_again(submission).admitted()))[0].deliveries == ()


async def test_receipts_are_handed_over_with_the_bytes_that_were_signed(hub: HubProcess) -> None:
    signed: list[bytes] = []

    async def pen(wanted: Sequence[Receipt]) -> list[ReceiptSheet]:
        sheets = await plain_pen(wanted)
        signed.extend(sheet.body for sheet in sheets)
        return sheets

    committed = await hub.seam.commit([a_submission().admitted(), a_submission().refused()], pen)

    sent: list[OutboxEntry] = of_kind(committed.handed_over, MessageKind.RECEIPT)
    assert [each.body for each in sent] == signed
