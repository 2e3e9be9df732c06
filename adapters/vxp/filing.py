"""The files with the exact bytes of what came, each under its SHA-256, below one folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, Final
from uuid import uuid4

from adapters.kit.disk import sync
from hub.message.identifiers import Digest

_OWN: Final = 0o700
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """What was filed stays through a power cut; the same bytes are one file."""

    folder: Path
    lock: Lock = field(default_factory=Lock, repr=False)
    """So that nothing is removed that is just being filed anew."""

    def place_of(self, digest: Digest) -> Path:
        """Return where those bytes are, or would be."""
        name = digest.hex()
        return self.folder / name[:2] / f"{name}.edxml"

    def file(self, digest: Digest, opened: Callable[[], IO[bytes]]) -> None:
        """Have what *opened* gives on disk, however large it is."""
        place = self.place_of(digest)
        with self.lock:
            try:
                os.utime(place)
            except FileNotFoundError:
                with opened() as source:
                    _write(place, source)
            for each in (place.parent, self.folder):
                sync(each)

    def remove(self, digest: Digest, *, before: float) -> None:
        """Let go of those bytes, unless they were filed again since *before* (seconds of the epoch)."""
        place = self.place_of(digest)
        with self.lock, suppress(FileNotFoundError):
            if place.stat().st_mtime < before:
                place.unlink()

    def older_than(self, moment: float) -> Iterator[Digest]:
        """Return what was filed before *moment*; remove what a crash left half done."""
        for each in self.folder.glob("??/*"):
            with suppress(FileNotFoundError, ValueError):
                if each.stat().st_mtime >= moment:
                    continue
                if each.suffix == ".new":
                    each.unlink(missing_ok=True)
                else:
                    yield Digest(bytes.fromhex(each.stem))


def _write(place: Path, source: IO[bytes]) -> None:
    place.parent.mkdir(mode=_OWN, parents=True, exist_ok=True)
    fresh = place.with_name(f".{uuid4().hex}.new")
    try:
        with fresh.open("xb") as file:
            shutil.copyfileobj(source, file, _PIECE)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)
