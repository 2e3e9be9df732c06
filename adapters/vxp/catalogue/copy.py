"""The copy on disk: a SQLite file that anybody may read while the next version is put together beside it."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeAlias

from adapters.vxp.catalogue.entry import CatalogueEntry
from adapters.vxp.catalogue.failure import CatalogueFailed
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key

_Values: TypeAlias = tuple[str, int, str, str, int, str | None, str | None, str | None, int, str]
_AGENCIES: Final = """(
    key TEXT PRIMARY KEY, number INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    level INTEGER NOT NULL, parent TEXT, closed_at TEXT, successor TEXT, version INTEGER NOT NULL,
    changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID"""
_STANDING: Final = """(
    only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL, mark TEXT NOT NULL,
    refreshed_at TEXT NOT NULL
) STRICT"""
_SCHEMA: Final = (
    f"CREATE TABLE IF NOT EXISTS agencies {_AGENCIES}",
    f"CREATE TABLE IF NOT EXISTS staged {_AGENCIES}",
    "CREATE INDEX IF NOT EXISTS agencies_version ON agencies (version)",
    f"CREATE TABLE IF NOT EXISTS standing {_STANDING}",
)
_LEVELS: Final = 32
"""More than any tree of agencies has: a circle in the data ends here."""
_BUSY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which catalogue the copy is."""

    version: int
    mark: str
    """What tells this source's answer from its next: nothing else is read out of it."""
    refreshed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An agency with what those who list it want to know of its parent."""

    entry: CatalogueEntry
    parent_number: int | None


class CatalogueCopy:
    """What is staged shows only when `publish` has ended; a reader sees one version or the next."""

    def __init__(self, path: Path, reader: sqlite3.Connection) -> None:
        """Read by *reader*; `open` makes one."""
        self._path = path
        self._reader = reader

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the copy; raises `CatalogueFailed` where the file cannot be used."""
        with translated(path):
            reader = _connect(path)
            for statement in _SCHEMA:
                reader.execute(statement)
        return cls(path, reader)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def standing(self) -> Standing | None:
        """Return which catalogue this is; None before the first."""
        with translated(self._path):
            row = self._reader.execute("SELECT version, mark, refreshed_at FROM standing").fetchone()
        if row is None:
            return None
        return Standing(version=row[0], mark=row[1], refreshed_at=datetime.fromisoformat(row[2]))

    def find(self, code: str) -> CatalogueEntry | None:
        """Return the agency with *code*, in any of its forms."""
        row = self._reader.execute("SELECT * FROM agencies WHERE key = ?", (agency_key(code),)).fetchone()
        return _entry(row) if row is not None else None

    def is_within(self, code: str, ancestor: str) -> bool:
        """Whether *code* is *ancestor* or a unit somewhere below it."""
        wanted, current = agency_key(ancestor), self.find(code)
        for _ in range(_LEVELS):
            if current is None or current.key == wanted:
                break
            current = self.find(current.parent) if current.parent is not None else None
        return current is not None and current.key == wanted

    def rows(
        self, *, after: AgencyKey | None = None, since: int = 0, limit: int | None = None
    ) -> Iterator[Row]:
        """Return agencies in the order of keys, all of one version, read as they are asked for."""
        with translated(self._path), closing(_connect(self._path)) as connection:
            yield from _rows(connection, after, since, limit)

    def stage(self, entries: Iterable[CatalogueEntry], *, anew: bool = False) -> None:
        """Put *entries* aside; with *anew* what was aside before is dropped first."""
        with self._writing() as connection:
            if anew:
                connection.execute("DELETE FROM staged")
            connection.executemany(
                "INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_values, entries)
            )

    def publish(self, standing: Standing, *, is_whole: bool) -> int:
        """Show what is staged, at once; where it is the whole catalogue, nothing else stays.

        Returns how many entries that were.
        """
        with self._writing() as connection:
            if is_whole:
                connection.execute("DELETE FROM agencies")
            shown = connection.execute("INSERT OR REPLACE INTO agencies SELECT * FROM staged").rowcount
            connection.execute("DELETE FROM staged")
            connection.execute(
                "INSERT OR REPLACE INTO standing VALUES (1, ?, ?, ?)",
                (standing.version, standing.mark, standing.refreshed_at.isoformat()),
            )
        return shown

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path), closing(_connect(self._path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into our own error."""
    try:
        yield
    except sqlite3.Error as error:
        raise CatalogueFailed(f"{path} cannot be used: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # after a power cut it is fetched again
    return connection


def _rows(
    connection: sqlite3.Connection, after: AgencyKey | None, since: int, limit: int | None
) -> Iterator[Row]:
    found = connection.execute(
        "SELECT a.*, p.number FROM agencies a LEFT JOIN agencies p ON p.key = a.parent"
        " WHERE a.key > ? AND a.version > ? ORDER BY a.key LIMIT ?",
        (after or "", since, -1 if limit is None else limit),
    )
    for row in found:
        yield Row(entry=_entry(row[:-1]), parent_number=row[-1])


def _values(entry: CatalogueEntry) -> _Values:
    closed_at = entry.closed_at.isoformat() if entry.closed_at is not None else None
    return (
        entry.key,
        entry.number,
        entry.code,
        entry.name,
        entry.level,
        entry.parent,
        closed_at,
        entry.successor,
        entry.version,
        entry.changed_at.isoformat(),
    )


def _entry(row: _Values) -> CatalogueEntry:
    """Return the entry of *row*; it was checked when it was staged."""
    key, number, code, name, level, parent, closed_at, successor, version, changed_at = row
    return CatalogueEntry.model_construct(
        number=number,
        key=AgencyKey(key),
        code=AgencyCode(code),
        name=name,
        level=level,
        parent=AgencyKey(parent) if parent is not None else None,
        closed_at=datetime.fromisoformat(closed_at) if closed_at is not None else None,
        successor=AgencyKey(successor) if successor is not None else None,
        version=version,
        changed_at=datetime.fromisoformat(changed_at),
    )
