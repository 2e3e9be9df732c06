"""Where large envelopes lie on the agency's side: in a folder beside the journal, for nobody else to read.

sent/‹sha256›.edxml     what was signed here: the sender's evidence, as the journal has the small ones
fetched/‹sha256›.edxml  what was received; `.part` while it is being fetched; gone once it is handed over
work/‹process›-‹id›/    what one process is writing, or reading, just now
"""

import asyncio
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from adapters.kit.disk import is_full, sync
from adapters.kit.error import JournalFailed, JournalFull
from adapters.kit.outgoing import process_lives
from hub.message.identifiers import Digest

PIECE: Final = 256 * 1024
_LOOK_SECONDS: Final = 0.2
_SETTLED: Final = timedelta(hours=1)
"""How old what no journal knows has to be, so that nobody is about to journal it."""
_LONGEST_WAIT: Final = timedelta(days=30)
"""How long what was fetched is kept for a delivery that does not come again."""


class Spool:
    """The folder of one mailbox, which several processes may share."""

    def __init__(self, journal: Path) -> None:
        """Lie beside *journal*."""
        self.folder = journal.with_name(f"{journal.name}.bodies")

    def sent(self, digest: Digest) -> Path:
        """Return where a sent envelope lies."""
        return self.folder / "sent" / f"{digest.hex()}.edxml"

    def fetched(self, digest: Digest) -> Path:
        """Return where a received envelope lies once all of it is there."""
        return self.folder / "fetched" / f"{digest.hex()}.edxml"

    def make(self) -> None:
        """Have the folders; raises `OSError`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("sent", "fetched", "work"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    def workplace(self) -> Path:
        """Return a new folder for this process; `leave` it afterwards."""
        self.make()
        place = self.folder / "work" / f"{os.getpid()}-{uuid4().hex}"
        place.mkdir(mode=0o700)
        return place

    def leave(self, place: Path) -> None:
        """Remove a workplace with all in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(place)

    @asynccontextmanager
    async def held(self, digest: Digest) -> AsyncIterator[None]:
        """Be the only one, among all processes, who fetches or forgets the envelope with *digest*."""
        with await asyncio.to_thread(self._lock, digest) as lock:
            while not _is_locked(lock):  # noqa: ASYNC110 - another process may hold it
                await asyncio.sleep(_LOOK_SECONDS)
            yield

    def forget(self, digest: Digest) -> None:
        """Remove what was fetched, unless another delivery still reads it, or is about to."""
        path = self.fetched(digest)
        with self._lock(digest) as lock, suppress(FileNotFoundError):
            if _is_locked(lock) and path.stat().st_nlink == 1:
                path.unlink()

    def _lock(self, digest: Digest) -> IO[bytes]:
        """Return one of a few files to lock, which are never removed: who waits would hold what is gone."""
        self.make()
        return (self.folder / f"lock-{digest.hex()[:2]}").open("ab")

    def clear(self, connection: sqlite3.Connection) -> None:
        """Remove what processes that died left behind: nothing that the journal in *connection* knows."""
        if not self.folder.is_dir():
            return
        for place in (self.folder / "work").iterdir():
            number = place.name.partition("-")[0]
            if number.isdigit() and not process_lives(number):
                self.leave(place)
        for path in (self.folder / "sent").iterdir():
            if _age(path) > _SETTLED and not _is_journalled(connection, path):
                path.unlink(missing_ok=True)
        for path in (self.folder / "fetched").iterdir():
            self._clear_fetched(connection, path)

    def _clear_fetched(self, connection: sqlite3.Connection, path: Path) -> None:
        if _age(path) > _LONGEST_WAIT:
            path.unlink(missing_ok=True)
        elif path.suffix == ".edxml" and _is_handled(connection, path):
            self.forget(Digest(bytes.fromhex(path.stem)))


@contextmanager
def room() -> Iterator[None]:
    """Name a disk that is full, or fails, as the journal does: raises `JournalFull` or `JournalFailed`."""
    try:
        yield
    except OSError as error:
        failure = JournalFull if is_full(error) else JournalFailed
        raise failure(f"the folder of large bodies cannot be written: {error.strerror}") from error


def settle(path: Path, place: Path) -> None:
    """Give what was written at *path* its *place*, for good: also after a power cut."""
    sync(path)
    path.replace(place)
    sync(place.parent)


def pieces_of(path: Path, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield what *path* holds from *start* to before *end*, piece by piece."""
    with path.open("rb") as file:
        file.seek(start)
        left = -1 if end is None else end - start
        while left and (piece := file.read(PIECE if left < 0 else min(left, PIECE))):
            left -= len(piece) if left > 0 else 0
            yield piece


def copy(pieces: Iterator[bytes], into: IO[bytes]) -> None:
    """Write *pieces* one after the other."""
    for piece in pieces:
        into.write(piece)


def _is_locked(lock: IO[bytes]) -> bool:
    """Whether *lock* is ours now, until it is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _age(path: Path) -> timedelta:
    return timedelta(seconds=time.time() - path.stat().st_mtime)


def _is_handled(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether every delivery of what lies at *path* has been handed over."""
    try:
        digest = bytes.fromhex(path.stem)
    except ValueError:
        return False  # not ours: leave it alone
    states = connection.execute("SELECT state FROM incoming WHERE digest = ?", (digest,)).fetchall()
    return bool(states) and all(state in {"handed_over", "answered"} for (state,) in states)


def _is_journalled(connection: sqlite3.Connection, path: Path) -> bool:
    try:
        digest = bytes.fromhex(path.stem)
    except ValueError:
        return True  # not ours: leave it alone
    row = connection.execute("SELECT 1 FROM outgoing WHERE digest = ? LIMIT 1", (digest,)).fetchone()
    return row is not None
