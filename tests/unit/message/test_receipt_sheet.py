from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from hub.message.identifiers import AgencyKey, DocumentId, MailboxName, MessageId, ReceiptId, SubmissionId
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_sheet import MAX_OCTETS, MAX_RECEIPTS, ReceiptSheet, write_sheets
from hub.message.receipt_xml import write_receipt
from tests.support.receipts import a_receipt, another


def about(number: int, **fields: object) -> Receipt:
    """Return a receipt about a message of its own."""
    own: dict[str, object] = {
        "receipt_id": ReceiptId(UUID(int=1000 + number)),
        "submission_id": SubmissionId(f"submission-{number}"),
        "message_id": MessageId(UUID(int=number)),
        "document_id": DocumentId(f"document-{number}"),
    }
    return replace(a_receipt(), **(own | fields))


def on_sheets(sheets: Sequence[ReceiptSheet]) -> list[list[int]]:
    return [[each.message_id.int for each in sheet.receipts] for sheet in sheets]


def test_receipts_for_one_agency_stand_on_one_sheet_in_their_order() -> None:
    assert on_sheets(write_sheets([about(2), about(1), about(3)])) == [[2, 1, 3]]


def test_one_receipt_alone_is_written_as_it_always_was() -> None:
    (sheet,) = write_sheets([a_receipt()])

    assert sheet.body == write_receipt(a_receipt())


def test_a_sheet_never_shows_the_traffic_of_another_agency() -> None:
    behind_another_mailbox = about(2, mailbox=MailboxName("H14"))
    of_another_unit = about(3, sender=AgencyKey("H41.08"))

    sheets = write_sheets([about(1), behind_another_mailbox, of_another_unit, about(4)])

    assert on_sheets(sheets) == [[1, 4], [2], [3]]


def test_what_nobody_is_known_to_have_sent_stands_alone() -> None:
    assert on_sheets(write_sheets([about(1, sender=None), about(2, sender=None)])) == [[1], [2]]


def test_a_sheet_holds_so_many_receipts_and_no_more() -> None:
    sheets = write_sheets([about(number) for number in range(MAX_RECEIPTS + 1)])

    assert [len(sheet.receipts) for sheet in sheets] == [MAX_RECEIPTS, 1]


def test_a_sheet_holds_so_many_octets_and_no_more() -> None:
    sheets = write_sheets([about(number, cause="x" * (MAX_OCTETS // 2)) for number in range(3)])

    assert on_sheets(sheets) == [[0], [1], [2]]


def test_a_receipt_that_is_larger_than_a_sheet_stands_alone() -> None:
    assert on_sheets(write_sheets([about(1), about(2, cause="x" * MAX_OCTETS), about(3)])) == [[1], [2], [3]]


def test_a_sheet_is_called_after_its_first_receipt() -> None:
    (sheet,) = write_sheets([about(1), about(2)])

    assert sheet.sheet_id == about(1).receipt_id
    assert sheet.correlation_id == str(about(1).receipt_id)


def test_a_sheet_about_several_messages_belongs_to_none_of_them() -> None:
    (sheet,) = write_sheets([about(1), about(2)])

    assert (sheet.message_id, sheet.document_id) == (None, None)


def test_a_sheet_about_one_message_answers_its_submission() -> None:
    (sheet,) = write_sheets([about(1), another(about(1))])

    assert (sheet.message_id, sheet.correlation_id) == (about(1).message_id, "submission-1")


@pytest.mark.parametrize(
    ("second", "event"),
    [
        (ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_ACCEPTANCE),
        (ReceiptEvent.CONTENT_HANDOVER, None),
    ],
)
def test_a_sheet_names_its_event_where_that_is_one(second: ReceiptEvent, event: ReceiptEvent | None) -> None:
    (sheet,) = write_sheets([about(1), about(2, event=second)])

    assert sheet.event == event
