"""Outbox entries to publish, where only one thing about them matters."""

from uuid import uuid4

from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, MailboxName, MessageId
from hub.message.outbox import OutboxEntry


def an_entry(
    mailbox: str = "H49",
    *,
    number: int = 1,
    body: bytes = b"<envelope/>",
    is_urgent: bool = False,
    correlation_id: str = "submission-1",
    document_id: str | None = "000.00.00.H37/2026/1",
) -> OutboxEntry:
    return OutboxEntry(
        entry_id=number,
        delivery_id=DeliveryId(uuid4()),
        message_id=MessageId(uuid4()),
        kind=MessageKind.DOCUMENT,
        mailbox=MailboxName(mailbox),
        sender=AgencyKey("H37"),
        recipient=AgencyKey("H49.02"),
        is_urgent=is_urgent,
        lane_number=number,
        attempt=1,
        correlation_id=correlation_id,
        document_id=None if document_id is None else DocumentId(document_id),
        event=None,
        expires_at=None,
        body=body,
    )
