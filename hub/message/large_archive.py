"""Looks into ZIP archives too large for memory: the same rules as `hub.message.archive`, a piece at a time.

What an entry holds goes through a temporary file that nobody else can open.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from hub.errors import RejectionCode
from hub.message.archive import (
    ENCRYPTED,
    FIRST_BYTES,
    HARMLESS_RATIO,
    HARMLESS_SIZE,
    LIES,
    LOCAL,
    MANY,
    MAX_DEPTH,
    MAX_ENTRIES,
    SWELLS,
    UTF8_NAME,
    ArchiveFault,
    Budget,
    bomb,
    fault_of_listing,
    is_archive,
    is_crowded,
)
from hub.message.file_safety import program_in_file
from hub.message.zip_container import Oversized, has_one_entry, is_plain_file, swells

IN_MEMORY: Final = 4 * 1024 * 1024
"""Of one file; what is larger lies on disk for as long as it is looked at."""
_PIECE: Final = 256 * 1024
_TAIL: Final = 22 + 0xFFFF
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OSError,
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeContained:
    """The one file of a container."""

    octets: int
    digest: bytes


def fault_of_large_archive(file: IO[bytes], budget: Budget, *, depth: int = 1) -> ArchiveFault | None:
    """Return the first thing wrong with the ZIP in *file*, or with one inside it; None where all is well.

    What is no readable ZIP is an attachment like any other: None.
    """
    if depth > MAX_DEPTH:
        return ArchiveFault(code=RejectionCode.NESTED_ARCHIVE, values=(("limit", MAX_DEPTH),))
    size = file.seek(0, io.SEEK_END)
    if is_crowded(_tail(file, size)):
        return bomb(MANY)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except UnicodeDecodeError:
        return bomb(LIES)
    except _UNREADABLE:
        return None
    if len(infos) > MAX_ENTRIES:
        return bomb(MANY)
    return fault_of_listing(infos, size) or _fault_of_contents(infos, file, size, budget, depth)


def unpack_large(file: IO[bytes], into: IO[bytes], *, limit: int) -> LargeContained | Oversized | None:
    """Unpack the ZIP in *file* if it is a container of exactly one; None where it is not.

    The twin of `hub.message.zip_container.unpack_single`.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(len(FIRST_BYTES[0])) != FIRST_BYTES[0] or not has_one_entry(_tail(file, size)):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            return _contained(archive, into, limit)
    except _UNREADABLE:
        return None


def _contained(archive: zipfile.ZipFile, into: IO[bytes], limit: int) -> LargeContained | Oversized | None:
    entries = archive.infolist()
    if len(entries) != 1 or not is_plain_file(entries[0]):
        return None
    entry = entries[0]
    if entry.file_size > limit or swells(entry):
        return Oversized(size=entry.file_size)
    digest, octets = sha256(), 0
    with archive.open(entry) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
            octets += into.write(piece)
    return LargeContained(octets=octets, digest=digest.digest()) if octets == entry.file_size else None


def _tail(file: IO[bytes], size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read(_TAIL)


def _fault_of_contents(
    infos: Sequence[zipfile.ZipInfo], file: IO[bytes], size: int, budget: Budget, depth: int
) -> ArchiveFault | None:
    inflated_in_all = 0
    for info in infos:
        inflated_in_all += info.file_size
        if inflated_in_all > max(HARMLESS_SIZE, HARMLESS_RATIO * size):
            return bomb(SWELLS)
        start = _start_of(info, file, size)
        if start is None:
            return bomb(LIES)
        fault = _fault_of_entry(info, file, start, budget, depth)
        if fault is not None:
            return fault
    return None


def _start_of(info: zipfile.ZipInfo, file: IO[bytes], size: int) -> int | None:
    """Return where the octets of *info* begin; None where its own header contradicts the directory."""
    at = info.header_offset
    if at < 0 or at + LOCAL.size > size:
        return None
    file.seek(at)
    mark, _, _, method, _, _, _, _, _, name_size, extra_size = LOCAL.unpack(file.read(LOCAL.size))
    written = info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_NAME else "cp437", errors="replace")
    if mark != FIRST_BYTES[0] or method != info.compress_type or file.read(name_size) != written:
        return None
    return at + LOCAL.size + int(name_size) + int(extra_size)


def _fault_of_entry(
    info: zipfile.ZipInfo, file: IO[bytes], start: int, budget: Budget, depth: int
) -> ArchiveFault | None:
    if info.flag_bits & ENCRYPTED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return None
    if info.file_size > budget.octets:
        return bomb(SWELLS)
    with SpooledTemporaryFile(max_size=IN_MEMORY) as inflated:
        octets = 0
        for piece in _pieces(info, file, start):
            octets += len(piece)
            if octets > info.file_size:
                return bomb(SWELLS)
            inflated.write(piece)
        budget.octets -= octets
        return _fault_of_file(inflated, budget, depth)


def _fault_of_file(file: IO[bytes], budget: Budget, depth: int) -> ArchiveFault | None:
    program = program_in_file(file)
    if program is not None:
        return ArchiveFault(code=RejectionCode.FORBIDDEN_FILE, values=(("what", program),))
    file.seek(0)
    if is_archive(file.read(len(FIRST_BYTES[0]))):
        return fault_of_large_archive(file, budget, depth=depth + 1)
    return None


def _pieces(info: zipfile.ZipInfo, file: IO[bytes], start: int) -> Iterator[bytes]:
    file.seek(start)
    packed = _packed(file, info.compress_size)
    if info.compress_type == zipfile.ZIP_STORED:
        yield from packed
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with suppress(zlib.error):  # damaged: nobody can unpack more than this
        for piece in packed:
            rest = piece
            while not inflater.eof and (unpacked := inflater.decompress(rest, _PIECE)):
                yield unpacked
                rest = inflater.unconsumed_tail


def _packed(file: IO[bytes], octets: int) -> Iterator[bytes]:
    left = octets
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece
