"""Looks into ZIP archives, office files among them, before anybody unpacks them.

Everything that can be inflated is inflated, in pieces and within a budget: what an archive says about its own
sizes is what a bomb lies about. Nothing is written anywhere.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from hub.errors import RejectionCode
from hub.message.file_safety import fault_of_name, program_in, program_named
from hub.message.refusal import Sentence

MAX_DEPTH: Final = 3
"""An archive with an office file that embeds another one; nobody nests more in good faith."""
MAX_ENTRIES: Final = 10_000
FIRST_BYTES: Final = (b"PK\x03\x04", b"PK\x05\x06")
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 0xFFFF
_LARGEST_DIRECTORY: Final = 4 * 1024 * 1024
LOCAL: Final = struct.Struct("<4s5H3L2H")
UTF8_NAME: Final = 0x800
ENCRYPTED: Final = 0x1
_PIECE: Final = 64 * 1024
HARMLESS_SIZE: Final = 4 * 1024 * 1024
HARMLESS_RATIO: Final = 200

SWELLS: Final = Sentence("phình ra quá lớn khi giải nén", "it swells too much when it is unpacked")
MANY: Final = Sentence("có quá nhiều tệp", "it holds too many files")
OVERLAP: Final = Sentence("các tệp chồng lên nhau", "its files overlap")
LIES: Final = Sentence("các phần mô tả mâu thuẫn nhau", "what it says of its files is contradictory")
_LINK: Final = Sentence("chứa liên kết (symlink)", "it holds a link to elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFault:
    """Why an archive is not to be passed on: the code, and what its sentences are filled with."""

    code: RejectionCode
    values: tuple[tuple[str, object], ...]


@dataclass(slots=True, kw_only=True)
class Budget:
    """How many octets may still be inflated, over all archives of a message."""

    octets: int


Entry: TypeAlias = tuple[zipfile.ZipInfo, bytes]
"""An entry with the compressed octets that belong to it."""


def is_archive(content: bytes) -> bool:
    """Whether *content* is a ZIP by its first bytes."""
    return content.startswith(FIRST_BYTES)


def fault_of_archive(content: bytes, budget: Budget, *, depth: int = 1) -> ArchiveFault | None:
    """Return the first thing wrong with the ZIP *content*, or with one inside it; None where all is well.

    What is no readable ZIP is an attachment like any other: None.
    """
    if depth > MAX_DEPTH:
        return ArchiveFault(code=RejectionCode.NESTED_ARCHIVE, values=(("limit", MAX_DEPTH),))
    if is_crowded(content):
        return bomb(MANY)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
    except UnicodeDecodeError:
        return bomb(LIES)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error, RecursionError):
        return None
    if len(infos) > MAX_ENTRIES:
        return bomb(MANY)
    return fault_of_listing(infos, len(content)) or _fault_of_contents(infos, content, budget, depth)


def is_crowded(content: bytes) -> bool:
    """Whether the directory of *content*, or of what ends with it, is too large even to be read."""
    at = content.rfind(_END_MARK, max(0, len(content) - _END_RECORD.size - _LONGEST_COMMENT))
    if at < 0 or len(content) - at < _END_RECORD.size:
        return False
    _, _, _, _, entries, directory_size, _, _ = _END_RECORD.unpack_from(content, at)
    return bool(entries > MAX_ENTRIES or directory_size > _LARGEST_DIRECTORY)


def fault_of_listing(infos: Sequence[zipfile.ZipInfo], size: int) -> ArchiveFault | None:
    """Return what is wrong with what an archive of *size* octets says it holds."""
    if sum(info.compress_size for info in infos) > size:
        return bomb(OVERLAP)
    for info in infos:
        reason = fault_of_name(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            reason = _LINK
        if reason is not None:
            values = (("reason_vi", reason.vi), ("reason_en", reason.en))
            return ArchiveFault(code=RejectionCode.UNSAFE_FILE_NAME, values=values)
        program = None if info.is_dir() else program_named(info.filename)
        if program is not None:
            return ArchiveFault(code=RejectionCode.FORBIDDEN_FILE, values=(("what", program),))
    return None


def _fault_of_contents(
    infos: Sequence[zipfile.ZipInfo], content: bytes, budget: Budget, depth: int
) -> ArchiveFault | None:
    inflated_in_all = 0
    for info in infos:
        inflated_in_all += info.file_size
        if inflated_in_all > max(HARMLESS_SIZE, HARMLESS_RATIO * len(content)):
            return bomb(SWELLS)
        packed = _packed(info, content)
        if packed is None:
            return bomb(LIES)
        inflated = _inflated(info, packed, budget)
        if inflated is None:
            return bomb(SWELLS)
        fault = _fault_of_file(inflated, budget, depth)
        if fault is not None:
            return fault
    return None


def _fault_of_file(inflated: bytes, budget: Budget, depth: int) -> ArchiveFault | None:
    program = program_in(inflated)
    if program is not None:
        return ArchiveFault(code=RejectionCode.FORBIDDEN_FILE, values=(("what", program),))
    if is_archive(inflated):
        return fault_of_archive(inflated, budget, depth=depth + 1)
    return None


def _packed(info: zipfile.ZipInfo, content: bytes) -> bytes | None:
    """Return the octets of *info*; None where its own header says something else than the directory."""
    at = info.header_offset
    if at < 0 or at + LOCAL.size > len(content):
        return None
    mark, _, _, method, _, _, _, _, _, name_size, extra_size = LOCAL.unpack_from(content, at)
    start = at + LOCAL.size
    name = content[start : start + name_size]
    written = info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_NAME else "cp437", errors="replace")
    if mark != FIRST_BYTES[0] or method != info.compress_type or name != written:
        return None
    start += name_size + extra_size
    return content[start : start + info.compress_size]


def _inflated(info: zipfile.ZipInfo, packed: bytes, budget: Budget) -> bytes | None:
    """Return what is in *packed*; empty where it cannot be looked at, None where it is over the budget.

    At most one octet more than was declared is inflated: more than that is a lie.
    """
    if info.flag_bits & ENCRYPTED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return b""
    if info.file_size > budget.octets:
        return None
    inflated = packed
    if info.compress_type == zipfile.ZIP_DEFLATED:
        inflated = b"".join(_inflate(packed, info.file_size + 1))
    if len(inflated) > info.file_size:
        return None
    budget.octets -= len(inflated)
    return inflated


def _inflate(packed: bytes, limit: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    rest = packed
    while limit > 0 and not inflater.eof:
        try:
            piece = inflater.decompress(rest, min(_PIECE, limit))
        except zlib.error:  # damaged: nobody can unpack more than this
            return
        if not piece:
            return
        yield piece
        limit -= len(piece)
        rest = inflater.unconsumed_tail


def bomb(reason: Sentence) -> ArchiveFault:
    """Return that an archive is made to do harm, for *reason*."""
    values = (("reason_vi", reason.vi), ("reason_en", reason.en))
    return ArchiveFault(code=RejectionCode.ARCHIVE_BOMB, values=values)
