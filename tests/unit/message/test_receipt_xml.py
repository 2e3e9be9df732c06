from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.errors import RejectionCode, SchemaViolation
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
    digest_of,
)
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent, ReceiptSubject
from hub.message.receipt_xml import read_receipt, write_receipt
from hub.message.refusal import violation
from hub.signature.signing import sign_receipt
from tests.support.authority import agency_signing_key

SCHEMAS = Path(__file__).parents[3] / "schemas/receipt/1.0"
VALID = sorted((SCHEMAS / "examples/valid").glob("*.xml"))
INVALID = sorted((SCHEMAS / "examples/invalid").glob("*.xml"))


def a_receipt() -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(UUID(int=1)),
        event=ReceiptEvent.SUBMISSION_ACCEPTANCE,
        issued_at=datetime(2026, 5, 30, 2, 15, 4, 120_000, UTC),
        mailbox=MailboxName("H41"),
        submission_id=SubmissionId("h41-17"),
        message_id=MessageId(UUID(int=2)),
        digest=digest_of(b"the submitted bytes"),
        sender=AgencyKey("H41.07"),
        document_id=DocumentId("H41.07,2026/05/30,12/TB-UBND"),
        subjects=(
            ReceiptSubject(recipient=AgencyKey("G22"), delivery_id=DeliveryId(UUID(int=3)), lane_number=17),
            ReceiptSubject(recipient=AgencyKey("H29.14"), attempt=2, already_had_it=True),
        ),
    )


def a_refusal() -> Receipt:
    broken = (
        violation(RejectionCode.NO_SIGNATURE, path="/edXML", rule="XMLDSIG 1.1 §4.1"),
        violation(RejectionCode.UNKNOWN_RECIPIENT, path="/To[2]", rule="recipients", recipient="H99 <&>"),
    )
    refusal = replace(a_receipt(), event=ReceiptEvent.SUBMISSION_REJECTION, subjects=(), violations=broken)
    return replace(refusal, sender=None, document_id=None)


def a_failure() -> Receipt:
    return replace(
        a_receipt(),
        event=ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
        failure=FailureKind.UNKNOWN,
        cause="",
        episode=2,
        supersedes=ReceiptId(UUID(int=9)),
    )


def through_bytes(receipt: Receipt) -> Receipt:
    return read_receipt(parse_hardened(etree.tostring(write_receipt(receipt), encoding="UTF-8")))


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


def test_a_control_character_is_shown_by_its_picture() -> None:
    receipt = replace(a_receipt(), submission_id=SubmissionId("a\x00b\x1bc\r\nd"))

    assert through_bytes(receipt).submission_id == "a␀b␛c\r\nd"


def test_times_are_written_as_in_vietnam() -> None:
    assert write_receipt(a_receipt()).findtext("{*}IssuedAt") == "2026-05-30T09:15:04.120000+07:00"


def test_violations_are_written_in_both_languages() -> None:
    sentences = write_receipt(a_refusal()).findall("{*}Violation/{*}Sentence")

    languages = [sentence.get("{http://www.w3.org/XML/1998/namespace}lang") for sentence in sentences]
    assert languages == ["vi", "en", "vi", "en"]


@pytest.mark.parametrize("name", ["ReceiptId", "Event", "IssuedAt", "Digest", "MessageId", "Episode"])
def test_a_receipt_without_what_it_needs_is_refused(name: str) -> None:
    root = write_receipt(a_receipt())
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
    assert read_receipt(root).message_id


@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_invalid(example: Path, schema: etree.XMLSchema) -> None:
    assert not schema.validate(parse_hardened(example.read_bytes()))


def test_there_is_a_valid_example_of_every_event() -> None:
    events = {read_receipt(parse_hardened(example.read_bytes())).event for example in VALID}

    assert events == set(ReceiptEvent)
    assert INVALID
