"""Transport and business dedupe: unique keys decide, the losers are read in a second statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.errors import RejectionCode, Violation
from hub.message.decision import Admit, Refuse
from hub.message.edxml import BusinessType, DocumentHeader
from hub.message.identifiers import Digest, MessageId
from hub.message.refusal import violation
from hub.message.stages import ReceivedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """An admitted message under the identifier that the hub gives it."""

    message_id: MessageId
    admit: Admit

    @property
    def document(self) -> DocumentHeader | None:
        """The header, where it is a document."""
        header = self.admit.authorized.valid.header
        return header if isinstance(header, DocumentHeader) else None

    @property
    def received(self) -> ReceivedMessage:
        """The bytes as they came."""
        return self.admit.authorized.valid.verified.received


Earlier: TypeAlias = dict[MessageId, MessageId]
"""From the identifier of a repeated message to that of the message it repeats."""
Broken: TypeAlias = dict[MessageId, Violation]
DocumentKey: TypeAlias = tuple[str, str]
"""Sender and DocumentId."""


async def enlist_submissions(
    transaction: Transaction, admissions: Sequence[Admission]
) -> tuple[Earlier, Broken]:
    """Enter the dedupe keys of *admissions*; return those that repeat an earlier one and those that clash.

    A publish that was refused before stays refused when the broker hands it in again.
    """
    rows = [_submission_row(each) for each in admissions]
    if not rows:
        return {}, {}
    new = {
        row["message_id"]
        for row in await transaction.fetch(statement("enlist_submissions"), *columns(rows, 6))
    }
    losers = [row for row in rows if row[4] not in new]
    if not losers:
        return {}, {}
    repeated: Earlier = {}
    clashing: Broken = {}
    submission_ids = {row[4]: row[2] for row in losers}
    wanted_rows = [row[:5] for row in losers]
    for row in await transaction.fetch(statement("find_earlier_submissions"), *columns(wanted_rows, 5)):
        wanted = MessageId(row["wanted"])
        if wanted in repeated or wanted in clashing:
            continue
        if row["is_same_content"]:
            repeated[wanted] = MessageId(row["earlier"])
        else:
            clashing[wanted] = _id_reused(submission_ids[wanted])
    left = [row for row in losers if row[4] not in repeated and row[4] not in clashing]
    keys = [(mailbox, transport_id, digest, name) for mailbox, _, _, digest, name, transport_id in left]
    return repeated | await _earlier_refusals(transaction, keys), clashing


async def enlist_documents(transaction: Transaction, admissions: Sequence[Admission]) -> Broken:
    """Hold each new document to what its DocumentId already stands for; returns those that clash.

    Clashing submissions are withdrawn. Other content is no clash for recipients who no longer have what was
    sent under that DocumentId before, nor for new ones where nobody has it any more.
    """
    new = [each for each in admissions if each.document and each.document.business_type is BusinessType.NEW]
    if not new:
        return {}
    stands_for = await _enter_documents(transaction, new)
    other = [each for each in new if _content(each) != stands_for[_document_key(each)]]
    if not other:
        return {}
    held = await _held_otherwise(transaction, other)
    clashing, corrected = _settled(new, held, stands_for)
    await _settle_documents(transaction, corrected, clashing)
    return {each.message_id: _document_reused(each) for each in new if each.message_id in clashing}


async def enlist_refusals(transaction: Transaction, refusals: Sequence[tuple[MessageId, Refuse]]) -> Earlier:
    """Enter refusals by the publish attempt they answer; returns those that were answered before."""
    rows = [
        (each.received.mailbox, each.received.transport_id, each.received.digest, message_id)
        for message_id, each in refusals
        if each.received.transport_id
    ]
    if not rows:
        return {}
    new = {
        row["message_id"] for row in await transaction.fetch(statement("enlist_refusals"), *columns(rows, 4))
    }
    return await _earlier_refusals(transaction, [row for row in rows if row[3] not in new])


async def _earlier_refusals(
    transaction: Transaction, keys: Sequence[tuple[str, str, bytes, MessageId]]
) -> Earlier:
    if not keys:
        return {}
    found = await transaction.fetch(statement("find_earlier_refusals"), *columns(keys, 4))
    return {MessageId(row["wanted"]): MessageId(row["earlier"]) for row in found}


async def _enter_documents(transaction: Transaction, new: Sequence[Admission]) -> dict[DocumentKey, Digest]:
    """Return what each DocumentId stands for: what it was entered for, or the first in this batch."""
    first = {_document_key(each): _content(each) for each in reversed(new)}
    rows = [(*key, digest) for key, digest in first.items()]
    entered = await transaction.fetch(statement("insert_documents"), *columns(rows, 3))
    known = sorted(first.keys() - {(row["sender"], row["document_id"]) for row in entered})
    if not known:
        return first
    found = await transaction.fetch(statement("lock_documents"), *columns(known, 2))
    return first | {(row["sender"], row["document_id"]): Digest(row["content_digest"]) for row in found}


async def _held_otherwise(transaction: Transaction, other: Sequence[Admission]) -> set[MessageId]:
    """Return those of *other* whose recipients still hold another content under the same DocumentId."""
    asked = [
        (each.message_id, *_document_key(each), _content(each), route.recipient)
        for each in other
        for route in each.admit.authorized.routes
    ]
    found = await transaction.fetch(statement("find_document_conflicts"), *columns(asked, 5))
    return {MessageId(row["message_id"]) for row in found}


def _settled(
    new: Sequence[Admission], held: set[MessageId], stands_for: dict[DocumentKey, Digest]
) -> tuple[set[MessageId], dict[DocumentKey, Digest]]:
    """Return what clashes, in the database or with an earlier one of this batch, and what was corrected."""
    clashing = set(held)
    settled: dict[DocumentKey, Digest] = {}
    for each in new:
        if each.message_id not in held:
            is_first = settled.setdefault(_document_key(each), _content(each)) == _content(each)
            clashing |= set() if is_first else {each.message_id}
    return clashing, {key: digest for key, digest in settled.items() if digest != stands_for[key]}


async def _settle_documents(
    transaction: Transaction, corrected: dict[DocumentKey, Digest], clashing: set[MessageId]
) -> None:
    if corrected:
        rows = [(*key, digest) for key, digest in corrected.items()]
        await transaction.execute(statement("update_documents"), *columns(rows, 3))
    if clashing:
        await transaction.execute(statement("withdraw_submissions"), list(clashing))


def _submission_row(each: Admission) -> tuple[str, str, str, bytes, MessageId, str]:
    received = each.received
    return (
        received.mailbox,
        each.admit.authorized.sender,
        received.submission_id,
        received.digest,
        each.message_id,
        received.transport_id,
    )


def _content(each: Admission) -> Digest:
    return each.admit.authorized.valid.content_digest


def _document_key(each: Admission) -> DocumentKey:
    return each.admit.authorized.sender, each.admit.authorized.valid.header.document_id


def _id_reused(submission_id: str) -> Violation:
    return violation(
        RejectionCode.SUBMISSION_ID_REUSED,
        path="AMQP correlation_id",
        rule="one submission id, one content",
        submission_id=submission_id,
    )


def _document_reused(each: Admission) -> Violation:
    return violation(
        RejectionCode.DOCUMENT_ID_REUSED,
        path="/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/DocumentId",
        rule="one DocumentId, one content (NĐ 30/2020 Art. 15)",
        document_id=each.admit.authorized.valid.header.document_id,
    )
