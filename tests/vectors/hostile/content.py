"""Truly signed documents whose attachments are dangerous to whoever opens them."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable

from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document

PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(200)
MEGABYTE = 1024 * 1024
_END = b"</edXML:ContentTransferEncoded>"


def signed(name: str, content: bytes, *, zipped: bool = False) -> bytes:
    document = a_document().without_attachments().with_attachment(name, content, zipped=zipped)
    return sign_envelope(document.unsigned(), agency_signing_key("G22"))


def zip_of(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def flat_bomb() -> bytes:
    """Thirty megabytes of zeros in thirty kilobytes."""
    return signed("ho-so.zip", zip_of(("zeros", bytes(30 * MEGABYTE))))


def bomb_of_many() -> bytes:
    """Twenty files of a megabyte, each harmless by itself."""
    return signed("ho-so.zip", zip_of(*((f"{n}.txt", bytes(MEGABYTE)) for n in range(20))))


def bomb_in_an_office_file() -> bytes:
    """A document that a word processor would inflate."""
    return signed(
        "cong-van.docx",
        zip_of(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b" " * (30 * MEGABYTE))),
    )


def bomb_that_lies() -> bytes:
    """The directory says a kilobyte, the stream goes on to a megabyte."""
    honest = zip_of(("a", bytes(MEGABYTE)))
    return signed("ho-so.zip", honest.replace(struct.pack("<L", MEGABYTE), struct.pack("<L", 1_024)))


def bomb_that_overlaps() -> bytes:
    """Fifield 2019: many entries of the directory share one stream."""
    one = zip_of(("a", bytes(range(256)) * 40))
    at = one.index(b"PK\x01\x02")
    record = one[at : one.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 900, 900, 900 * len(record), at, 0)
    return signed("ho-so.zip", one[:at] + 900 * record + end)


def container_that_swells() -> bytes:
    """A vendor's container around one file, which becomes larger than a message may be."""
    return signed("cong-van.pdf", b"%PDF-" + bytes(70 * MEGABYTE), zipped=True)


def million_entries() -> bytes:
    """A directory whose listing alone would take the memory."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return signed("ho-so.zip", b"PK\x03\x04" + bytes(100) + end)


def nested_five_deep() -> bytes:
    """42.zip in small: an archive in an archive in an archive."""
    content = b"bottom"
    for level in range(5):
        content = zip_of((f"{level}.zip", content))
    return signed("ho-so.zip", content)


def nested_bomb() -> bytes:
    """Each layer is small; what comes out at the bottom is not."""
    return signed("ho-so.zip", zip_of(("a.zip", zip_of(("zeros", bytes(30 * MEGABYTE))))))


def path_traversal_in_an_archive() -> bytes:
    """Zip slip: unpacking writes where the attacker wants."""
    return signed("ho-so.zip", zip_of(("../../../etc/cron.d/job", b"x")))


def windows_path_traversal_in_an_archive() -> bytes:
    """The same with the separators of Windows."""
    return signed("ho-so.zip", zip_of(("..\\..\\Startup\\a.txt", b"x")))


def absolute_path_in_an_archive() -> bytes:
    """An absolute path needs no dots."""
    return signed("ho-so.zip", zip_of(("/etc/passwd", b"x")))


def link_in_an_archive() -> bytes:
    """A symbolic link, through which the next file is written."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("thu-muc")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
        archive.writestr("b.txt", b"x")
    return signed("ho-so.zip", packed.getvalue())


def path_traversal_in_the_name() -> bytes:
    """The name of the attachment itself leads out of the folder it is saved to."""
    return signed("../../.ssh/authorized_keys", b"ssh-ed25519 AAAA")


def absolute_name() -> bytes:
    """A network drive as the name of an attachment."""
    return signed("\\\\attacker\\share\\cong-van.pdf", b"%PDF-1.4")


def name_that_turns_around() -> bytes:
    """U+202E shows `exe.pdf` where `fdp.exe` is written."""
    return signed("cong-van-\u202efdp.docx", b"x")


def program_as_pdf() -> bytes:
    """A Windows program that is called a PDF."""
    return signed("cong-van.pdf", PROGRAM)


def program_with_two_extensions() -> bytes:
    """Windows hides the last extension."""
    return signed("cong-van.pdf.exe", b"%PDF-1.4")


def program_with_a_trailing_dot() -> bytes:
    """Windows drops dots and spaces at the end."""
    return signed("cong-van.scr. ", b"x")


def script_as_text() -> bytes:
    """A shell script that is called a text."""
    return signed("ghi-chu.txt", b"#!/bin/sh\nrm -rf ~\n")


def elf_as_picture() -> bytes:
    """A Linux program that is called a picture."""
    return signed("con-dau.png", b"\x7fELF\x02\x01\x01" + bytes(60))


def shortcut() -> bytes:
    """A shortcut starts what it points to."""
    return signed("cong-van.pdf.lnk", b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(60))


def program_in_a_container() -> bytes:
    """The vendor's container hides the program from who looks at first bytes."""
    return signed("cong-van.pdf", PROGRAM, zipped=True)


def program_in_an_archive() -> bytes:
    """A program two archives down."""
    return signed("ho-so.zip", zip_of(("a.zip", zip_of(("cong-van.pdf", PROGRAM)))))


def other_name_in_the_directory() -> bytes:
    """Scanners read the directory, unpackers the entry: a.pdf for one, a.exe for the other."""
    return signed("ho-so.zip", zip_of(("a.pdf", b"x")).replace(b"a.pdf", b"a.exe", 1))


def empty_attachment() -> bytes:
    """Nothing at all."""
    return signed("cong-van.pdf", b"")


def doubled_padding() -> bytes:
    """Base64 that decoders read differently: two files under one signature."""
    body = a_document().unsigned().replace(_END, b"==" + _END)
    return sign_envelope(body, agency_signing_key("G22"))


def office(*parts: str, embedded: bytes | None = None) -> bytes:
    """Return something that has the shape of an office file."""
    files = [("[Content_Types].xml", b"<Types/>"), *((part, b"<w:p>text</w:p>" * 2_000) for part in parts)]
    if embedded is not None:
        files.append(("word/embeddings/Microsoft_Excel_Sheet1.xlsx", embedded))
    return zip_of(*files)


def pdf() -> bytes:
    """What nearly every document encloses."""
    return signed("Công văn số 101.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")


def pdf_in_a_container() -> bytes:
    """As the vendors' kits wrap it."""
    return signed("cong-van.pdf", b"%PDF-1.4\n", zipped=True)


def word_with_an_embedded_table() -> bytes:
    """A text with a spreadsheet in it: an archive in an archive, in good faith."""
    return signed("to-trinh.docx", office("word/document.xml", embedded=office("xl/workbook.xml")))


def spreadsheet() -> bytes:
    """A spreadsheet, which compresses well."""
    return signed("phu-luc.xlsx", office("xl/workbook.xml", "xl/worksheets/sheet1.xml"))


def old_word() -> bytes:
    """A file of Word 97, an OLE container as installers are, too."""
    return signed("bao-cao.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000))


def archive_of_a_dossier() -> bytes:
    """Several files in folders, one of them an office file with another in it."""
    inner = office("word/document.xml", embedded=office("xl/workbook.xml"))
    return signed("ho-so.zip", zip_of(("hồ sơ/to-trinh.docx", inner), ("hồ sơ/ban-ve.pdf", b"%PDF-1.4")))


def text() -> bytes:
    """A plain text whose name has dots in it."""
    return signed("v1.2..ghi-chu (bản sao).txt", "MZ là hai chữ đầu, không phải chương trình".encode())


ACCEPTED: list[tuple[Callable[[], bytes], tuple[str, ...]]] = [
    (pdf, ()),
    (pdf_in_a_container, ()),
    (word_with_an_embedded_table, ()),
    (spreadsheet, ()),
    (old_word, ()),
    (archive_of_a_dossier, ()),
    (text, ()),
]
VECTORS: list[tuple[Callable[[], bytes], str]] = [
    (flat_bomb, "ARCHIVE_BOMB"),
    (bomb_of_many, "ARCHIVE_BOMB"),
    (bomb_in_an_office_file, "ARCHIVE_BOMB"),
    (bomb_that_lies, "ARCHIVE_BOMB"),
    (bomb_that_overlaps, "ARCHIVE_BOMB"),
    (container_that_swells, "ATTACHMENT_TOO_LARGE"),
    (million_entries, "ARCHIVE_BOMB"),
    (nested_five_deep, "NESTED_ARCHIVE"),
    (nested_bomb, "ARCHIVE_BOMB"),
    (path_traversal_in_an_archive, "UNSAFE_FILE_NAME"),
    (windows_path_traversal_in_an_archive, "UNSAFE_FILE_NAME"),
    (absolute_path_in_an_archive, "UNSAFE_FILE_NAME"),
    (link_in_an_archive, "UNSAFE_FILE_NAME"),
    (path_traversal_in_the_name, "UNSAFE_FILE_NAME"),
    (absolute_name, "UNSAFE_FILE_NAME"),
    (name_that_turns_around, "UNSAFE_FILE_NAME"),
    (program_as_pdf, "FORBIDDEN_FILE"),
    (program_with_two_extensions, "FORBIDDEN_FILE"),
    (program_with_a_trailing_dot, "FORBIDDEN_FILE"),
    (script_as_text, "FORBIDDEN_FILE"),
    (elf_as_picture, "FORBIDDEN_FILE"),
    (shortcut, "FORBIDDEN_FILE"),
    (program_in_a_container, "FORBIDDEN_FILE"),
    (program_in_an_archive, "FORBIDDEN_FILE"),
    (other_name_in_the_directory, "ARCHIVE_BOMB"),
    (empty_attachment, "ATTACHMENT_EMPTY"),
    (doubled_padding, "ATTACHMENT_NOT_BASE64"),
]
