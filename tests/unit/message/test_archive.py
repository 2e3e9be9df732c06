import io
import stat
import struct
import zipfile
import zlib

import pytest

from hub.errors import RejectionCode
from hub.message.archive import MAX_DEPTH, Budget, fault_of_archive

ROOM = 64 * 1024 * 1024


def zip_of(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def code_of(content: bytes, room: int = ROOM) -> RejectionCode | None:
    fault = fault_of_archive(content, Budget(octets=room))
    return None if fault is None else fault.code


def nested(depth: int) -> bytes:
    content = b"bottom"
    for level in range(depth):
        content = zip_of((f"{level}.zip", content))
    return content


def an_office_file() -> bytes:
    return zip_of(
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", b"<w:document/>" * 500),
        ("word/embeddings/Microsoft_Excel_Sheet.xlsx", zip_of(("xl/workbook.xml", b"<workbook/>"))),
        ("word/media/image1.jpeg", b"\xff\xd8\xff" + bytes(range(256)) * 20),
    )


@pytest.mark.parametrize(
    "content",
    [
        zip_of(("a.pdf", b"%PDF-1.4"), ("thư mục/b.docx", b"text")),
        zip_of(("dir\\b.txt", b"as .NET writes it")),
        an_office_file(),
        zip_of(("hồ sơ.docx", an_office_file())),
        zip_of(("a.txt", b"x" * 3_000_000)),
        zip_of(),
        b"PK\x03\x04 and nothing more",
        nested(MAX_DEPTH),
    ],
)
def test_archives_of_good_faith_pass(content: bytes) -> None:
    assert code_of(content) is None


def test_archives_may_nest_only_so_deep() -> None:
    assert code_of(nested(MAX_DEPTH + 1)) is RejectionCode.NESTED_ARCHIVE


def test_a_small_archive_that_swells_is_a_bomb() -> None:
    assert code_of(zip_of(("zeros", bytes(30_000_000)))) is RejectionCode.ARCHIVE_BOMB


def test_many_small_swellings_are_one_bomb() -> None:
    assert code_of(zip_of(*((f"{n}", bytes(1_000_000)) for n in range(20)))) is RejectionCode.ARCHIVE_BOMB


def test_a_bomb_below_another_archive_is_found() -> None:
    assert code_of(zip_of(("a.zip", zip_of(("zeros", bytes(30_000_000)))))) is RejectionCode.ARCHIVE_BOMB


def test_an_archive_may_not_unpack_to_more_than_there_is_room_for() -> None:
    assert code_of(zip_of(("a", bytes(2_000))), room=1_999) is RejectionCode.ARCHIVE_BOMB


def test_the_room_is_shared() -> None:
    budget = Budget(octets=3_000)

    first, second = (fault_of_archive(zip_of(("a", bytes(2_000))), budget) for _ in range(2))

    assert first is None
    assert second is not None


def test_a_file_that_is_larger_than_it_says_is_a_bomb() -> None:
    honest = zip_of(("a", bytes(1_000_000)))
    lie = honest.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 1_000))

    assert code_of(lie) is RejectionCode.ARCHIVE_BOMB


def test_files_that_share_their_octets_are_a_bomb() -> None:
    one = zip_of(("a", b"x" * 500), method=zipfile.ZIP_STORED)
    at = one.index(b"PK\x01\x02")
    record = one[at : one.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 9 * len(record), at, 0)

    assert code_of(one[:at] + 9 * record + end) is RejectionCode.ARCHIVE_BOMB


def test_a_file_with_two_names_is_contradictory() -> None:
    assert code_of(zip_of(("a.pdf", b"x")).replace(b"a.pdf", b"a.exe", 1)) is RejectionCode.ARCHIVE_BOMB


def test_an_archive_of_a_million_files_is_not_even_listed() -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0, 0)

    assert code_of(b"PK\x03\x04" + end) is RejectionCode.ARCHIVE_BOMB


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "a/../../b", "..\\..\\x", "/etc/passwd", "C:\\x", "a\u202efdp.txt"]
)
def test_a_name_that_leads_elsewhere_is_unsafe(name: str) -> None:
    assert code_of(zip_of((name, b"x"))) is RejectionCode.UNSAFE_FILE_NAME


def test_a_link_is_unsafe() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("a.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    assert code_of(packed.getvalue()) is RejectionCode.UNSAFE_FILE_NAME


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.pdf.exe", b"x"), ("a.pdf", b"MZ\x90\x00\x03" + bytes(80)), ("a.txt", b"#!/bin/sh\n")],
)
def test_a_program_in_an_archive_is_found(name: str, content: bytes) -> None:
    assert code_of(zip_of((name, content))) is RejectionCode.FORBIDDEN_FILE


def test_damaged_content_is_inflated_as_far_as_it_goes() -> None:
    good = zip_of(("a", bytes(range(256)) * 40))
    stream = zlib.compress(b"")[2:4]
    at = good.index(b"a") + 1

    assert code_of(good[:at] + stream + b"\xff" + good[at + len(stream) + 1 :]) is None
