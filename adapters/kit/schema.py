"""The journal's tables, and how an older journal becomes one of today."""

import sqlite3
from typing import Final

from hub.errors import ConfigurationError
from hub.message.identifiers import digest_of

_FIRST: Final = (
    """
    CREATE TABLE outgoing (
        sequence       INTEGER PRIMARY KEY,
        submission_id  TEXT NOT NULL UNIQUE,
        kind           TEXT NOT NULL,
        digest         BLOB NOT NULL,
        about_delivery TEXT,
        state          TEXT NOT NULL,
        attempts       INTEGER NOT NULL DEFAULT 0,
        owner          TEXT,
        owned_at       REAL,
        journalled_at  TEXT NOT NULL,
        confirmed_at   TEXT,
        decided_at     TEXT
    ) STRICT
    """,
    "CREATE INDEX outgoing_unconfirmed ON outgoing (sequence) WHERE state = 'journalled'",
    "CREATE INDEX outgoing_about_delivery ON outgoing (about_delivery) WHERE about_delivery IS NOT NULL",
    # Apart from the states, so that a change of state does not write a document once more.
    "CREATE TABLE outgoing_bodies (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """
    CREATE TABLE incoming (
        delivery_id     TEXT PRIMARY KEY,
        kind            TEXT NOT NULL,
        attempt         INTEGER NOT NULL,
        state           TEXT NOT NULL,
        offers          INTEGER NOT NULL DEFAULT 0,
        digest          BLOB,
        message_id      TEXT,
        sender          TEXT,
        recipient       TEXT,
        lane            TEXT,
        lane_number     INTEGER,
        sender_code     TEXT,
        recipient_code  TEXT,
        document_id     TEXT,
        document_code   TEXT,
        promulgated_on  TEXT,
        status_code     TEXT,
        note            TEXT,
        received_at     TEXT NOT NULL,
        handled_at      TEXT,
        answered_at     TEXT
    ) STRICT
    """,
    """
    CREATE TABLE receipts (
        receipt_id    TEXT PRIMARY KEY,
        delivery_id   TEXT,
        submission_id TEXT NOT NULL,
        event         TEXT NOT NULL,
        issued_at     TEXT NOT NULL,
        received_at   TEXT NOT NULL,
        body          BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX receipts_by_submission ON receipts (submission_id)",
)
_SECOND: Final = (
    # The bytes of receipts once, however many stand on one sheet.
    "CREATE TABLE receipt_sheets (digest BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT",
    "INSERT OR IGNORE INTO receipt_sheets (digest, body) SELECT sha256(body), body FROM receipts",
    """
    CREATE TABLE receipts_by_sheet (
        receipt_id    TEXT PRIMARY KEY,
        delivery_id   TEXT,
        submission_id TEXT NOT NULL,
        event         TEXT NOT NULL,
        issued_at     TEXT NOT NULL,
        received_at   TEXT NOT NULL,
        sheet         BLOB NOT NULL REFERENCES receipt_sheets
    ) STRICT
    """,
    """
    INSERT INTO receipts_by_sheet
    SELECT receipt_id, delivery_id, submission_id, event, issued_at, received_at, sha256(body) FROM receipts
    """,
    "DROP TABLE receipts",
    "ALTER TABLE receipts_by_sheet RENAME TO receipts",
    "CREATE INDEX receipts_by_submission ON receipts (submission_id)",
    # The same bytes submitted again under another name are answered by the receipt of the first.
    """
    CREATE TABLE repeated_submissions (
        submission_id TEXT NOT NULL,
        receipt_id    TEXT NOT NULL,
        PRIMARY KEY (submission_id, receipt_id)
    ) STRICT
    """,
)
_THIRD: Final = ("CREATE INDEX outgoing_uploading ON outgoing (sequence) WHERE state = 'uploading'",)
_STEPS: Final = (_FIRST, _SECOND, _THIRD)
"""Step n leads from version n to n + 1; a step that was published is never changed."""


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Take the journal from whatever version it has to today's, in the transaction that is open.

    Raises `ConfigurationError` where the journal was written by a later kit than this.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise ConfigurationError(
            f"the journal has version {version}, this kit knows {len(_STEPS)}: update the kit"
        )
    connection.create_function("sha256", 1, digest_of, deterministic=True)
    for step in _STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(_STEPS)}")
