"""Answers that tell of the whole catalogue, put together once for each version and sent from disk.

Whoever asks gets the same agencies; what differs, such as a system's own applications, comes at the end. It
is compressed by itself and joined to what was compressed before: nobody waits for megabytes to be packed.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from adapters.vxp.catalogue.copy import Row

_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_RAW: Final = -zlib.MAX_WBITS
_CHUNK: Final = 64 * 1024
_BATCH: Final = 500
_LEVEL: Final = 6

Shape: TypeAlias = Callable[[Row], Mapping[str, object] | None]
"""How one agency is told; None where it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The bytes of an answer, to be sent as they are read."""

    octets: int
    encoding: str | None
    """`gzip`, or None for none."""
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedList:
    """One kind of list as it stands on disk: all of it but its end."""

    plain: Path
    packed: Path
    octets: int
    packed_octets: int
    checksum: int
    count: int
    """Agencies in it."""

    def answer(self, end: bytes, *, packed: bool) -> Answer:
        """Return the list with *end* behind it; its file is opened when the first chunk is asked for."""
        if not packed:
            return Answer(octets=self.octets + len(end), encoding=None, chunks=_chunks(self.plain, end))
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
        size = (self.octets + len(end)) & 0xFFFFFFFF
        trailer = struct.pack("<II", zlib.crc32(end, self.checksum), size)
        rest = packer.compress(end) + packer.flush() + trailer
        return Answer(
            octets=self.packed_octets + len(rest), encoding="gzip", chunks=_chunks(self.packed, rest)
        )


def prepare(folder: Path, name: str, *, head: bytes, rows: Iterator[Row], shape: Shape) -> PreparedList:
    """Write the list *name* of *rows* into *folder*."""
    plain, packed = folder / f"{name}.json", folder / f"{name}.json.gz"
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    checksum = octets = packed_octets = count = 0
    with plain.open("wb") as plain_file, packed.open("wb") as packed_file:
        packed_octets += packed_file.write(_GZIP_HEAD)
        for told, agencies in _parts(head, rows, shape):
            count += agencies
            checksum = zlib.crc32(told, checksum)
            octets += plain_file.write(told)
            packed_octets += packed_file.write(packer.compress(told))
        # The end of a block at the end of an octet: what follows may be packed by somebody else.
        packed_octets += packed_file.write(packer.flush(zlib.Z_FULL_FLUSH))
    return PreparedList(
        plain=plain,
        packed=packed,
        octets=octets,
        packed_octets=packed_octets,
        checksum=checksum,
        count=count,
    )


def written(value: object) -> bytes:
    """Write *value* as JSON, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _parts(head: bytes, rows: Iterator[Row], shape: Shape) -> Iterator[tuple[bytes, int]]:
    """Return the list in parts, each with how many agencies it tells of."""
    yield head, 0
    separator, batch = b"", list[bytes]()
    for row in rows:
        if (told := shape(row)) is None:
            continue
        batch.append(written(told))
        if len(batch) == _BATCH:
            yield separator + b",".join(batch), len(batch)
            separator, batch = b",", []
    if batch:
        yield separator + b",".join(batch), len(batch)


def _chunks(path: Path, end: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield end
