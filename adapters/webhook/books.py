"""What the adapter remembers, in the kit's journal: what was asked under which key, what is to tell."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, SubmissionId

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS webhook_requests (
        client      TEXT NOT NULL,
        key         TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        submission  TEXT NOT NULL UNIQUE,
        asked_at    TEXT NOT NULL,
        PRIMARY KEY (client, key)
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS webhook_requests_by_time ON webhook_requests (asked_at)",
    """
    CREATE TABLE IF NOT EXISTS webhook_submissions (
        submission  TEXT PRIMARY KEY,
        document_id TEXT NOT NULL,
        sender      TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS webhook_submissions_by_document ON webhook_submissions (document_id, sender)",
    """
    CREATE TABLE IF NOT EXISTS webhook_deliveries (
        delivery_id TEXT PRIMARY KEY,
        document_id TEXT NOT NULL,
        sender      TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS webhook_deliveries_by_document ON webhook_deliveries (document_id, sender)",
    """
    CREATE TABLE IF NOT EXISTS webhook_statuses (
        delivery_id TEXT PRIMARY KEY,
        submission  TEXT NOT NULL,
        sender      TEXT NOT NULL,
        status      TEXT NOT NULL,
        description TEXT NOT NULL,
        received_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS webhook_statuses_by_submission ON webhook_statuses (submission)",
    """
    CREATE TABLE IF NOT EXISTS webhook_events (
        number      INTEGER PRIMARY KEY,
        identity    TEXT NOT NULL UNIQUE,
        subject     TEXT NOT NULL,
        body        BLOB NOT NULL,
        happened_at TEXT NOT NULL,
        attempts    INTEGER NOT NULL DEFAULT 0,
        not_before  REAL NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS webhook_events_by_subject ON webhook_events (subject, number)",
    "CREATE INDEX IF NOT EXISTS webhook_events_by_time ON webhook_events (not_before, number)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a program asked for under a key of its own: the same key is the same submission."""

    client: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to tell the endpoint."""

    identity: str
    """The same for every attempt."""
    subject: str
    """What it is about: the events of one subject are told in their order."""
    body: bytes
    happened_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStatus:
    """What a recipient reported about something that we sent."""

    delivery_id: DeliveryId
    submission: SubmissionId
    sender: str
    status: str
    description: str
    received_at: datetime


def begin_request(connection: sqlite3.Connection, request: Request, at: datetime) -> SubmissionId | None:
    """Return the submission of *request*, made up once; None where its key names another request."""
    connection.execute(
        "INSERT INTO webhook_requests VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (request.client, request.key, request.fingerprint, str(uuid4()), at.isoformat()),
    )
    fingerprint, submission = connection.execute(
        "SELECT fingerprint, submission FROM webhook_requests WHERE client = ? AND key = ?",
        (request.client, request.key),
    ).fetchone()
    return SubmissionId(submission) if fingerprint == request.fingerprint else None


def forget_request(connection: sqlite3.Connection, request: Request) -> None:
    """Free the key of a request that came to nothing."""
    connection.execute(
        "DELETE FROM webhook_requests WHERE client = ? AND key = ?", (request.client, request.key)
    )


def forget_requests(connection: sqlite3.Connection, before: datetime) -> int:
    """Free the keys of what was asked before *before*."""
    return connection.execute(
        "DELETE FROM webhook_requests WHERE asked_at < ?", (before.isoformat(),)
    ).rowcount


def note_submission(
    connection: sqlite3.Connection, submission: SubmissionId, document: DocumentId, sender: AgencyKey
) -> None:
    """Note which document a submission is."""
    connection.execute(
        "INSERT INTO webhook_submissions VALUES (?, ?, ?)"
        " ON CONFLICT (submission) DO UPDATE"
        " SET document_id = excluded.document_id, sender = excluded.sender",
        (submission, document, sender),
    )


def is_submission(connection: sqlite3.Connection, submission: str) -> bool:
    """Whether a document was sent as *submission* through this adapter."""
    found = connection.execute("SELECT 1 FROM webhook_submissions WHERE submission = ?", (submission,))
    return found.fetchone() is not None


def submission_of(
    connection: sqlite3.Connection, document: DocumentId, sender: AgencyKey
) -> SubmissionId | None:
    """Return the latest submission of a document of *sender*."""
    row = connection.execute(
        "SELECT submission FROM webhook_submissions WHERE document_id = ? AND sender = ?"
        " ORDER BY rowid DESC LIMIT 1",
        (document, sender),
    ).fetchone()
    return SubmissionId(row[0]) if row is not None else None


def note_delivery(
    connection: sqlite3.Connection, delivery_id: DeliveryId, document: DocumentId, sender: AgencyKey
) -> None:
    """Note which document came in a delivery."""
    connection.execute(
        "INSERT OR IGNORE INTO webhook_deliveries VALUES (?, ?, ?)", (str(delivery_id), document, sender)
    )


def delivery_of(connection: sqlite3.Connection, document: DocumentId, sender: AgencyKey) -> DeliveryId | None:
    """Return the latest delivery of a document of *sender*."""
    row = connection.execute(
        "SELECT delivery_id FROM webhook_deliveries WHERE document_id = ? AND sender = ?"
        " ORDER BY rowid DESC LIMIT 1",
        (document, sender),
    ).fetchone()
    return DeliveryId(UUID(row[0])) if row is not None else None


def note_status(connection: sqlite3.Connection, told: ToldStatus) -> None:
    """Note what a recipient reported."""
    connection.execute(
        "INSERT OR IGNORE INTO webhook_statuses VALUES (?, ?, ?, ?, ?, ?)",
        (
            str(told.delivery_id),
            told.submission,
            told.sender,
            told.status,
            told.description,
            told.received_at.isoformat(),
        ),
    )


def statuses_of(connection: sqlite3.Connection, submission: SubmissionId) -> Sequence[ToldStatus]:
    """Return what recipients reported about *submission*, oldest first."""
    rows = connection.execute(
        "SELECT delivery_id, submission, sender, status, description, received_at FROM webhook_statuses"
        " WHERE submission = ? ORDER BY rowid",
        (submission,),
    )
    return [
        ToldStatus(
            delivery_id=DeliveryId(UUID(row[0])),
            submission=SubmissionId(row[1]),
            sender=row[2],
            status=row[3],
            description=row[4],
            received_at=datetime.fromisoformat(row[5]),
        )
        for row in rows
    ]


def add_event(connection: sqlite3.Connection, event: Event) -> None:
    """Keep *event* until it is told."""
    connection.execute(
        "INSERT INTO webhook_events (identity, subject, body, happened_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (identity) DO NOTHING",
        (event.identity, event.subject, event.body, event.happened_at.isoformat()),
    )


def due_events(connection: sqlite3.Connection, at: datetime, limit: int) -> Sequence[Event]:
    """Return the oldest events that may be told now: the first of each subject, if its time has come."""
    rows = connection.execute(
        "SELECT identity, subject, body, happened_at, attempts FROM webhook_events AS this"
        " WHERE not_before <= ? AND NOT EXISTS (SELECT 1 FROM webhook_events AS earlier"
        " WHERE earlier.subject = this.subject AND earlier.number < this.number)"
        " ORDER BY not_before, number LIMIT ?",
        (at.timestamp(), limit),
    )
    return [
        Event(
            identity=row[0],
            subject=row[1],
            body=row[2],
            happened_at=datetime.fromisoformat(row[3]),
            attempts=row[4],
        )
        for row in rows
    ]


def settle_event(connection: sqlite3.Connection, identity: str) -> None:
    """Note that an event was told, or given up."""
    connection.execute("DELETE FROM webhook_events WHERE identity = ?", (identity,))


def put_off_event(connection: sqlite3.Connection, identity: str, until: datetime) -> None:
    """Note that an event could not be told, and when it is tried again."""
    connection.execute(
        "UPDATE webhook_events SET attempts = attempts + 1, not_before = ? WHERE identity = ?",
        (until.timestamp(), identity),
    )


def waiting_events(connection: sqlite3.Connection) -> int:
    """Count what is not told."""
    (count,) = connection.execute("SELECT count(*) FROM webhook_events").fetchone()
    return int(count)
