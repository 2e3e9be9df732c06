import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import SchemaViolation
from hub.message.attachment_reading import read_attachments
from hub.message.edxml import Attachment
from hub.message.hardened_xml import parse_hardened
from hub.message.zip_container import Contained, Oversized, unpack_single
from tests.support.envelopes import A_PDF, a_document

LIMIT = 1_000_000


def zip_of(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.comment = comment
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def enclosed(name: str, content: bytes, **fields: str) -> Attachment:
    document = a_document().without_attachments().with_attachment(name, content)
    (attachment,) = read_attachments(parse_hardened(document.unsigned()))
    return attachment


def test_a_pdf_is_read_as_it_is() -> None:
    assert enclosed("a.pdf", A_PDF) == Attachment(
        content_id="1", name="a.pdf", content_type="application/pdf", content=A_PDF, is_zip_container=False
    )


def test_the_one_file_of_a_container_is_taken_out_whatever_the_sender_calls_it() -> None:
    attachment = enclosed("a.pdf", zip_of(("3f0e9a52.pdf", A_PDF)))

    assert attachment == Attachment(
        content_id="1", name="a.pdf", content_type="application/pdf", content=A_PDF, is_zip_container=True
    )


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        (
            "a.docx",
            zip_of(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")),
            "wordprocessingml.document",
        ),
        (
            "a.xlsx",
            zip_of(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")),
            "spreadsheetml.sheet",
        ),
        ("a.zip", zip_of(("a.txt", b"1"), ("b.txt", b"2")), "application/zip"),
        ("a.zip", zip_of(("a.txt", b"1")), "application/zip"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "application/msword"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.txt", "Tiếng Việt".encode(), "text/plain"),
        ("a.bin", b"\x00\x01\x02\xff", "application/octet-stream"),
        ("a.pdf", b"\xfe\xfe\xfe", "application/octet-stream"),
    ],
)
def test_other_files_stay_whole_and_are_called_what_they_are(
    name: str, content: bytes, content_type: str
) -> None:
    attachment = enclosed(name, content)

    assert attachment.content == content
    assert attachment.content_type.endswith(content_type)
    assert not attachment.is_zip_container


def test_text_cut_inside_a_character_by_the_probe_is_text() -> None:
    assert enclosed("a.txt", ("a" * 4_095 + "ế" * 10).encode()).content_type == "text/plain"


def test_a_zip_inside_a_container_is_left_alone() -> None:
    inner = zip_of(("deeper.txt", b"x"))

    assert unpack_single(zip_of(("inner.zip", inner)), limit=LIMIT) == Contained(
        name="inner.zip", content=inner
    )


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x.exe", "C:\\x", "a\n.txt"])
def test_the_name_inside_a_container_leads_nowhere(name: str) -> None:
    attachment = enclosed("a.txt", zip_of((name, b"text")))

    assert (attachment.name, attachment.content) == ("a.txt", b"text")


def test_a_file_above_the_limit_is_not_unpacked() -> None:
    assert unpack_single(zip_of(("a", b"x" * 2_000)), limit=1_999) == Oversized(size=2_000)


def test_a_file_that_swells_absurdly_is_not_unpacked() -> None:
    packed = zip_of(("a", b"\0" * 10_000_000))

    assert unpack_single(packed, limit=100_000_000) == Oversized(size=10_000_000)


def test_an_archive_of_very_many_files_is_not_listed() -> None:
    assert unpack_single(zip_of(*((f"{number}", b"") for number in range(20_000))), limit=LIMIT) is None


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_exotic_compression_is_left_alone(method: int) -> None:
    assert unpack_single(zip_of(("a", b"x" * 100), method=method), limit=LIMIT) is None


def test_a_folder_is_no_file() -> None:
    assert unpack_single(zip_of(("a/", b"")), limit=LIMIT) is None


def test_an_encrypted_file_is_left_alone() -> None:
    packed = bytearray(zip_of(("a", b"secret")))
    packed[6] |= 1
    packed[packed.rfind(b"PK\x01\x02") + 8] |= 1

    assert unpack_single(bytes(packed), limit=LIMIT) is None


def test_a_damaged_file_is_left_alone() -> None:
    packed = bytearray(zip_of(("a.txt", b"hello world" * 20)))
    packed[40] ^= 0xFF

    assert unpack_single(bytes(packed), limit=LIMIT) is None


def test_a_container_may_have_a_comment() -> None:
    assert unpack_single(zip_of(("a", b"x"), comment=b"made by hand"), limit=LIMIT) == Contained(
        name="a", content=b"x"
    )


@given(st.data())
def test_whatever_is_done_to_a_container_it_is_unpacked_within_the_limit_or_left_alone(
    data: st.DataObject,
) -> None:
    packed = bytearray(zip_of(("a.txt", b"hello " * 50)))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))

    unpacked = unpack_single(bytes(packed), limit=1_000)

    assert not isinstance(unpacked, Contained) or len(unpacked.content) <= 1_000


@given(st.binary(max_size=200))
def test_anything_that_begins_like_a_container_is_handled(rest: bytes) -> None:
    assert unpack_single(b"PK\x03\x04" + rest, limit=LIMIT) is None


def test_an_attachment_that_cannot_be_decoded_is_refused() -> None:
    tree = parse_hardened(a_document().unsigned().replace(b"JVBERi0", b"?"))

    with pytest.raises(SchemaViolation):
        read_attachments(tree)


def test_a_container_above_the_limit_is_refused() -> None:
    document = a_document().without_attachments().with_attachment("a.txt", b"x" * 500, zipped=True)

    with pytest.raises(SchemaViolation):
        read_attachments(parse_hardened(document.unsigned()), limit=499)
