"""Answers that tell of the whole catalogue, put together once for each version and sent from disk.

Whoever asks gets the same agencies; what differs, such as a system's own applications, comes at the end. It
is compressed by itself and joined to what was compressed before: nobody waits for megabytes to be packed.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeAlias

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKind:
    """A kind of list that is asked for as a whole."""

    name: str
    head: bytes
    """What stands before the first agency."""
    shape: Shape


def prepare(
    folder: Path, made: int, kinds: Sequence[ListKind], rows: Iterable[Row]
) -> Mapping[str, PreparedList]:
    """Write the lists of all *kinds* into *folder*, going through *rows* once; returns them by name.

    No list was ever *made* under the same number: what an earlier answer still reads stays as it is.
    """
    with ExitStack() as stack:
        writers = [stack.enter_context(_ListWriter(folder, kind, made)) for kind in kinds]
        for row in rows:
            for writer in writers:
                writer.add(row)
        return {writer.name: writer.end() for writer in writers}


def written(value: object) -> bytes:
    """Write *value* as JSON, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class _ListWriter:
    """Writes one list, plain and packed, as agencies come."""

    def __init__(self, folder: Path, kind: ListKind, made: int) -> None:
        self.name = kind.name
        self._shape = kind.shape
        self._plain = folder / f"{kind.name}-{made}.json"
        self._packed = folder / f"{kind.name}-{made}.json.gz"
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
        self._batch: list[bytes] = []
        self._count = self._octets = self._packed_octets = self._checksum = 0
        self._head = kind.head

    def __enter__(self) -> Self:
        self._plain_file, self._packed_file = self._plain.open("wb"), self._packed.open("wb")
        self._packed_octets += self._packed_file.write(_GZIP_HEAD)
        self._write(self._head)
        return self

    def __exit__(self, *_: object) -> None:
        self._plain_file.close()
        self._packed_file.close()

    def add(self, row: Row) -> None:
        """Tell of an agency, unless this list leaves it out."""
        told = self._shape(row)
        if told is None:
            return
        self._batch.append(written(told))
        if len(self._batch) == _BATCH:
            self._write_batch()

    def end(self) -> PreparedList:
        """Write what is left, and everything to where it can be read."""
        self._write_batch()
        # The end of a block at the end of an octet: what follows may be packed by somebody else.
        self._packed_octets += self._packed_file.write(self._packer.flush(zlib.Z_FULL_FLUSH))
        self._plain_file.flush()
        self._packed_file.flush()
        return PreparedList(
            plain=self._plain,
            packed=self._packed,
            octets=self._octets,
            packed_octets=self._packed_octets,
            checksum=self._checksum,
            count=self._count,
        )

    def _write_batch(self) -> None:
        if self._batch:
            self._write((b"," if self._count else b"") + b",".join(self._batch))
        self._count += len(self._batch)
        self._batch.clear()

    def _write(self, told: bytes) -> None:
        self._checksum = zlib.crc32(told, self._checksum)
        self._octets += self._plain_file.write(told)
        self._packed_octets += self._packed_file.write(self._packer.compress(told))


def _chunks(path: Path, end: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield end
