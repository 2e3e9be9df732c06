import struct

import pytest

from hub.message.file_safety import fault_of_name, program_in, program_named


def ole(class_id: str) -> bytes:
    """Return the beginning of a compound file with its directory in the second sector."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[0x30:0x34] = struct.pack("<I", 1)
    root = bytearray(512)
    root[80:96] = bytes.fromhex(class_id)
    return bytes(header) + bytes(512) + bytes(root)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"MZ\x90\x00\x03\x00", "EXE"),
        (b"\x7fELF\x02\x01", "ELF"),
        (b"\xca\xfe\xba\xbe\x00\x00", "Java/Mach-O"),
        (b"#!/usr/bin/env python3\n", "script"),
        (b"L\x00\x00\x00\x01\x14\x02\x00\x00", "LNK"),
        (ole("84100c0000000000c000000000000046"), "MSI"),
    ],
)
def test_a_program_is_known_by_its_first_bytes(content: bytes, kind: str) -> None:
    assert program_in(content) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.4",
        b"PK\x03\x04",
        b"MZ is how a text may begin, too, and goes on for a while without any byte that is none.",
        b"# a heading, no script",
        "Kính gửi".encode(),
        ole("0609020000000000c000000000000046"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ],
)
def test_a_document_is_no_program(content: bytes) -> None:
    assert program_in(content) is None


@pytest.mark.parametrize("name", ["a.exe", "cong-van.pdf.EXE", "a.scr.", "a.bat  ", "a.lnk . .", "hồ sơ.js"])
def test_a_program_is_known_by_its_last_extension(name: str) -> None:
    assert program_named(name) is not None


@pytest.mark.parametrize("name", ["", "a.pdf", "exe", "a.exe.pdf", "12.UBND", "a.docx", "báo cáo quý 3.xlsx"])
def test_other_names_are_no_programs(name: str) -> None:
    assert program_named(name) is None


@pytest.mark.parametrize(
    "name",
    ["../a.pdf", "a/..", "a\\..\\b", "/a", "\\\\server\\a", "C:a", "a\x00", "a\u202efdp.exe", "a\u200bb"],
)
def test_an_unsafe_name_is_one(name: str) -> None:
    assert fault_of_name(name) is not None


@pytest.mark.parametrize(
    "name", ["", "a.pdf", "12/UBND-VP.pdf", "a..b.pdf", "Công văn số 1 (bản sao).docx", "…"]
)
def test_a_usual_name_is_safe(name: str) -> None:
    assert fault_of_name(name) is None
