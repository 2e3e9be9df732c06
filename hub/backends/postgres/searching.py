"""The search index over documents: kept beside the line, from what the line has committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import PLANNED_ANEW, columns, statement
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import AgencyKey, DocumentId, MailboxName, MessageId, document_code
from hub.message.search_terms import folded_words

MOST_RECIPIENTS: Final = 20
"""Recipients that a found document is listed with."""
PATIENCE: Final = timedelta(seconds=5)
"""How long one search may keep a connection from everybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Which documents are meant; what is not set does not narrow."""

    text: str | None = None
    """Words of the subject, the number, the notation or the DocumentId; the last one may be its beginning."""
    sender: AgencyKey | None = None
    recipient: AgencyKey | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[DeliveryState, ...] | None = None
    """At least one delivery is in one of these."""
    is_refused: bool | None = None
    visible_to: tuple[AgencyKey, ...] | None = None
    """Only what these agencies have sent or receive; None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    """One line of a search result."""

    message_id: MessageId
    is_refused: bool
    mailbox: MailboxName
    sender: AgencyKey | None
    document_id: DocumentId | None
    document_code: str | None
    subject: str | None
    priority: int | None
    received_at: datetime
    recipients: tuple[tuple[AgencyKey, DeliveryState], ...]
    """The first `MOST_RECIPIENTS`, each with where its delivery stands."""
    has_more_recipients: bool


async def find_documents(
    database: Database,
    wanted: DocumentFilter,
    *,
    older_than: MessageId | None = None,
    limit: int = 50,
    patience: timedelta = PATIENCE,
) -> tuple[FoundDocument, ...]:
    """Return up to *limit* of the indexed documents that *wanted* describes, the newest first.

    Raises `StatementTooSlow` after *patience*: what nothing narrows may have to read everything.
    """
    if wanted.visible_to == ():
        return ()
    async with database.transaction() as transaction:
        # One plan for all searches would read everything: what is not asked for has to fall away.
        await transaction.execute(PLANNED_ANEW)
        await transaction.execute(f"set local statement_timeout = {patience // timedelta(milliseconds=1)}")
        rows = await transaction.fetch(
            statement("find_documents"),
            _query(wanted),
            wanted.since,
            wanted.until,
            [state.value for state in wanted.states] if wanted.states is not None else None,
            _verdict(wanted),
            older_than,
            limit,
        )
    return tuple(_found(row) for row in rows)


async def index_documents(database: Database, after: MessageId, *, limit: int) -> MessageId | None:
    """Enter what is new among *limit* messages behind *after*; returns the last, None where none is left."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(statement("read_documents_to_index"), after, limit)
        if not rows:
            return None
        entered: list[tuple[object, ...]] = [
            (row["message_id"], row["received_at"], "\n".join(_terms(row))) for row in rows if row["is_new"]
        ]
        await transaction.execute(statement("index_documents"), *columns(entered, 3))
    return MessageId(rows[-1]["message_id"])


async def note_sightings(database: Database, after: MessageId) -> None:
    """Note when each mailbox was last heard of in what came behind *after*."""
    async with database.connection() as connection:
        await connection.execute(statement("note_sightings"), after)


async def read_sightings(connection: Transaction) -> dict[MailboxName, datetime]:
    """Return when each mailbox last sent anything, of those that ever did."""
    rows = await connection.fetch("select mailbox, seen_at from mailbox_sightings")
    return {MailboxName(row["mailbox"]): row["seen_at"] for row in rows}


def _terms(row: asyncpg.Record) -> Sequence[str]:
    """Return the terms that a document is found by: words as they are, parties with a sign of their side."""
    told = (row["code_number"], row["code_notation"], row["document_id"], row["subject"])
    words = folded_words(" ".join(each for each in told if each))
    return (*words, _sent_by(row["sender"]), *(_sent_to(each) for each in row["recipients"]))


def _sent_by(agency: str) -> str:
    return f"<{agency}"


def _sent_to(agency: str) -> str:
    return f">{agency}"


def _query(wanted: DocumentFilter) -> str | None:
    """Write the tsquery of what is found by terms; no character of a user's has a meaning in it."""
    words = folded_words(wanted.text or "")
    terms = [_quoted(word) for word in words[:-1]]
    terms += [f"{_quoted(word)}:*" for word in words[-1:]]
    terms += [_quoted(_sent_by(wanted.sender))] if wanted.sender is not None else []
    terms += [_quoted(_sent_to(wanted.recipient))] if wanted.recipient is not None else []
    if wanted.visible_to is not None:
        sides = [_quoted(side(each)) for each in wanted.visible_to for side in (_sent_by, _sent_to)]
        terms.append(f"({' | '.join(sides)})")
    return " & ".join(terms) or None


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _verdict(wanted: DocumentFilter) -> str | None:
    if wanted.is_refused is None:
        return None
    return "refused" if wanted.is_refused else "accepted"


def _found(row: asyncpg.Record) -> FoundDocument:
    recipients = [(AgencyKey(key), DeliveryState(state)) for key, state in row["recipients"] or ()]
    return FoundDocument(
        message_id=MessageId(row["message_id"]),
        is_refused=row["verdict"] == "refused",
        mailbox=MailboxName(row["mailbox"]),
        sender=row["sender"],
        document_id=row["document_id"],
        document_code=document_code(row["code_number"], row["code_notation"]),
        subject=row["subject"],
        priority=row["priority"],
        received_at=row["received_at"],
        recipients=tuple(recipients[:MOST_RECIPIENTS]),
        has_more_recipients=len(recipients) > MOST_RECIPIENTS,
    )
