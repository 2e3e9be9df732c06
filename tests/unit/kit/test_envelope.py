from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kit.envelope import AttachmentDraft, Order, compose_document, compose_pieces
from hub.catalogue import Catalogue
from hub.message.attachment_reading import read_attachments
from hub.message.edxml import DocumentHeader
from hub.message.edxml_reading import read_header
from hub.message.hardened_xml import parse_hardened
from tests.support.envelopes import A_PDF, a_document, a_status

CATALOGUE = Catalogue()
WRITABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=60,
).filter(str.strip)


@settings(deadline=None)  # the first one compiles the schema
@given(WRITABLE, st.sampled_from(["java", "dotnet"]))
def test_whatever_a_text_says_it_arrives_as_it_was_written(subject: str, order: Order) -> None:
    document = a_document().about(subject)
    body = (document if order == "java" else document.in_dotnet_order()).unsigned()

    tree = parse_hardened(body)
    header = read_header(tree)

    assert CATALOGUE.violations(tree) == ()
    assert isinstance(header, DocumentHeader)
    assert header.subject == " ".join(subject.split())


def test_markup_in_a_text_is_text() -> None:
    subject = "</edXML:Subject><edXML:To>&amp;<!-- ]]> \"'"

    header = read_header(parse_hardened(a_document().about(subject).unsigned()))

    assert isinstance(header, DocumentHeader)
    assert header.subject == subject
    assert header.recipients == ("H41",)


def test_a_carriage_return_survives() -> None:
    tree = parse_hardened(a_document().with_(content="a\r\nb").unsigned())

    assert tree.findtext(".//{*}Content") == "a\r\nb"


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\ud800", "\uffff"])
def test_text_that_xml_cannot_carry_is_not_composed(text: str) -> None:
    with pytest.raises(ValueError, match="Subject"):
        a_document().about(text).unsigned()


def test_an_instant_without_a_zone_is_not_composed() -> None:
    with pytest.raises(ValueError, match="time zone"):
        a_status().with_(at=datetime(2026, 3, 9, 8, 0)).unsigned()  # noqa: DTZ001 - the point of the test


def test_instants_are_written_in_vietnamese_time() -> None:
    body = a_status().with_(at=datetime.fromisoformat("2026-03-09T23:30:00+00:00")).unsigned()

    assert b"<edXML:Timestamp>2026/03/10 06:30:00<" in body


def test_files_arrive_as_they_were_enclosed() -> None:
    files = {"a.pdf": A_PDF, "b.bin": bytes(range(256)), "c.txt": "ệ".encode()}
    document = a_document().without_attachments()
    for name, content in files.items():
        document = document.with_attachment(name, content, zipped=name == "c.txt")

    read = read_attachments(parse_hardened(document.unsigned()))

    assert {each.name: each.content for each in read} == files
    assert [each.is_zip_container for each in read] == [False, False, True]


def test_the_same_draft_gives_the_same_bytes() -> None:
    document = a_document().with_attachment("c.txt", b"text", zipped=True)

    assert document.unsigned() == document.unsigned()


def test_only_the_content_of_an_attachment_has_the_prefix() -> None:
    body = a_document().unsigned()

    assert b"<AttachmentName>" in body
    assert b"<edXML:ContentTransferEncoded xmlns:edXML=" in body
    assert b"<edXML:Attachment>" not in body


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("octets", [0, 1, 3 * 65_536, 500_000])
def test_files_that_are_read_while_composing_give_the_same_envelope(
    tmp_path: Path, octets: int, *, zipped: bool
) -> None:
    path = tmp_path / "tệp.bin"
    path.write_bytes(bytes(n % 251 for n in range(octets)))
    lying = AttachmentDraft(name="a.bin", file=path, zipped=zipped)
    held = AttachmentDraft(name="a.bin", content=path.read_bytes(), zipped=zipped)
    small = AttachmentDraft(name="b.txt", content=b"b")

    pieces = compose_pieces(a_document().with_(attachments=(lying, small, lying)).draft)

    whole = compose_document(a_document().with_(attachments=(held, small, held)).draft)
    assert b"".join(pieces) == whole
    assert compose_document(a_document().with_(attachments=(lying, small, lying)).draft) == whole


def test_a_file_with_two_contents_is_no_draft(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say one of the two"):
        AttachmentDraft(name="a", content=b"a", file=tmp_path)
