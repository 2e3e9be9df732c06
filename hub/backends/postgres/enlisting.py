"""Transport and business dedupe: unique keys decide, the losers are read in a second statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.errors import RejectionCode, Violation
from hub.message.decision import Admit, Refuse
from hub.message.edxml import BusinessType, DocumentHeader
from hub.message.identifiers import MessageId
from hub.message.refusal import violation


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


Earlier: TypeAlias = dict[MessageId, MessageId]
"""From the identifier of a repeated message to that of the message it repeats."""
Broken: TypeAlias = dict[MessageId, Violation]


async def enlist_submissions(
    transaction: Transaction, admissions: Sequence[Admission]
) -> tuple[Earlier, Broken]:
    """Enter the dedupe keys of *admissions*; return those that repeat an earlier one and those that clash."""
    rows = [_submission_row(each) for each in admissions]
    if not rows:
        return {}, {}
    new = {
        row["message_id"]
        for row in await transaction.fetch(statement("enlist_submissions"), *columns(rows, 5))
    }
    losers = [row for row in rows if row[4] not in new]
    if not losers:
        return {}, {}
    repeated: Earlier = {}
    clashing: Broken = {}
    submission_ids = {row[4]: row[2] for row in losers}
    for row in await transaction.fetch(statement("find_earlier_submissions"), *columns(losers, 5)):
        wanted = MessageId(row["wanted"])
        if wanted in repeated or wanted in clashing:
            continue
        if row["is_same_content"]:
            repeated[wanted] = MessageId(row["earlier"])
        else:
            clashing[wanted] = _id_reused(submission_ids[wanted])
    return repeated, clashing


async def enlist_documents(transaction: Transaction, admissions: Sequence[Admission]) -> Broken:
    """Hold each new document to what its DocumentId already stands for; returns those that clash.

    Clashing submissions are withdrawn. Other content is no clash for recipients who refused, or never got,
    what was sent under that DocumentId before.
    """
    new = [each for each in admissions if each.document and each.document.business_type is BusinessType.NEW]
    first = {_document_key(each): each for each in reversed(new)}
    if not first:
        return {}
    rows = [(*key, each.admit.authorized.valid.content_digest) for key, each in first.items()]
    entered = await transaction.fetch(statement("insert_documents"), *columns(rows, 3))
    fresh = {(row["sender"], row["document_id"]) for row in entered}
    known = [
        each for each in new if _document_key(each) not in fresh or first[_document_key(each)] is not each
    ]
    return await _clashes(transaction, known) if known else {}


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
    losers = [row for row in rows if row[3] not in new]
    if not losers:
        return {}
    found = await transaction.fetch(statement("find_earlier_refusals"), *columns(losers, 4))
    return {MessageId(row["wanted"]): MessageId(row["earlier"]) for row in found}


async def _clashes(transaction: Transaction, known: Sequence[Admission]) -> Broken:
    keys = sorted({_document_key(each) for each in known})
    rows = await transaction.fetch(statement("lock_documents"), *columns(keys, 2))
    stands_for = {(row["sender"], row["document_id"]): row["content_digest"] for row in rows}
    other = [
        each
        for each in known
        if stands_for[_document_key(each)] != each.admit.authorized.valid.content_digest
    ]
    if not other:
        return {}
    asked = [
        (each.message_id, *_document_key(each), each.admit.authorized.valid.content_digest, route.recipient)
        for each in other
        for route in each.admit.authorized.routes
    ]
    found = await transaction.fetch(statement("find_document_conflicts"), *columns(asked, 5))
    clashing = {MessageId(row["message_id"]) for row in found}
    await _settle_documents(transaction, other, clashing)
    return {each.message_id: _document_reused(each) for each in other if each.message_id in clashing}


async def _settle_documents(
    transaction: Transaction, other: Sequence[Admission], clashing: set[MessageId]
) -> None:
    corrected = {
        _document_key(each): each.admit.authorized.valid.content_digest
        for each in other
        if each.message_id not in clashing
    }
    if corrected:
        rows = [(*key, digest) for key, digest in corrected.items()]
        await transaction.execute(statement("update_documents"), *columns(rows, 3))
    if clashing:
        await transaction.execute(statement("withdraw_submissions"), list(clashing))


def _submission_row(each: Admission) -> tuple[str, str, str, bytes, MessageId]:
    authorized = each.admit.authorized
    received = authorized.valid.verified.received
    return received.mailbox, authorized.sender, received.submission_id, received.digest, each.message_id


def _document_key(each: Admission) -> tuple[str, str]:
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
