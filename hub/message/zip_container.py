"""ZIP containers around one file: vendors' SDKs wrap every type they do not know, under any content type."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final, TypeAlias

_FIRST_BYTES: Final = b"PK\x03\x04"
_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 0xFFFF
_LARGEST_DIRECTORY: Final = 4_096
"""One entry with a long name and extra fields; the directory of a million entries is never read."""
_HARMLESS_RATIO: Final = 200
_HARMLESS_SIZE: Final = 4 * 1024 * 1024
_ADMITTED_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """The one file of a container."""

    name: str
    """As the archive says it; never a path to write to."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversized:
    """The file is larger than the limit, or swells so much that it can only be meant as a bomb."""

    size: int
    """What the archive declares."""


Unpacked: TypeAlias = Contained | Oversized | None


def unpack_single(content: bytes, *, limit: int) -> Unpacked:
    """Return the file in *content* if it is a ZIP of exactly one file; None where it is anything else.

    Nothing is written to disk, a ZIP inside is left alone, and never more than *limit* bytes are unpacked.
    Archives of several files, encrypted, damaged or exotic ones are attachments as they are: None.
    """
    if not content.startswith(_FIRST_BYTES) or not has_one_entry(content):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _unpack(archive, limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError):
        return None


def has_one_entry(content: bytes) -> bool:
    """Whether *content*, or what ends with it, is a ZIP of one entry by its last record."""
    at = content.rfind(_END_MARK, max(0, len(content) - _END_RECORD.size - _LONGEST_COMMENT))
    if at < 0 or len(content) - at < _END_RECORD.size:
        return False
    _, _, _, here, in_all, directory_size, _, _ = _END_RECORD.unpack_from(content, at)
    return bool(here == in_all == 1 and directory_size <= _LARGEST_DIRECTORY)


def _unpack(archive: zipfile.ZipFile, limit: int) -> Unpacked:
    entries = archive.infolist()
    if len(entries) != 1 or not is_plain_file(entries[0]):
        return None
    entry = entries[0]
    if entry.file_size > limit or swells(entry):
        return Oversized(size=entry.file_size)
    with archive.open(entry) as stream:
        content = stream.read(limit + 1)
    return Contained(name=entry.filename, content=content) if len(content) == entry.file_size else None


def is_plain_file(entry: zipfile.ZipInfo) -> bool:
    """Whether *entry* is a file that anybody can unpack."""
    is_encrypted = bool(entry.flag_bits & _ENCRYPTED)
    return not entry.is_dir() and not is_encrypted and entry.compress_type in _ADMITTED_METHODS


def swells(entry: zipfile.ZipInfo) -> bool:
    """Whether *entry* becomes so much larger that it can only be meant as a bomb."""
    return entry.file_size > _HARMLESS_SIZE and entry.file_size > _HARMLESS_RATIO * entry.compress_size
