"""Names that strangers gave to files, hostile ones among them."""

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.folder.naming import BLOCKED, LONGEST_NAME, attachment_name, folded_names, safe_name

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\system32\\x.dll",
    "/etc/shadow",
    "C:\\autoexec.bat",
    "a\x00b.pdf",
    "\u202egpj.exe",
    "CON",
    "con.txt",
    "LPT1.pdf",
    "COM¹.docx",
    ".",
    "..",
    "...",
    "",
    " ",
    "-rf",
    "~$x.docx",
    ".hidden",
    "03",
    "03.txt",
    "a" * 500 + ".pdf",
    "ế" * 300 + ".docx",
    "x." + "y" * 400,
    "a:b|c?d*e.pdf",
    "\ud800.pdf",
    "tên tệp.pdf ",
]
names = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=400))


@given(names)
@example("../03.txt")
@example("¹.pdf")
def test_a_safe_name_is_one_harmless_part_of_a_path(written: str) -> None:
    name = safe_name(written)

    assert 0 < len(name.encode()) <= LONGEST_NAME
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert not PureWindowsPath(name).is_reserved()
    assert not name.startswith((".", "-", "~"))
    assert not name.endswith((".", " "))
    assert name.isprintable()
    assert unicodedata.is_normalized("NFC", name)
    assert name not in {"03", "03.txt"}


@given(names)
def test_a_safe_name_is_safe_already(written: str) -> None:
    assert safe_name(safe_name(written)) == safe_name(written)


@given(st.lists(names, max_size=30))
def test_attachments_never_share_a_name_on_a_disk_that_does_not_tell_case_apart(written: list[str]) -> None:
    taken = folded_names(["document.edxml", "info.toml"])

    given_names = [attachment_name(each, b"%PDF-1.4", taken).name for each in written]

    assert (
        len({each.casefold() for each in [*given_names, "document.edxml", "info.toml"]}) == len(written) + 2
    )
    assert all(len(each.encode()) < 255 for each in given_names)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bao-cao.exe", b"text"),
        ("bao-cao.pdf", b"MZ\x00\x00"),
        ("bao-cao.js. ", b"text"),
        ("a.sh", b"#!/bin/sh"),
    ],
)
def test_a_program_is_kept_under_a_name_that_nothing_starts_and_warned_of(name: str, content: bytes) -> None:
    found = attachment_name(name, content, set())

    assert found.name.endswith(BLOCKED)
    assert found.warning is not None
    assert "do not open it" in found.warning.en
    assert "đừng mở" in found.warning.vi


def test_names_keep_what_people_need() -> None:
    assert safe_name("Báo cáo quý IV (bản ký).pdf") == "Báo cáo quý IV (bản ký).pdf"
    assert safe_name("x" * 300 + ".docx").endswith(".docx")


def test_the_second_of_two_equal_names_gets_a_number_before_its_extension() -> None:
    taken: set[str] = set()

    found = [attachment_name(each, b"", taken).name for each in ("a.pdf", "A.PDF", "a.pdf")]

    assert found == ["a.pdf", "A (2).PDF", "a (3).pdf"]
