"""What a system hands over: in memory where it is small, in a file of its own where it is not."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

_OWN: Final = 0o700
PIECE: Final = 256 * 1024
IN_MEMORY: Final = 1024 * 1024
"""Octets of one call that are kept in memory; what is more lies in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Octets that came; a file lasts as long as the call."""

    body: bytes = field(default=b"", repr=False)
    file: Path | None = None
    """Where they are instead, where they are many."""

    def pieces(self) -> Iterator[bytes]:
        """Return them piece by piece."""
        if self.file is None:
            yield self.body
            return
        with self.file.open("rb") as source:
            while piece := source.read(PIECE):
                yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The folder of what is being handed over just now."""

    folder: Path
    above: int
    """Octets that are kept in memory at most."""

    def clear(self) -> None:
        """Remove what a process left that died; nobody else works in the folder."""
        self.folder.mkdir(mode=_OWN, parents=True, exist_ok=True)
        for each in self.folder.iterdir():
            each.unlink(missing_ok=True)

    @asynccontextmanager
    async def taken(self, stream: AsyncIterable[bytes]) -> AsyncIterator[Upload]:
        """Take in what *stream* gives."""
        place = self.folder / uuid4().hex
        try:
            yield await self._take(stream, place)
        finally:
            place.unlink(missing_ok=True)

    async def _take(self, stream: AsyncIterable[bytes], place: Path) -> Upload:
        held = bytearray()
        into: IO[bytes] | None = None
        try:
            async for piece in stream:
                held += piece
                if into is None and len(held) > self.above:
                    into = place.open("xb")
                if into is not None and len(held) >= PIECE:
                    into.write(held)  # into the system's memory: the disk is not waited for
                    held.clear()
            if into is None:
                return Upload(body=bytes(held))
            into.write(held)
        finally:
            if into is not None:
                into.close()
        return Upload(file=place)
