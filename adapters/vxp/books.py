"""What the gateway remembers, in the kit's journal: what came for the systems, and what they sent."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias
from uuid import UUID

from adapters.kit import outgoing
from adapters.kit.outgoing import OutgoingState
from adapters.vxp.gateway import DocId, PacketKind, Period, Received, Sent, TransportStatus
from hub.message.identifiers import AgencyCode, AgencyKey, DeliveryId, Digest, DocumentId, SubmissionId

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS vxp_received (
        doc_id      TEXT PRIMARY KEY,
        kind        TEXT NOT NULL,
        sender      TEXT NOT NULL,
        sender_code TEXT NOT NULL,
        recipient   TEXT NOT NULL,
        recipient_code TEXT NOT NULL,
        document_id TEXT NOT NULL,
        title       TEXT NOT NULL,
        notation    TEXT NOT NULL,
        digest      BLOB NOT NULL,
        octets      INTEGER NOT NULL,
        status      TEXT NOT NULL DEFAULT 'initial',
        description TEXT NOT NULL DEFAULT '',
        is_acknowledged INTEGER NOT NULL DEFAULT 0,
        created_at  TEXT NOT NULL,
        updated_at  TEXT NOT NULL
    ) STRICT
    """,
    (
        "CREATE INDEX IF NOT EXISTS vxp_received_open ON vxp_received (recipient, kind, created_at)"
        " WHERE status IN ('initial', 'processing')"
    ),
    "CREATE INDEX IF NOT EXISTS vxp_received_by_document ON vxp_received (document_id)",
    "CREATE INDEX IF NOT EXISTS vxp_received_by_recipient ON vxp_received (recipient)",
    "CREATE INDEX IF NOT EXISTS vxp_received_by_digest ON vxp_received (digest)",
    "CREATE INDEX IF NOT EXISTS vxp_received_by_time ON vxp_received (updated_at)",
    """
    CREATE TABLE IF NOT EXISTS vxp_sent (
        doc_id      TEXT PRIMARY KEY,
        systemid    TEXT NOT NULL,
        kind        TEXT NOT NULL,
        sender      TEXT NOT NULL,
        sender_code TEXT NOT NULL,
        document_id TEXT NOT NULL,
        title       TEXT NOT NULL,
        notation    TEXT NOT NULL,
        likeness    BLOB NOT NULL,
        is_posted   INTEGER NOT NULL DEFAULT 0,
        sent_at     TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS vxp_sent_by_system ON vxp_sent (systemid, sent_at)",
    "CREATE INDEX IF NOT EXISTS vxp_sent_by_time ON vxp_sent (sent_at)",
    "CREATE INDEX IF NOT EXISTS vxp_sent_by_document ON vxp_sent (document_id)",
    "CREATE INDEX IF NOT EXISTS vxp_sent_by_likeness ON vxp_sent (likeness)",
    "CREATE INDEX IF NOT EXISTS vxp_sent_unposted ON vxp_sent (doc_id) WHERE is_posted = 0",
    """
    CREATE TABLE IF NOT EXISTS vxp_sent_to (
        doc_id         TEXT NOT NULL,
        recipient      TEXT NOT NULL,
        recipient_code TEXT NOT NULL,
        delivery_id    TEXT,
        send_status    TEXT NOT NULL DEFAULT 'initial',
        send_description TEXT NOT NULL DEFAULT '',
        receive_status TEXT NOT NULL DEFAULT 'initial',
        receive_description TEXT NOT NULL DEFAULT '',
        received_at    TEXT,
        PRIMARY KEY (doc_id, recipient)
    ) STRICT, WITHOUT ROWID
    """,
)
_RECEIVED: Final = (
    "doc_id, kind, sender_code, recipient_code, created_at, updated_at, status, description, digest, octets,"
    " title, notation"
)
_WANTED: Final = (
    "status IN ('initial', 'processing') AND recipient IN (SELECT value FROM json_each(:agencies))"
    " AND (:kind IS NULL OR kind = :kind) AND created_at >= :since AND created_at < :until"
)
_ReceivedRow: TypeAlias = tuple[str, str, str, str, str, str, str, str, bytes, int, str, str]
_SentRow: TypeAlias = tuple[str, str, str, str, str | None, str, str, str, str | None, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A document or status that came for a system."""

    delivery_id: DeliveryId
    kind: PacketKind
    sender: AgencyKey
    sender_code: AgencyCode
    recipient: AgencyKey
    recipient_code: AgencyCode
    document_id: DocumentId
    title: str
    notation: str
    digest: Digest
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A packet that a system sends."""

    submission_id: SubmissionId
    systemid: str
    kind: PacketKind
    sender: AgencyKey
    sender_code: AgencyCode
    recipients: tuple[tuple[AgencyKey, AgencyCode], ...]
    document_id: DocumentId
    title: str
    notation: str
    likeness: Digest
    """The same for the same file from the same system to the same agencies."""


# ——— what came ———


def receive(connection: sqlite3.Connection, arrival: Arrival, *, at: datetime) -> None:
    """Note what came; the same delivery is one row."""
    connection.execute(
        "INSERT OR IGNORE INTO vxp_received (doc_id, kind, sender, sender_code, recipient, recipient_code,"
        " document_id, title, notation, digest, octets, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            str(arrival.delivery_id),
            arrival.kind.value,
            arrival.sender,
            arrival.sender_code,
            arrival.recipient,
            arrival.recipient_code,
            arrival.document_id,
            arrival.title,
            arrival.notation,
            arrival.digest,
            arrival.octets,
            at.isoformat(),
            at.isoformat(),
        ),
    )


def recipients(connection: sqlite3.Connection) -> frozenset[AgencyKey]:
    """Return every agency for which something has come."""
    return frozenset(
        AgencyKey(row[0]) for row in connection.execute("SELECT DISTINCT recipient FROM vxp_received")
    )


def open_for(
    connection: sqlite3.Connection,
    agencies: Iterable[AgencyKey],
    kind: PacketKind | None,
    *,
    period: Period,
    limit: int,
) -> Sequence[Received]:
    """Return what has come for *agencies* and was not reported as done or failed, oldest first."""
    rows = connection.execute(
        f"SELECT {_RECEIVED} FROM vxp_received WHERE {_WANTED}"  # noqa: S608 - our own names
        " ORDER BY created_at, doc_id LIMIT :limit",
        _wanted(agencies, kind, period) | {"limit": limit},
    )
    return [_received(row) for row in rows]


def count_open(connection: sqlite3.Connection, agencies: Iterable[AgencyKey], kind: PacketKind) -> int:
    """Return how many `open_for` would find."""
    (number,) = connection.execute(
        f"SELECT count(*) FROM vxp_received WHERE {_WANTED}",  # noqa: S608 - our own names
        _wanted(agencies, kind, Period()),
    ).fetchone()
    return int(number)


def received(connection: sqlite3.Connection, doc_id: DocId) -> tuple[Received, bool] | None:
    """Return what came under that name, and whether its sender was told 01 or 03 about it."""
    row = connection.execute(
        f"SELECT {_RECEIVED}, is_acknowledged FROM vxp_received WHERE doc_id = ?",  # noqa: S608 - our own names
        (doc_id,),
    ).fetchone()
    return (_received(row[:-1]), bool(row[-1])) if row is not None else None


def update(
    connection: sqlite3.Connection, doc_id: DocId, status: TransportStatus, description: str, *, at: datetime
) -> None:
    """Note how far a system is with what came."""
    connection.execute(
        "UPDATE vxp_received SET status = ?, description = ?, updated_at = ? WHERE doc_id = ?",
        (status.value, description, at.isoformat(), doc_id),
    )


def delivery_about(
    connection: sqlite3.Connection, document_id: DocumentId, *, sender: AgencyKey, recipient: AgencyKey
) -> DeliveryId | None:
    """Return the delivery that a status of *recipient* about that document means: the last."""
    row = connection.execute(
        "SELECT doc_id FROM vxp_received WHERE document_id = ? AND sender = ? AND recipient = ?"
        " AND kind = 'edoc' ORDER BY created_at DESC LIMIT 1",
        (document_id, sender, recipient),
    ).fetchone()
    return DeliveryId(UUID(row[0])) if row is not None else None


def acknowledge(connection: sqlite3.Connection, delivery_id: DeliveryId) -> None:
    """Note that the system has told the sender 01 or 03 itself."""
    connection.execute("UPDATE vxp_received SET is_acknowledged = 1 WHERE doc_id = ?", (str(delivery_id),))


# ——— what went ———


def plan(connection: sqlite3.Connection, departure: Departure, *, at: datetime) -> None:
    """Note what is about to be journalled; nobody was told of it yet."""
    connection.execute(
        "INSERT INTO vxp_sent (doc_id, systemid, kind, sender, sender_code, document_id, title, notation,"
        " likeness, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            departure.submission_id,
            departure.systemid,
            departure.kind.value,
            departure.sender,
            departure.sender_code,
            departure.document_id,
            departure.title,
            departure.notation,
            departure.likeness,
            at.isoformat(),
        ),
    )
    connection.executemany(
        "INSERT INTO vxp_sent_to (doc_id, recipient, recipient_code) VALUES (?, ?, ?)",
        [(departure.submission_id, key, code) for key, code in departure.recipients],
    )


def like(connection: sqlite3.Connection, likeness: Digest, *, since: datetime) -> SubmissionId | None:
    """Return what was sent before of the same likeness, not refused by the axis."""
    row = connection.execute(
        "SELECT doc_id FROM vxp_sent s WHERE likeness = ? AND sent_at >= ? AND EXISTS"
        " (SELECT 1 FROM vxp_sent_to t WHERE t.doc_id = s.doc_id AND send_status <> 'fail')"
        " ORDER BY sent_at DESC LIMIT 1",
        (likeness, since.isoformat()),
    ).fetchone()
    return SubmissionId(row[0]) if row is not None else None


def mark_posted(connection: sqlite3.Connection, submission: SubmissionId) -> None:
    """Note that the kit has it."""
    connection.execute("UPDATE vxp_sent SET is_posted = 1 WHERE doc_id = ?", (submission,))


def unposted(connection: sqlite3.Connection) -> Sequence[SubmissionId]:
    """Return what was planned when a process died."""
    rows = connection.execute("SELECT doc_id FROM vxp_sent WHERE is_posted = 0").fetchall()
    return [SubmissionId(row[0]) for row in rows]


def forget(connection: sqlite3.Connection, submission: SubmissionId) -> None:
    """Drop a plan that came to nothing."""
    connection.execute("DELETE FROM vxp_sent_to WHERE doc_id = ?", (submission,))
    connection.execute("DELETE FROM vxp_sent WHERE doc_id = ?", (submission,))


def accepted(
    connection: sqlite3.Connection,
    submission: SubmissionId,
    recipient: AgencyKey,
    delivery: DeliveryId | None,
) -> None:
    """Note that the axis has it, and its name at that recipient."""
    connection.execute(
        "UPDATE vxp_sent_to SET send_status = 'done', send_description = '',"
        " delivery_id = coalesce(?, delivery_id) WHERE doc_id = ? AND recipient = ?",
        (str(delivery) if delivery is not None else None, submission, recipient),
    )


def refused(connection: sqlite3.Connection, submission: SubmissionId, description: str) -> None:
    """Note that the axis does not take it, and why."""
    connection.execute(
        "UPDATE vxp_sent_to SET send_status = 'fail', send_description = ? WHERE doc_id = ?",
        (description, submission),
    )


def came_to(
    connection: sqlite3.Connection,
    submission: SubmissionId,
    recipient: AgencyKey,
    status: TransportStatus,
    description: str,
    *,
    at: datetime | None,
) -> None:
    """Note how far it is at a recipient; what the recipient itself has said is not taken back."""
    connection.execute(
        "UPDATE vxp_sent_to SET receive_status = ?, receive_description = ?,"
        " received_at = coalesce(received_at, ?) WHERE doc_id = ? AND recipient = ?"
        " AND receive_status IN ('initial', 'processing')",
        (status.value, description, at.isoformat() if at is not None else None, submission, recipient),
    )


def told_about(
    connection: sqlite3.Connection,
    document_id: DocumentId,
    *,
    sender: AgencyKey,
    recipient: AgencyKey,
    status: TransportStatus,
    description: str,
    at: datetime,
) -> None:
    """Note what *recipient* says about a document of *sender*: the last of that name."""
    connection.execute(
        "UPDATE vxp_sent_to SET receive_status = ?, receive_description = ?,"
        " received_at = coalesce(received_at, ?) WHERE recipient = ? AND doc_id ="
        " (SELECT s.doc_id FROM vxp_sent s JOIN vxp_sent_to t USING (doc_id) WHERE s.document_id = ?"
        " AND s.sender = ? AND s.kind = 'edoc' AND t.recipient = ? ORDER BY s.sent_at DESC LIMIT 1)",
        (status.value, description, at.isoformat(), recipient, document_id, sender, recipient),
    )


def delivery_at(
    connection: sqlite3.Connection, document_id: DocumentId, *, sender: AgencyKey, recipient: AgencyKey
) -> DeliveryId | None:
    """Return the delivery in which *sender*'s document came to *recipient*, once the axis has told."""
    row = connection.execute(
        "SELECT t.delivery_id FROM vxp_sent s JOIN vxp_sent_to t USING (doc_id) WHERE s.document_id = ?"
        " AND s.sender = ? AND s.kind = 'edoc' AND t.recipient = ? ORDER BY s.sent_at DESC LIMIT 1",
        (document_id, sender, recipient),
    ).fetchone()
    return DeliveryId(UUID(row[0])) if row is not None and row[0] is not None else None


def sent_by(
    connection: sqlite3.Connection, systemid: str, doc_id: DocId | None, *, period: Period, limit: int
) -> Sequence[Sent]:
    """Return what became of what a system sent, newest first."""
    rows = connection.execute(
        "SELECT s.doc_id, kind, sender_code, recipient_code, delivery_id, title, notation, sent_at,"
        " received_at, send_status, send_description, receive_status, receive_description"
        " FROM vxp_sent s JOIN vxp_sent_to t USING (doc_id) WHERE systemid = :systemid AND is_posted = 1"
        " AND (:doc_id IS NULL OR s.doc_id = :doc_id) AND sent_at >= :since AND sent_at < :until"
        " ORDER BY sent_at DESC, s.doc_id, recipient LIMIT :limit",
        {"systemid": systemid, "doc_id": doc_id, **_within(period), "limit": limit},
    )
    return [_as_confirmed(connection, _sent(row)) for row in rows]


def _as_confirmed(connection: sqlite3.Connection, sent: Sent) -> Sent:
    """Call a status sent once the broker has it: the axis answers only those that it refuses."""
    if sent.kind is PacketKind.EDOC or sent.send_status is not TransportStatus.INITIAL:
        return sent
    state = outgoing.state_of(connection, SubmissionId(sent.doc_id))
    is_waiting = state in {None, OutgoingState.UPLOADING, OutgoingState.JOURNALLED}
    return sent if is_waiting else replace(sent, send_status=TransportStatus.DONE)


# ——— what is old ———


def sweep(connection: sqlite3.Connection, *, before: datetime, limit: int) -> int:
    """Forget what was settled before then: what systems have reported, and what they sent."""
    received = connection.execute(
        "DELETE FROM vxp_received WHERE doc_id IN (SELECT doc_id FROM vxp_received"
        " WHERE updated_at < ? AND status IN ('done', 'fail') LIMIT ?)",
        (before.isoformat(), limit),
    ).rowcount
    old = connection.execute(
        "SELECT doc_id FROM vxp_sent WHERE sent_at < ? LIMIT ?", (before.isoformat(), limit)
    ).fetchall()
    for (doc_id,) in old:
        forget(connection, SubmissionId(doc_id))
    return received + len(old)


def is_wanted(connection: sqlite3.Connection, digest: Digest) -> bool:
    """Whether something that came has these bytes."""
    return (
        connection.execute("SELECT 1 FROM vxp_received WHERE digest = ? LIMIT 1", (digest,)).fetchone()
        is not None
    )


def _wanted(
    agencies: Iterable[AgencyKey], kind: PacketKind | None, period: Period
) -> dict[str, str | int | None]:
    listed = ", ".join(f'"{each}"' for each in agencies)
    return {"agencies": f"[{listed}]", "kind": kind.value if kind is not None else None, **_within(period)}


def _within(period: Period) -> dict[str, str | int | None]:
    return {
        "since": _written(period.since) if period.since is not None else "",
        "until": _written(period.until) if period.until is not None else "~",
    }


def _written(at: datetime) -> str:
    """Return *at* as instants stand in the books, in UTC: they are compared as text."""
    try:
        return at.astimezone(UTC).isoformat()
    except OverflowError:  # in the year 1 or 9999 an hour more or less is none that anything happened in
        return at.isoformat()


def _received(row: _ReceivedRow) -> Received:
    return Received(
        doc_id=DocId(row[0]),
        kind=PacketKind(row[1]),
        sender=AgencyCode(row[2]),
        recipient=AgencyCode(row[3]),
        created_at=datetime.fromisoformat(row[4]),
        updated_at=datetime.fromisoformat(row[5]),
        status=TransportStatus(row[6]),
        description=row[7],
        digest=Digest(row[8]),
        octets=row[9],
        title=row[10],
        notation=row[11],
    )


def _sent(row: _SentRow) -> Sent:
    return Sent(
        doc_id=DocId(row[0]),
        kind=PacketKind(row[1]),
        sender=AgencyCode(row[2]),
        recipient=AgencyCode(row[3]),
        receiver_doc_id=DocId(row[4]) if row[4] is not None else None,
        title=row[5],
        notation=row[6],
        sent_at=datetime.fromisoformat(row[7]),
        received_at=datetime.fromisoformat(row[8]) if row[8] is not None else None,
        send_status=TransportStatus(row[9]),
        send_description=row[10],
        receive_status=TransportStatus(row[11]),
        receive_description=row[12],
    )
