from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.errors import SchemaViolation
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import (
    DocumentId,
    ReceiptId,
    SubmissionId,
)
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_sheet import write_sheets
from hub.message.receipt_xml import (
    RECEIPT_NAMESPACE,
    find_receipt,
    read_receipt,
    read_receipts,
    write_content,
    write_receipt,
)
from hub.signature.core_validation import canonical
from hub.signature.signing import sign_receipt
from tests.support.authority import agency_signing_key
from tests.support.receipts import a_failure, a_receipt, a_refusal, another

SCHEMAS = Path(__file__).parents[3] / "schemas/receipt/1.0"
VALID = sorted((SCHEMAS / "examples/valid").glob("*.xml"))
INVALID = sorted((SCHEMAS / "examples/invalid").glob("*.xml"))


def through_bytes(receipt: Receipt) -> Receipt:
    return read_receipt(written(receipt))


def written(receipt: Receipt) -> etree._Element:
    return parse_hardened(write_receipt(receipt))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(SCHEMAS / "receipt.xsd")))


@pytest.mark.parametrize(
    "receipt", [a_receipt(), a_refusal(), a_failure()], ids=lambda each: each.event.value
)
def test_a_receipt_comes_back_as_it_was_written(receipt: Receipt) -> None:
    assert through_bytes(receipt) == receipt


@pytest.mark.parametrize(
    "receipt", [a_receipt(), a_refusal(), a_failure()], ids=lambda each: each.event.value
)
def test_what_is_written_and_signed_follows_the_schema(receipt: Receipt, schema: etree.XMLSchema) -> None:
    signed = parse_hardened(sign_receipt(write_receipt(receipt), agency_signing_key("HUB")))

    schema.assertValid(signed)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=50))
def test_whatever_text_xml_can_carry_survives(text: str) -> None:
    receipt = replace(a_receipt(), submission_id=SubmissionId(text), document_id=DocumentId(text), cause=text)

    assert through_bytes(receipt) == receipt


@given(st.text(max_size=50))
def test_no_text_at_all_makes_writing_fail(text: str) -> None:
    receipt = replace(a_receipt(), submission_id=SubmissionId(text), cause=text)

    assert len(through_bytes(receipt).submission_id) == len(text)


@given(st.text(max_size=50))
def test_what_is_written_is_in_canonical_form(text: str) -> None:
    receipt = replace(a_refusal(), submission_id=SubmissionId(text), cause=text)

    assert write_receipt(receipt) == canonical(written(receipt))


def test_a_sheet_is_written_in_canonical_form(schema: etree.XMLSchema) -> None:
    (sheet,) = write_sheets([a_receipt(), another(a_failure())])

    assert sheet.body == canonical(parse_hardened(sheet.body))
    schema.assertValid(parse_hardened(sign_receipt(sheet.body, agency_signing_key("HUB"))))


def test_a_sheet_comes_back_as_it_was_written() -> None:
    (sheet,) = write_sheets([a_receipt(), another(a_failure())])

    assert read_receipts(parse_hardened(sheet.body)) == (a_receipt(), another(a_failure()))


def test_one_receipt_is_found_on_a_sheet() -> None:
    (sheet,) = write_sheets([a_receipt(), another(a_failure())])
    root = parse_hardened(sheet.body)

    assert find_receipt(root, another(a_failure()).receipt_id) == another(a_failure())
    with pytest.raises(LookupError):
        find_receipt(root, ReceiptId(UUID(int=99)))


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"<Receipt>%s</Receipt>" % write_content(a_receipt()),
        b"<Receipt>%s</Receipt>" % write_content(a_receipt()) * 2,
        b"<Receipts><Receipt>%s</Receipt></Receipts>" % write_content(a_receipt()) * 2,
        b"<Receipt>%s</Receipt><Other/>" % write_content(a_receipt()),
    ],
    ids=["empty", "only one", "the same twice", "nested", "something else"],
)
def test_what_is_no_sheet_of_several_receipts_is_refused(contents: bytes) -> None:
    root = parse_hardened(b'<Receipts xmlns="%s">%s</Receipts>' % (RECEIPT_NAMESPACE.encode(), contents))

    with pytest.raises(SchemaViolation):
        read_receipts(root)


def test_a_control_character_is_shown_by_its_picture() -> None:
    receipt = replace(a_receipt(), submission_id=SubmissionId("a\x00b\x1bc\r\nd"))

    assert through_bytes(receipt).submission_id == "a␀b␛c\r\nd"


def test_times_are_written_as_in_vietnam() -> None:
    assert written(a_receipt()).findtext("{*}IssuedAt") == "2026-05-30T09:15:04.120000+07:00"


def test_violations_are_written_in_both_languages() -> None:
    sentences = written(a_refusal()).findall("{*}Violation/{*}Sentence")

    languages = [sentence.get("{http://www.w3.org/XML/1998/namespace}lang") for sentence in sentences]
    assert languages == ["vi", "en", "vi", "en"]


@pytest.mark.parametrize("name", ["ReceiptId", "Event", "IssuedAt", "Digest", "MessageId", "Episode"])
def test_a_receipt_without_what_it_needs_is_refused(name: str) -> None:
    root = written(a_receipt())
    missing = root.find(f"{{*}}{name}")
    assert missing is not None
    root.remove(missing)

    with pytest.raises(SchemaViolation, match=name):
        read_receipt(root)


def test_another_document_is_no_receipt() -> None:
    with pytest.raises(SchemaViolation, match="not a receipt"):
        read_receipt(parse_hardened(b"<Receipt/>"))


@pytest.mark.parametrize("example", VALID, ids=lambda path: path.stem)
def test_a_valid_example_is_valid_and_readable(example: Path, schema: etree.XMLSchema) -> None:
    root = parse_hardened(example.read_bytes())

    schema.assertValid(root)
    assert all(each.message_id for each in read_receipts(root))


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_invalid(example: Path, schema: etree.XMLSchema) -> None:
    assert not schema.validate(parse_hardened(example.read_bytes()))


def test_there_is_a_valid_example_of_every_event() -> None:
    read = [each for example in VALID for each in read_receipts(parse_hardened(example.read_bytes()))]
    events = {each.event for each in read}

    assert events == set(ReceiptEvent)
    assert INVALID
