"""What the adapter remembers, in the kit's journal: what left `out/`, came into `in/`, and is told."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from hub.message.identifiers import AgencyKey, DeliveryId, Digest, DocumentId, SubmissionId

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS folder_departures (
        submission_id TEXT PRIMARY KEY,
        identity      TEXT NOT NULL,
        parts         TEXT NOT NULL,
        title         TEXT NOT NULL,
        document_id   TEXT NOT NULL,
        sender        TEXT NOT NULL,
        place         TEXT NOT NULL,
        wanted        TEXT NOT NULL,
        has_left      INTEGER NOT NULL DEFAULT 0,
        refusal       TEXT,
        shown         TEXT,
        taken_at      TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS folder_departures_by_identity ON folder_departures (identity)",
    "CREATE INDEX IF NOT EXISTS folder_departures_by_document ON folder_departures (document_id)",
    "CREATE INDEX IF NOT EXISTS folder_departures_by_time ON folder_departures (taken_at)",
    """
    CREATE TABLE IF NOT EXISTS folder_arrivals (
        delivery_id TEXT PRIMARY KEY,
        document_id TEXT NOT NULL,
        sender      TEXT NOT NULL,
        title       TEXT NOT NULL,
        place       TEXT NOT NULL UNIQUE,
        stage       TEXT NOT NULL,
        arrived_at  TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS folder_arrivals_by_document ON folder_arrivals (document_id)",
    "CREATE INDEX IF NOT EXISTS folder_arrivals_by_time ON folder_arrivals (arrived_at)",
    """
    CREATE TABLE IF NOT EXISTS folder_reports (
        submission_id TEXT PRIMARY KEY, holder TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS folder_news (
        news       INTEGER PRIMARY KEY,
        key        TEXT NOT NULL UNIQUE,
        holder     TEXT NOT NULL,
        name       TEXT NOT NULL,
        body       BLOB,
        vi         TEXT NOT NULL,
        en         TEXT NOT NULL,
        at         TEXT NOT NULL,
        is_written INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS folder_news_by_holder ON folder_news (holder)",
    "CREATE INDEX IF NOT EXISTS folder_news_unwritten ON folder_news (news) WHERE is_written = 0",
)


class ArrivalStage(StrEnum):
    """How far a document has come."""

    PLANNED = "planned"
    """It has a place; nothing of it is promised."""
    READY = "ready"
    """It is on disk and ours; it has to appear."""
    SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of a drop, as it was read."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A drop that was taken: what it is, where its folder is and where that ought to be."""

    submission_id: SubmissionId
    identity: str
    parts: tuple[Part, ...]
    title: str
    document_id: DocumentId
    sender: AgencyKey
    place: str
    wanted: str
    taken_at: datetime
    has_left: bool = False
    """Whether everything of it has left `out/`."""
    refusal: str | None = None
    """What the clerk is told, where it was refused."""
    shown: str | None = None
    """What its `state.txt` says of how far the kit has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalRow:
    """A document that came in."""

    delivery_id: DeliveryId
    title: str
    place: str
    stage: ArrivalStage


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell beside a document; with a body it is a file of its own as well."""

    key: str
    """Names what happened: the same thing is told once."""
    holder: str
    """Submission or delivery that it is about; empty where that is not known."""
    name: str
    body: bytes | None
    vi: str
    en: str
    at: datetime


_DEPARTURE: Final = (
    "submission_id, identity, parts, title, document_id, sender, place, wanted, taken_at, has_left, refusal,"
    " shown"
)


def record_departure(connection: sqlite3.Connection, departure: Departure) -> None:
    """Note that a drop is being taken, or what became of one that was taken before a crash."""
    connection.execute(
        f"INSERT INTO folder_departures ({_DEPARTURE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
        " ON CONFLICT (submission_id) DO UPDATE SET title = excluded.title,"
        " document_id = excluded.document_id,"
        " sender = excluded.sender, wanted = excluded.wanted, refusal = excluded.refusal",
        (
            departure.submission_id,
            departure.identity,
            json.dumps([(part.name, part.digest.hex()) for part in departure.parts]),
            departure.title,
            departure.document_id,
            departure.sender,
            departure.place,
            departure.wanted,
            departure.taken_at.isoformat(),
            int(departure.has_left),
            departure.refusal,
            departure.shown,
        ),
    )


def departures_of(connection: sqlite3.Connection, identity: str) -> Sequence[Departure]:
    """Return what was made of the very same files before, oldest first."""
    return _departures(connection, "identity = ? ORDER BY rowid", identity)


def unfinished_departures(connection: sqlite3.Connection) -> Sequence[Departure]:
    """Return what has not left `out/` yet, and what ought to be elsewhere than it is."""
    return _departures(connection, "has_left = 0 OR place <> wanted ORDER BY rowid")


def departures_since(connection: sqlite3.Connection, at: datetime) -> Sequence[Departure]:
    """Return what was taken since *at* and was not refused."""
    query = "taken_at >= ? AND has_left = 1 AND refusal IS NULL ORDER BY rowid"
    return _departures(connection, query, at.isoformat())


def departure_named(connection: sqlite3.Connection, submission: str) -> Departure | None:
    """Return the departure with that submission."""
    return next(iter(_departures(connection, "submission_id = ?", submission)), None)


def settle_departure(connection: sqlite3.Connection, submission: SubmissionId, place: str) -> None:
    """Note that all of it has left `out/` and that its folder is at *place*."""
    connection.execute(
        "UPDATE folder_departures SET has_left = 1, place = ? WHERE submission_id = ?", (place, submission)
    )


def note_shown(connection: sqlite3.Connection, submission: SubmissionId, shown: str) -> None:
    """Note what `state.txt` says."""
    connection.execute("UPDATE folder_departures SET shown = ? WHERE submission_id = ?", (shown, submission))


def refuse_departure(
    connection: sqlite3.Connection, submission: SubmissionId, *, wanted: str, refusal: str
) -> None:
    """Note that the axis has refused it, and where its folder goes for that."""
    connection.execute(
        "UPDATE folder_departures SET wanted = ?, refusal = ? WHERE submission_id = ? AND refusal IS NULL",
        (wanted, refusal, submission),
    )


def plan_arrival(
    connection: sqlite3.Connection, arrival: ArrivalRow, *, document_id: str, sender: AgencyKey, at: datetime
) -> ArrivalRow:
    """Give a delivery its place, once: what it was given before stands."""
    connection.execute(
        "INSERT INTO folder_arrivals (delivery_id, document_id, sender, title, place, stage, arrived_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (delivery_id) DO NOTHING",
        (
            str(arrival.delivery_id),
            document_id,
            sender,
            arrival.title,
            arrival.place,
            arrival.stage.value,
            at.isoformat(),
        ),
    )
    (planned,) = _arrivals(connection, "delivery_id = ?", str(arrival.delivery_id))
    return planned


def stage_arrival(connection: sqlite3.Connection, delivery_id: DeliveryId, stage: ArrivalStage) -> None:
    """Note how far a document has come."""
    connection.execute(
        "UPDATE folder_arrivals SET stage = ? WHERE delivery_id = ?", (stage.value, str(delivery_id))
    )


def arrivals_at(connection: sqlite3.Connection, stage: ArrivalStage) -> Sequence[ArrivalRow]:
    """Return what has come so far and no further."""
    return _arrivals(connection, "stage = ? ORDER BY rowid", stage.value)


def arrivals_since(connection: sqlite3.Connection, at: datetime) -> Sequence[ArrivalRow]:
    """Return what has appeared since *at*."""
    return _arrivals(connection, "arrived_at >= ? AND stage = 'shown' ORDER BY rowid", at.isoformat())


def arrival_named(connection: sqlite3.Connection, delivery: str) -> ArrivalRow | None:
    """Return the arrival of that delivery."""
    return next(iter(_arrivals(connection, "delivery_id = ?", delivery)), None)


def note_report(connection: sqlite3.Connection, submission: SubmissionId, holder: str) -> None:
    """Note whose folder tells what becomes of a status of ours."""
    connection.execute("INSERT OR IGNORE INTO folder_reports VALUES (?, ?)", (submission, holder))


def holder_of_submission(connection: sqlite3.Connection, submission: SubmissionId) -> str | None:
    """Return whose folder tells of *submission*; None where it did not come out of a folder."""
    row = connection.execute(
        "SELECT submission_id FROM folder_departures WHERE submission_id = ?1"
        " UNION ALL SELECT holder FROM folder_reports WHERE submission_id = ?1",
        (submission,),
    ).fetchone()
    return str(row[0]) if row is not None else None


def holder_of_document(
    connection: sqlite3.Connection, document: DocumentId, sender: AgencyKey, *, is_ours: bool
) -> str:
    """Return whose folder tells of a document of *sender*, the latest; empty where none does."""
    table, name = ("folder_departures", "submission_id") if is_ours else ("folder_arrivals", "delivery_id")
    row = connection.execute(
        f"SELECT {name} FROM {table} WHERE document_id = ? AND sender = ? ORDER BY rowid DESC LIMIT 1",  # noqa: S608 - our own names
        (document, sender),
    ).fetchone()
    return str(row[0]) if row is not None else ""


def tell(connection: sqlite3.Connection, news: News) -> None:
    """Keep *news* until it is written; what was told already is not told again."""
    connection.execute(
        "INSERT INTO folder_news (key, holder, name, body, vi, en, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO NOTHING",
        (news.key, news.holder, news.name, news.body, news.vi, news.en, news.at.isoformat()),
    )


def unwritten_news(connection: sqlite3.Connection, limit: int) -> Sequence[tuple[int, News]]:
    """Return the oldest *limit* of what no file says yet."""
    return _news(connection, "is_written = 0 ORDER BY news LIMIT ?", limit)


def news_of(connection: sqlite3.Connection, holder: str) -> Sequence[News]:
    """Return everything there is to tell of *holder*, without the files."""
    return [news for _, news in _news(connection, "holder = ? ORDER BY at, news", holder, body="NULL")]


def note_written(connection: sqlite3.Connection, number: int, *, is_kept: bool) -> None:
    """Note that it is told; *is_kept* where its file found no folder, so that the bytes stay here."""
    connection.execute(
        f"UPDATE folder_news SET is_written = 1 {'' if is_kept else ', body = NULL'} WHERE news = ?",  # noqa: S608 - our own words
        (number,),
    )


def _departures(connection: sqlite3.Connection, where: str, *values: object) -> list[Departure]:
    rows = connection.execute(f"SELECT {_DEPARTURE} FROM folder_departures WHERE {where}", values)  # noqa: S608 - our own names
    return [_departure(row) for row in rows]


def _departure(row: Sequence[object]) -> Departure:
    (
        submission,
        identity,
        parts,
        title,
        document,
        sender,
        place,
        wanted,
        taken_at,
        has_left,
        refusal,
        shown,
    ) = row
    return Departure(
        submission_id=SubmissionId(str(submission)),
        identity=str(identity),
        parts=tuple(
            Part(name=name, digest=Digest(bytes.fromhex(digest))) for name, digest in json.loads(str(parts))
        ),
        title=str(title),
        document_id=DocumentId(str(document)),
        sender=AgencyKey(str(sender)),
        place=str(place),
        wanted=str(wanted),
        taken_at=datetime.fromisoformat(str(taken_at)),
        has_left=bool(has_left),
        refusal=str(refusal) if refusal is not None else None,
        shown=str(shown) if shown is not None else None,
    )


def _arrivals(connection: sqlite3.Connection, where: str, *values: object) -> list[ArrivalRow]:
    rows = connection.execute(
        f"SELECT delivery_id, title, place, stage FROM folder_arrivals WHERE {where}",  # noqa: S608 - our own names
        values,
    )
    return [
        ArrivalRow(
            delivery_id=DeliveryId(UUID(row[0])), title=row[1], place=row[2], stage=ArrivalStage(row[3])
        )
        for row in rows
    ]


def _news(
    connection: sqlite3.Connection, where: str, *values: object, body: str = "body"
) -> list[tuple[int, News]]:
    rows = connection.execute(
        f"SELECT news, key, holder, name, {body}, vi, en, at FROM folder_news WHERE {where}",  # noqa: S608 - our own names
        values,
    )
    return [
        (
            row[0],
            News(
                key=row[1],
                holder=row[2],
                name=row[3],
                body=row[4],
                vi=row[5],
                en=row[6],
                at=datetime.fromisoformat(row[7]),
            ),
        )
        for row in rows
    ]
