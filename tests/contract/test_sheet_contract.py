"""Receipts that become true in one transaction travel together, in the twin as on the real one."""

from collections.abc import Sequence

from hub.message.edxml import MessageKind, StatusCode
from hub.message.outbox import OutboxEntry, PublishResult
from hub.message.receipt import ReceiptEvent
from tests.support.decisions import a_submission, again, read_all
from tests.support.store import (
    HubProcess,
    StoreUnderTest,
    documents,
    give_up,
    of_kind,
    receipts,
    retry_at_once,
    returned,
)

ACCEPTANCE, REJECTION = ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION
CONSIGNMENT, HANDOVER = ReceiptEvent.CONTENT_CONSIGNMENT, ReceiptEvent.CONTENT_HANDOVER


def letters(entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    return of_kind(entries, MessageKind.RECEIPT)


async def two_accepted(hub: HubProcess) -> tuple[OutboxEntry, list[OutboxEntry]]:
    """Accept two documents together; return the sheet that says so, and the documents."""
    committed = await hub.commit(a_submission().admitted(), a_submission().admitted())
    (sheet,) = letters(committed.handed_over)
    return sheet, documents(committed.handed_over)


async def test_what_one_commit_accepts_for_an_agency_is_told_on_one_sheet(hub: HubProcess) -> None:
    first, second = a_submission(), a_submission()

    committed = await hub.commit(first.admitted(), second.admitted())

    (sheet,) = letters(committed.handed_over)
    told = read_all(sheet.body)
    assert [each.submission_id for each in told] == [first.submission_id, second.submission_id]
    assert (sheet.event, sheet.message_id, sheet.document_id) == (ACCEPTANCE, None, None)
    assert sheet.correlation_id == str(told[0].receipt_id)


async def test_what_is_accepted_alone_is_told_alone(hub: HubProcess) -> None:
    submission = a_submission()

    committed = await hub.commit(submission.admitted())

    (letter,) = letters(committed.handed_over)
    assert (letter.correlation_id, letter.document_id) == (submission.submission_id, submission.document_id)
    assert letter.message_id == documents(committed.handed_over)[0].message_id
    assert len(read_all(letter.body)) == 1


async def test_agencies_are_told_apart_behind_one_mailbox_too(hub: HubProcess) -> None:
    units = [a_submission(mailbox="G22", sender=sender) for sender in ("G22.01", "G22.02", "G22.01")]

    committed = await hub.commit(*(each.admitted() for each in units))

    told = [{each.sender for each in read_all(letter.body)} for letter in letters(committed.handed_over)]
    assert told == [{"G22.01"}, {"G22.02"}]


async def test_several_events_of_one_agency_share_a_sheet(hub: HubProcess) -> None:
    committed = await hub.commit(a_submission().admitted(), a_submission().refused())

    (sheet,) = letters(committed.handed_over)
    assert [each.event for each in read_all(sheet.body)] == [ACCEPTANCE, REJECTION]
    assert sheet.event is None


async def test_consignments_that_are_recorded_together_share_a_sheet(hub: HubProcess) -> None:
    _, sent = await two_accepted(hub)

    (sheet,) = await hub.record(sent)

    assert [each.event for each in read_all(sheet.body)] == [CONSIGNMENT, CONSIGNMENT]


async def test_a_confirmed_sheet_causes_nothing_more(hub: HubProcess) -> None:
    sheet, _ = await two_accepted(hub)

    assert await hub.record([sheet]) == []
    assert await hub.claim() == []


async def test_a_sheet_that_was_given_back_to_the_outbox_is_claimed_as_it_was(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    sheet, _ = await two_accepted(hub)

    await hub.outbox.release([sheet])

    assert await other.claim() == [sheet]


async def test_a_sheet_that_comes_back_is_tried_again_in_the_same_bytes(hub: HubProcess) -> None:
    sheet, _ = await two_accepted(hub)
    await hub.record([sheet])

    await hub.come_back(returned(sheet.delivery_id), recover=retry_at_once)

    (retried,) = await hub.claim()
    assert (retried.delivery_id, retried.attempt, retried.body) == (sheet.delivery_id, 2, sheet.body)
    assert (retried.correlation_id, retried.event) == (sheet.correlation_id, ACCEPTANCE)


async def test_a_sheet_without_a_queue_is_tried_again(hub: HubProcess) -> None:
    sheet, _ = await two_accepted(hub)

    await hub.record([sheet], PublishResult.UNROUTABLE)

    assert [each.attempt for each in await hub.claim()] == [2]


async def test_a_sheet_that_is_given_up_is_a_case_and_causes_no_receipt(store: StoreUnderTest) -> None:
    hub = await store.process()
    sheet, _ = await two_accepted(hub)
    await hub.record([sheet])

    told = await hub.come_back(returned(sheet.delivery_id), recover=give_up)

    assert list(told) == []
    assert list(await store.open_cases()) == [sheet.delivery_id]


async def test_a_repeated_submission_gets_the_whole_sheet_under_its_own_name(hub: HubProcess) -> None:
    first, second = a_submission(), a_submission()
    committed = await hub.commit(first.admitted(), second.admitted())
    (sheet,) = letters(committed.handed_over)

    repeated = await hub.commit(again(second).admitted())

    (letter,) = letters(repeated.handed_over)
    assert (letter.body, letter.correlation_id) == (sheet.body, second.submission_id)
    assert letter.event is ACCEPTANCE


async def test_a_batch_that_is_handed_in_again_gets_its_sheet_once(hub: HubProcess) -> None:
    """As after a crash between commit and acknowledgement."""
    batch = [a_submission() for _ in range(5)]
    committed = await hub.commit(*(each.admitted() for each in batch))
    (sheet,) = letters(committed.handed_over)

    repeated = await hub.commit(*(again(each).admitted() for each in batch))

    (letter,) = letters(repeated.handed_over)
    assert (letter.body, letter.correlation_id) == (sheet.body, sheet.correlation_id)


async def test_what_is_repeated_under_another_name_is_answered_under_that_name(hub: HubProcess) -> None:
    batch = [a_submission() for _ in range(3)]
    await hub.commit(*(each.admitted() for each in batch))

    repeated = await hub.commit(
        again(batch[0]).with_(submission_id="other").admitted(),
        *(again(each).admitted() for each in batch[1:]),
    )

    names = [each.correlation_id for each in letters(repeated.handed_over)]
    assert len(names) == 2
    assert "other" in names


async def test_answers_from_several_sheets_are_all_repeated(hub: HubProcess) -> None:
    first, second = a_submission(), a_submission()
    await hub.commit(first.admitted())
    await hub.commit(second.admitted())

    repeated = await hub.commit(again(first).admitted(), again(second).admitted())

    names = {each.correlation_id for each in letters(repeated.handed_over)}
    assert names == {first.submission_id, second.submission_id}


async def test_handovers_reported_together_share_a_sheet_and_each_stands_once(hub: HubProcess) -> None:
    submissions = [a_submission(), a_submission()]
    committed = await hub.commit(*(each.admitted() for each in submissions))
    await hub.deliver(documents(committed.handed_over))

    reported = await hub.commit(*(each.status(StatusCode.ARRIVED, by="H41") for each in submissions))
    repeated = await hub.commit(*(each.status(StatusCode.ACCEPTED, by="H41") for each in submissions))

    (sheet,) = letters(reported.handed_over)
    assert [each.event for each in receipts([sheet])] == [HANDOVER, HANDOVER]
    assert letters(repeated.handed_over) == []
