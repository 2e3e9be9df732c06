"""Acts on what a mailbox sends: signed once, journalled, published until confirmed, decided by a receipt."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from adapters.kit.error import UnfitDraft
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, Digest, SubmissionId
from hub.message.properties import looks_like_claim
from hub.message.receipt import ReceiptEvent

_LEASE: Final = timedelta(seconds=30)
"""How long an owner that still lives keeps what it claimed and did not publish."""


class OutgoingState(StrEnum):
    """Where a submission stands."""

    UPLOADING = "uploading"
    """Signed and safe here, and large: checked in with the axis until its service has all of it."""
    JOURNALLED = "journalled"
    """Signed and safe here; published until the broker confirms."""
    CONFIRMED = "confirmed"
    """The broker has it; a status stays here, since the axis answers only those that it refuses."""
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A signed message on its way out."""

    submission_id: SubmissionId
    kind: MessageKind
    digest: Digest
    about_delivery: DeliveryId | None
    """The delivery that a status is about."""
    body: bytes
    """The envelope, or the claim check for a large one, which lies in the spool."""

    @property
    def is_large(self) -> bool:
        """Whether the body is a claim check."""
        return looks_like_claim(self.body)


def insert(
    connection: sqlite3.Connection, messages: Iterable[Outgoing], *, owner: str | None, at: datetime
) -> None:
    """Journal *messages*; *owner* is about to publish them, None leaves them to whoever claims first.

    Raises `UnfitDraft` where one of their names is taken.
    """
    for message in messages:
        if state_of(connection, message.submission_id) is not None:
            raise UnfitDraft(f"the journal has a submission {message.submission_id} already")
        cursor = connection.execute(
            "INSERT INTO outgoing"
            " (submission_id, kind, digest, about_delivery, state, owner, owned_at, journalled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.submission_id,
                message.kind.value,
                message.digest,
                str(message.about_delivery) if message.about_delivery is not None else None,
                (OutgoingState.UPLOADING if message.is_large else OutgoingState.JOURNALLED).value,
                owner if not message.is_large else None,
                at.timestamp(),
                at.isoformat(),
            ),
        )
        connection.execute(
            "INSERT INTO outgoing_bodies (sequence, body) VALUES (?, ?)", (cursor.lastrowid, message.body)
        )


def claim(
    connection: sqlite3.Connection,
    *,
    owner: str,
    limit: int,
    at: datetime,
    state: OutgoingState = OutgoingState.JOURNALLED,
) -> Sequence[Outgoing]:
    """Take the oldest unconfirmed messages in *state* that nobody living holds."""
    # The state as a literal: only so does the index over those in this state serve.
    rows = connection.execute(
        "SELECT sequence, submission_id, kind, digest, about_delivery, owner, owned_at FROM outgoing"  # noqa: S608
        f" WHERE state = '{state.value}' AND (owner IS NULL OR owner <> ?) ORDER BY sequence LIMIT ?",
        (owner, limit * 4),
    ).fetchall()
    lapsed = (at - _LEASE).timestamp()
    free = [row for row in rows if row[5] is None or row[6] < lapsed or not _lives(row[5])][:limit]
    connection.executemany(
        "UPDATE outgoing SET owner = ?, owned_at = ? WHERE sequence = ?",
        [(owner, at.timestamp(), row[0]) for row in free],
    )
    return [_read(connection, row) for row in free]


def _read(connection: sqlite3.Connection, row: Sequence[object]) -> Outgoing:
    sequence, submission_id, kind, digest, about_delivery, *_ = row
    (body,) = connection.execute(
        "SELECT body FROM outgoing_bodies WHERE sequence = ?", (sequence,)
    ).fetchone()
    return Outgoing(
        submission_id=SubmissionId(str(submission_id)),
        kind=MessageKind(str(kind)),
        digest=Digest(bytes(digest) if isinstance(digest, bytes) else b""),
        about_delivery=DeliveryId(UUID(str(about_delivery))) if about_delivery is not None else None,
        body=body,
    )


def owner_name(token: str) -> str:
    """Return the name under which this process owns what it is about to publish."""
    return f"{os.getpid()}:{token}"


def _lives(owner: str) -> bool:
    """Whether the process that owns still runs; where that cannot be seen, the lease decides."""
    return process_lives(owner.partition(":")[0])


def process_lives(number: str) -> bool:
    """Whether the process with that *number* runs, as far as can be seen."""
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def release(connection: sqlite3.Connection, submissions: Iterable[SubmissionId]) -> None:
    """Give back what was not published: anyone may claim it."""
    connection.executemany(
        "UPDATE outgoing SET owner = NULL, attempts = attempts + 1"
        " WHERE submission_id = ? AND state IN ('journalled', 'uploading')",
        [(submission,) for submission in submissions],
    )


def release_all(connection: sqlite3.Connection, owner: str) -> None:
    """Give back everything that *owner* holds, as it stops."""
    connection.execute(
        "UPDATE outgoing SET owner = NULL WHERE owner = ? AND state IN ('journalled', 'uploading')", (owner,)
    )


def waiting_large(connection: sqlite3.Connection) -> Sequence[Outgoing]:
    """Return the large messages that are checked in and whose claim checks the broker does not have yet."""
    rows = connection.execute(
        "SELECT sequence, submission_id, kind, digest, about_delivery FROM outgoing"
        " JOIN outgoing_bodies USING (sequence)"
        " WHERE state = 'journalled' AND substr(body, 1, 1) = x'7b' ORDER BY sequence"
    ).fetchall()
    return [_read(connection, row) for row in rows]


def mark_checked_in(connection: sqlite3.Connection, submission: SubmissionId) -> None:
    """Record that the axis's service has all of a large body: its claim check may go out."""
    connection.execute(
        "UPDATE outgoing SET state = 'journalled', owner = NULL"
        " WHERE submission_id = ? AND state = 'uploading'",
        (submission,),
    )


def mark_confirmed(connection: sqlite3.Connection, messages: Iterable[Outgoing], *, at: datetime) -> None:
    """Record that the broker has *messages*; deliveries whose every status it has are answered."""
    messages = list(messages)
    connection.executemany(
        "UPDATE outgoing SET state = 'confirmed', owner = NULL, attempts = attempts + 1, confirmed_at = ?"
        " WHERE submission_id = ? AND state = 'journalled'",
        [(at.isoformat(), message.submission_id) for message in messages],
    )
    connection.executemany(
        "UPDATE incoming SET state = 'answered', answered_at = ?"
        " WHERE delivery_id = ? AND state = 'handed_over' AND NOT EXISTS"
        " (SELECT 1 FROM outgoing WHERE about_delivery = delivery_id AND state = 'journalled')",
        [(at.isoformat(), str(message.about_delivery)) for message in messages if message.about_delivery],
    )


def publish_again(connection: sqlite3.Connection, delivery_id: DeliveryId) -> int:
    """Let the stored statuses of a handled delivery go out once more, as they are; return how many."""
    return connection.execute(
        "UPDATE outgoing SET state = 'journalled', owner = NULL"
        " WHERE about_delivery = ? AND state = 'confirmed'",
        (str(delivery_id),),
    ).rowcount


def decide(
    connection: sqlite3.Connection, submission: SubmissionId, event: ReceiptEvent, *, at: datetime
) -> None:
    """Record what the axis decided about *submission*; the first decision stands."""
    state = {
        ReceiptEvent.SUBMISSION_ACCEPTANCE: OutgoingState.ACCEPTED,
        ReceiptEvent.SUBMISSION_REJECTION: OutgoingState.REFUSED,
    }.get(event)
    if state is None:
        return
    connection.execute(
        "UPDATE outgoing SET state = ?, owner = NULL, decided_at = ?"
        " WHERE submission_id = ? AND state IN ('journalled', 'confirmed')",
        (state.value, at.isoformat(), submission),
    )


def digest_of_submission(connection: sqlite3.Connection, submission: SubmissionId) -> Digest | None:
    """Return the digest of what was submitted under that name, where this journal knows it."""
    row = connection.execute("SELECT digest FROM outgoing WHERE submission_id = ?", (submission,)).fetchone()
    return Digest(row[0]) if row is not None else None


def body_of_submission(connection: sqlite3.Connection, submission: SubmissionId) -> bytes | None:
    """Return the signed bytes that were submitted under that name, where this journal knows it."""
    row = connection.execute(
        "SELECT body FROM outgoing JOIN outgoing_bodies USING (sequence) WHERE submission_id = ?",
        (submission,),
    ).fetchone()
    return bytes(row[0]) if row is not None else None


def state_of(connection: sqlite3.Connection, submission: SubmissionId) -> OutgoingState | None:
    """Return where *submission* stands, where this journal knows it."""
    row = connection.execute("SELECT state FROM outgoing WHERE submission_id = ?", (submission,)).fetchone()
    return OutgoingState(row[0]) if row is not None else None
