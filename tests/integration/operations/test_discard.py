import pytest

from hub.backends.postgres.desk import CaseFilter
from hub.errors import OperationRefused
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.properties import DEAD_LETTER_QUEUE
from hub.message.receipt import FailureKind, ReceiptEvent
from hub.ports import InvalidMessage
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission, long_ago, plain_pen, signed_again
from tests.support.store import documents, receipts

REASON = "gửi nhầm, đơn vị gửi đã đồng ý"


async def test_the_sender_of_a_discarded_document_is_told_with_a_signed_reason(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    (first,) = await office.store.fetch("select receipt_id from receipts where event like '%Failure'")

    handled = await office.desk().discard(await office.cases(), reason=REASON, attest=plain_pen)

    entries = await office.published()
    (failure,) = receipts(entries, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
    assert len(handled.done) == 1
    assert (failure.failure, failure.cause) == (FailureKind.DISCARDED, REASON)
    assert (failure.supersedes, failure.episode) == (first[0], 2)
    assert [each.delivery_id for each in failure.subjects] == [dead.delivery_id]
    assert [(entry.mailbox, entry.recipient) for entry in entries] == [("G22", "G22")]
    assert await office.store.state_of(dead.delivery_id) is DeliveryState.DISCARDED


async def test_nothing_is_discarded_where_the_failure_cannot_be_signed(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())

    async def broken_pen(_receipts: object) -> list[bytes]:
        raise RuntimeError("the key is gone")

    with pytest.raises(RuntimeError):
        await office.desk().discard(await office.cases(), reason=REASON, attest=broken_pen)

    assert await office.store.state_of(dead.delivery_id) is DeliveryState.DEAD
    assert len(await office.cases()) == 1


async def test_a_discard_needs_a_reason(office: Office) -> None:
    await office.dead_letters(a_submission())

    with pytest.raises(OperationRefused, match="reason"):
        await office.desk().discard(await office.cases(), reason="  ", attest=plain_pen)

    assert len(await office.cases()) == 1


async def test_what_was_discarded_is_not_replayed(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()
    await office.desk().discard(cases, reason=REASON, attest=plain_pen)

    handled = await office.desk().replay(cases)

    assert handled.refused[0].reason == "the case is closed already (discarded)"
    assert documents(await office.published()) == []


async def test_the_same_content_may_be_sent_again_after_a_discard(office: Office) -> None:
    document = a_submission()
    await office.dead_letters(document)
    await office.desk().discard(await office.cases(), reason=REASON, attest=plain_pen)

    _, entries = await office.hub.accept(signed_again(document).admitted())

    assert len(documents(entries)) == 1


async def test_a_recipient_that_found_it_after_all_is_believed_after_a_discard(office: Office) -> None:
    document = a_submission()
    (dead,) = await office.dead_letters(document)
    await office.desk().discard(await office.cases(), reason=REASON, attest=plain_pen)

    await office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))

    assert await office.store.state_of(dead.delivery_id) is DeliveryState.ARRIVED


async def test_what_the_hub_could_not_process_is_discarded_without_a_receipt_and_never_replayed(
    office: Office,
) -> None:
    lost = InvalidMessage(
        queue=DEAD_LETTER_QUEUE, body=b"?", claimed_by="G22", reason="delivery_limit", at=long_ago()
    )
    await office.store.quarantine().keep([lost])
    cases = await office.cases()

    replayed = await office.desk().replay(cases)
    discarded = await office.desk().discard(cases, reason=REASON, attest=plain_pen)

    assert "submit it again" in replayed.refused[0].reason
    assert discarded.done == tuple(cases)
    assert await office.published() == []


async def test_cases_are_found_by_mailbox_sender_and_cause(office: Office) -> None:
    await office.dead_letters(a_submission().to("H41"))
    await office.dead_letters(a_submission().to("H14"))
    await office.dead_letters(a_submission(sender="H29", mailbox="H29").to("H14"))
    desk = office.desk()

    by_mailbox = await desk.find(CaseFilter(mailbox="H14"))
    by_sender = await desk.find(CaseFilter(sender="H29"))
    by_cause = await desk.find(CaseFilter(cause="REJECTED"))
    by_other_cause = await desk.find(CaseFilter(cause="expired"))

    found = [len(each) for each in (by_mailbox, by_sender, by_cause, by_other_cause)]
    assert found == [2, 1, 3, 0]


async def test_a_case_is_shown_with_every_attempt(office: Office) -> None:
    await office.dead_letters(a_submission())
    (case,) = await office.cases()

    file = await office.desk().show(case)

    assert [each.outcome for each in file.attempts] == ["consigned", "rejected"]
    assert (file.case.recipient, file.case.state) == ("H41", DeliveryState.DEAD)
