"""Rows of `messages`: what is known of a message once it is decided."""

from hub.backends.postgres.enlisting import Admission
from hub.message.decision import Refuse
from hub.message.edxml import DocumentHeader, Header, MessageKind
from hub.message.identifiers import Digest, MessageId
from hub.message.trust import Validation


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
