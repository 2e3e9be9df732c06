import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from adapters.kit.error import JournalFailed
from adapters.kit.journal import Journal, _connect
from hub.errors import ConfigurationError

NOTES = ("CREATE TABLE IF NOT EXISTS notes (text TEXT PRIMARY KEY)",)


def write_note(text: str, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO notes VALUES (?)", (text,))


def count_notes(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM notes").fetchone()
    return int(count)


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "a.journal", tables=NOTES)
    await journal.write(lambda connection: write_note("kept", connection))
    await journal.close()

    reopened = await Journal.open(tmp_path / "a.journal", tables=NOTES)

    assert await reopened.write(count_notes) == 1
    await reopened.close()


async def test_an_act_that_raises_leaves_nothing_and_its_neighbours_stay(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "a.journal", tables=NOTES)

    def write_and_fail(connection: sqlite3.Connection) -> None:
        write_note("undone", connection)
        raise LookupError("the adapter's own error")

    results = await asyncio.gather(
        journal.write(lambda connection: write_note("before", connection)),
        journal.write(write_and_fail),
        journal.write(lambda connection: write_note("after", connection)),
        return_exceptions=True,
    )

    assert isinstance(results[1], LookupError)
    assert await journal.write(count_notes) == 2
    await journal.close()


async def test_acts_that_wait_together_share_commits(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "a.journal", tables=NOTES)
    go = threading.Event()
    blocked = asyncio.ensure_future(journal.write(lambda _: go.wait(10)))
    writes = [journal.write(lambda connection, n=n: write_note(str(n), connection)) for n in range(100)]
    waiting = asyncio.gather(*writes)
    await asyncio.sleep(0)
    with sqlite3.connect(tmp_path / "a.journal") as reader:
        before = reader.execute("PRAGMA data_version").fetchone()
        go.set()
        await waiting
        await blocked
        after = reader.execute("PRAGMA data_version").fetchone()
    reader.close()

    assert after[0] - before[0] <= 2, "the blocked act's commit, and one for all the others"
    assert await journal.write(count_notes) == 100
    await journal.close()


async def test_two_journals_on_one_file_wait_for_each_other(tmp_path: Path) -> None:
    first, second = await asyncio.gather(
        Journal.open(tmp_path / "a.journal", tables=NOTES), Journal.open(tmp_path / "a.journal", tables=NOTES)
    )

    await asyncio.gather(
        *[
            journal.write(lambda connection, name=f"{name}{n}": write_note(name, connection))
            for n in range(50)
            for name, journal in (("first", first), ("second", second))
        ]
    )

    assert await first.write(count_notes) == 100
    await first.close()
    await second.close()


def test_a_new_journal_may_be_opened_by_many_at_the_same_instant(tmp_path: Path) -> None:
    def opened(path: Path, together: Barrier) -> str:
        together.wait()
        connection = _connect(path)
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()
        return str(mode)

    with ThreadPoolExecutor(4) as threads:
        for attempt in range(100):  # SQLite refuses one of four in one of twenty attempts
            together, path = Barrier(4), tmp_path / f"{attempt}.journal"
            modes = threads.map(opened, [path] * 4, [together] * 4)
            assert set(modes) == {"wal"}


async def test_a_journal_of_a_later_kit_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.journal") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(ConfigurationError, match="999"):
        await Journal.open(tmp_path / "a.journal")


async def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalFailed, match="missing"):
        await Journal.open(tmp_path / "missing" / "a.journal")


async def test_a_closed_journal_refuses_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "a.journal")
    await journal.close()

    with pytest.raises(JournalFailed, match="closed"):
        await journal.write(count_notes)
