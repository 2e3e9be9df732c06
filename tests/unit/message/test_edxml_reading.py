import re
from datetime import date

import pytest

from hub.catalogue import SCHEMAS
from hub.errors import SchemaViolation
from hub.message.edxml import BusinessType, DocumentHeader, StatusCode, StatusHeader
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header, read_header
from hub.message.hardened_xml import parse_hardened
from tests.support.envelopes import a_document, a_status

EXAMPLES = SCHEMAS / "edxml" / "2016" / "examples" / "valid"


def document_in(body: bytes) -> DocumentHeader:
    header = read_header(parse_hardened(body))
    assert isinstance(header, DocumentHeader)
    return header


def test_the_header_of_a_document_is_what_its_sender_wrote() -> None:
    body = a_document().to("H41", "28.22.H17").with_priority(3).with_(due_on=date(2026, 4, 1)).unsigned()

    assert document_in(body) == DocumentHeader(
        sender="G22",
        recipients=("H41", "28.22.H17"),
        document_id="G22,2026/03/09,101/VPTN-TH",
        code_number="101",
        code_notation="VPTN-TH",
        promulgated_on=date(2026, 3, 9),
        subject="V/v kiểm tra đường truyền văn bản",
        business_type=BusinessType.NEW,
        priority=3,
        due_on=date(2026, 4, 1),
        secrecy=None,
    )


def test_the_order_of_elements_does_not_matter() -> None:
    usual = document_in((EXAMPLES / "document-new-java.edxml").read_bytes())

    for name in ("document-new-dotnet", "document-unusual-order"):
        other = document_in((EXAMPLES / f"{name}.edxml").read_bytes())
        assert set(other.recipients) == set(usual.recipients)
        assert (other.document_id, other.subject, other.due_on) == (
            usual.document_id,
            usual.subject,
            usual.due_on,
        )


def test_a_status_names_both_parties() -> None:
    body = a_status(StatusCode.REFUSED).saying(StatusCode.REFUSED, "Gửi nhầm").unsigned()

    assert read_header(parse_hardened(body)) == StatusHeader(
        sender="H41",
        original_sender="G22",
        document_id="G22,2026/03/09,101/VPTN-TH",
        status=StatusCode.REFUSED,
        description="Gửi nhầm",
    )


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.edxml")), ids=lambda path: path.stem)
def test_every_valid_example_can_be_read(example: object) -> None:
    assert read_header(parse_hardened(example.read_bytes())).sender


def test_a_document_without_business_is_new_and_ordinary() -> None:
    body = a_document().with_(business_type=None).unsigned()
    body = re.sub(rb"(?s)<edXML:OtherInfo>.*</edXML:OtherInfo>", b"", body)

    header = document_in(body)

    assert (header.business_type, header.priority, header.is_urgent) == (BusinessType.NEW, 0, False)


def test_a_new_document_affects_nothing_though_business_names_a_document() -> None:
    assert document_in(a_document().with_(affects="d-1").unsigned()).affects == ()


def test_a_recall_is_about_what_business_or_the_answered_document_names() -> None:
    assert document_in(a_document().recalling("d-1").unsigned()).affects == ("d-1",)
    assert document_in(a_document().recalling("").answering("d-2", "G22").unsigned()).affects == ("d-2",)
    assert document_in(a_document().recalling("d-1").answering("d-1", "G22").unsigned()).affects == ("d-1",)


def test_an_update_is_about_the_document_in_business_only() -> None:
    assert document_in(a_document().updating("d-1").answering("d-2", "G22").unsigned()).affects == ("d-1",)


def test_a_replacement_is_about_every_document_that_it_replaces() -> None:
    assert document_in(a_document().replacing("d-1", "d-2", "d-1").unsigned()).affects == ("d-1", "d-2")


def test_a_date_that_no_calendar_has_is_no_date() -> None:
    body = a_document().unsigned().replace(b"2026/03/09</edXML:Prom", b"2026/02/30</edXML:Prom")

    assert document_in(body).promulgated_on is None


def test_white_space_around_values_does_not_count() -> None:
    body = a_document().unsigned().replace(b"<edXML:OrganId>G22<", b"<edXML:OrganId>\n  G22\t<")

    assert document_in(body).sender == "G22"


def test_a_comment_inside_a_value_does_not_cut_it_off() -> None:
    body = (
        a_document()
        .unsigned()
        .replace(b">101/VPTN", b">101/VPTN")
        .replace(b"<edXML:OrganId>G22<", b"<edXML:OrganId>G<!-- x -->22<")
    )

    assert document_in(body).sender == "G22"


@pytest.mark.parametrize(
    "gone",
    [rb"(?s)<edXML:From>.*</edXML:From>", rb"(?s)<edXML:MessageHeader>.*</edXML:MessageHeader>"],
)
def test_what_lacks_the_essential_has_no_header(gone: bytes) -> None:
    tree = parse_hardened(re.sub(gone, b"", a_document().unsigned()))

    assert find_header(outline(tree)) is None
    with pytest.raises(SchemaViolation):
        read_header(tree)


@pytest.mark.parametrize("value", ["4", "-1", "x", "٣", "00"])
def test_a_business_type_that_is_none_is_not_guessed(value: str) -> None:
    body = re.sub(rb"(<edXML:BussinessDocType>)0", rb"\g<1>" + value.encode(), a_document().unsigned())

    assert find_header(outline(parse_hardened(body))) is None


@pytest.mark.parametrize("value", ["5", "-1", "x", "٣", "03", "1 2"])
def test_a_priority_that_is_none_is_not_guessed(value: str) -> None:
    body = re.sub(rb"(<edXML:Priority>)0", rb"\g<1>" + value.encode(), a_document().unsigned())

    assert find_header(outline(parse_hardened(body))) is None


def test_elements_of_another_namespace_are_not_read() -> None:
    body = (
        a_document()
        .unsigned()
        .replace(b"<edXML:DocumentId>", b'<DocumentId xmlns="urn:other">')
        .replace(b"</edXML:DocumentId>", b"</DocumentId>")
    )

    assert find_header(outline(parse_hardened(body))) is None
