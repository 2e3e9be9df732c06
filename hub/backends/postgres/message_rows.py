"""Rows of `messages`: what is known of a message once it is decided."""

from collections.abc import Sequence
from typing import Final

from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.pool import Transaction
from hub.message.decision import Refuse
from hub.message.edxml import DocumentHeader, Header, MessageKind
from hub.message.identifiers import Digest, MessageId
from hub.message.trust import Validation

_COLUMNS: Final = (
    "message_id", "kind", "verdict", "mailbox", "submission_id", "digest", "octets", "sender", "document_id",
    "business_type", "priority", "code_number", "code_notation", "subject", "promulgated_on", "due_on",
    "content_digest", "signed_by", "received_at", "body", "validation_id",
)  # fmt: skip


async def insert(transaction: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert *rows*.

    By COPY, which takes bodies as they are: as an array they would be put together twice on this side, in
    memory that the system has to clear, and taken apart on the other.
    """
    await transaction.copy_records_to_table("messages", columns=_COLUMNS, records=rows)


def accepted_row(each: Admission) -> tuple[object, ...]:
    """Return the row of an accepted message, with its exact bytes."""
    authorized = each.admit.authorized
    valid = authorized.valid
    received = valid.verified.received
    return (
        each.message_id,
        _kind(valid.header),
        "accepted",
        received.mailbox,
        received.submission_id,
        received.digest,
        received.octets,
        authorized.sender,
        *_header_columns(valid.header),
        valid.content_digest,
        valid.verified.signed_by,
        received.received_at,
        received.body,
        _validation_id(valid.verified.validation),
    )


def refused_row(message_id: MessageId, refusal: Refuse) -> tuple[object, ...]:
    """Return the row of a refused message, without its bytes."""
    received = refusal.received
    return (
        message_id,
        _kind(refusal.header),
        "refused",
        received.mailbox,
        received.submission_id,
        received.digest,
        received.octets,
        refusal.sender,
        *_header_columns(refusal.header),
        None,
        None,
        received.received_at,
        None,
        _validation_id(refusal.validation),
    )


def _validation_id(validation: Validation | None) -> Digest | None:
    return None if validation is None else validation.validation_id


def _kind(header: Header | None) -> str:
    is_document = header is None or isinstance(header, DocumentHeader)
    return (MessageKind.DOCUMENT if is_document else MessageKind.STATUS).value


def _header_columns(header: Header | None) -> tuple[object, ...]:
    if header is None:
        return (None,) * 8
    if not isinstance(header, DocumentHeader):
        return (header.document_id, *(None,) * 7)
    return (
        header.document_id,
        header.business_type,
        header.priority,
        header.code_number,
        header.code_notation,
        header.subject,
        header.promulgated_on,
        header.due_on,
    )
