"""The durable journal of one mailbox: a SQLite file and one writer thread, so that the loop never waits."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, Self, TypeAlias, TypeVar

import structlog
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from adapters.kit.error import JournalFailed, JournalFull
from adapters.kit.schema import bring_up_to_date

T = TypeVar("T")
_log = structlog.get_logger("adapters.kit")
Act: TypeAlias = Callable[[sqlite3.Connection], T]
"""What happens in one transaction; it neither commits nor rolls back itself."""

_GROUP: Final = 256
"""Acts that share one commit, and so one fsync, at most."""
_BUSY: Final = 30.0
"""Seconds that a writer waits for the writers of other processes."""
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two looks whether a full disk has room again, at most."""
_FULL_ADVICE: Final = (
    "the disk of the journal is full: free space on it; nothing more is accepted meanwhile, and what was "
    "accepted waits and goes on by itself"
)


class Journal:
    """Runs acts in transactions: what `write` returned for is on disk, an act that raised left nothing.

    Several processes of one mailbox share the file; unique keys decide between them.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; `open` opens it."""
        self.path = path
        self._waiting: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @classmethod
    async def open(cls, path: Path, *, tables: Sequence[str] = ()) -> Self:
        """Open or create the journal; *tables* are the adapter's statements for tables of its own."""
        journal = cls(path)
        journal._thread = threading.Thread(target=journal._work, name=f"journal {path.name}", daemon=True)
        journal._thread.start()
        try:
            await journal.write_or_refuse(lambda connection: _prepare(connection, tables))
        except BaseException:
            await journal.close()
            raise
        return journal

    async def write(self, act: Act[T]) -> T:
        """Run *act* as `write_or_refuse` does, but wait while the disk is full.

        This is for what the mailbox has in hand: to give that up would lose it, or count as an attempt at it.
        """
        pause, is_told = 0.05, False
        while True:
            try:
                result = await self.write_or_refuse(act)
            except JournalFull as failure:
                if not is_told:
                    _log.error("journal.full", reason=str(failure), advice=_FULL_ADVICE)
                is_told, pause = True, min(_LONGEST_PAUSE, 2 * pause)
                await asyncio.sleep(pause)
            else:
                if is_told:
                    _log.warning("journal.has_room", journal=str(self.path))
                return result

    async def write_or_refuse(self, act: Act[T]) -> T:
        """Run *act* and return its result after the commit; acts that wait together share one commit.

        Raises what *act* raised, then rolled back; `JournalFull` where the disk is full, and `JournalFailed`
        where the file cannot be written for another reason.
        """
        if self._is_closed:
            raise JournalFailed(f"the journal {self.path} is closed")
        pending = _Pending(act)
        self._waiting.put(pending)
        return await pending.settled

    async def close(self) -> None:
        """Finish what waits, then let go of the file."""
        self._is_closed = True
        self._waiting.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (group := self._next_group()) is not None:
            try:
                connection = connection or _connect(self.path)
                _commit(connection, group)
            except sqlite3.Error as error:
                failure = JournalFull if _is_full(error) else JournalFailed
                _fail(group, failure(f"the journal {self.path} cannot be written: {error}"))
                connection = _roll_back(connection) if _is_full(error) else _abandon(connection)
            else:
                _settle(group)
        if connection is not None:
            connection.close()

    def _next_group(self) -> "Sequence[_Write] | None":
        first = self._waiting.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _GROUP:
            try:
                following = self._waiting.get_nowait()
            except Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            group.append(following)
        return group


class _Write(Protocol):
    """An act that waits, whatever it returns."""

    loop: asyncio.AbstractEventLoop

    def run(self, connection: sqlite3.Connection) -> None: ...

    def fail(self, error: Exception) -> None: ...

    def settle(self) -> None: ...


class _Pending(Generic[T]):
    """One act and the future of its result."""

    def __init__(self, act: Act[T]) -> None:
        self.loop = asyncio.get_running_loop()
        self.settled: asyncio.Future[T] = self.loop.create_future()
        self._act = act
        self._results: list[T] = []
        self._error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT act")
        try:
            self._results = [self._act(connection)]
        except Exception as error:  # an adapter's act may raise anything; whoever waits gets it
            if isinstance(error, sqlite3.Error) and _is_full(error):
                raise
            self._error = error
            connection.execute("ROLLBACK TO act")
        connection.execute("RELEASE act")

    def fail(self, error: Exception) -> None:
        self._error = error

    def settle(self) -> None:
        if self.settled.done():  # whoever waited was cancelled; what was written stays
            return
        if self._error is not None:
            self.settled.set_exception(self._error)
        else:
            self.settled.set_result(self._results[0])


def _prepare(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    bring_up_to_date(connection)
    for statement in tables:
        connection.execute(statement)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY)
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _is_busy(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF == sqlite3.SQLITE_BUSY


@retry(
    retry=retry_if_exception(_is_busy), wait=wait_random(0, 0.05), stop=stop_after_delay(_BUSY), reraise=True
)
def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and the writer not wait for each other.

    SQLite itself does not wait here for another process that opens a new journal at the same instant.
    """
    connection.execute("PRAGMA journal_mode = WAL")


def _commit(connection: sqlite3.Connection, group: Sequence[_Write]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for write in group:
        write.run(connection)
    connection.execute("COMMIT")


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _roll_back(connection: sqlite3.Connection | None) -> sqlite3.Connection | None:
    """Keep the file open, where that can be done: to open it again would itself need room."""
    try:
        if connection is not None:
            connection.rollback()
    except sqlite3.Error:
        return _abandon(connection)
    return connection


def _abandon(connection: sqlite3.Connection | None) -> sqlite3.Connection | None:
    """Close after a failure: the next group opens the file again, and nothing half done survives."""
    if connection is not None:
        connection.close()
    return None


def _fail(group: Sequence[_Write], error: JournalFailed) -> None:
    for write in group:
        write.fail(error)
    _settle(group)


def _settle(group: Sequence[_Write]) -> None:
    """Wake those who wait: once for the group, as they nearly always share a loop."""
    loop = group[0].loop
    try:
        loop.call_soon_threadsafe(_settle_each, [write for write in group if write.loop is loop])
        for write in group:
            if write.loop is not loop:
                write.loop.call_soon_threadsafe(write.settle)
    except RuntimeError:  # the loop was closed: nobody waits any more
        return


def _settle_each(group: Sequence[_Write]) -> None:
    for write in group:
        write.settle()
