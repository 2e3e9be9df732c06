"""What the hub and the kit write into AMQP properties: the signed bytes are never touched (law 1)."""

from typing import Final

from hub.message.claim import CLAIM_TYPE
from hub.message.identifiers import MailboxName
from hub.message.outbox import OutboxEntry

CONTENT_TYPE: Final = "application/xml"

DELIVERY_ID: Final = "x-delivery-id"
"""Stable through retries, restarts and replays; recipients drop what they have handled by it."""
ATTEMPT: Final = "x-attempt"
LANE_NUMBER: Final = "x-lane-number"
"""Place in the order of acceptance on the lane (sender, recipient, urgency)."""
LANE: Final = "x-lane"
"""`ordinary` or `urgent`: each numbers its own, since urgent documents overtake."""
ORDINARY: Final = "ordinary"
URGENT: Final = "urgent"
SENDER: Final = "x-sender"
RECIPIENT: Final = "x-recipient"
"""Canonical key of the unit meant, behind an LGSP's mailbox too."""
HUB_MESSAGE_ID: Final = "x-message-id"
DOCUMENT_ID: Final = "x-document-id"
EVENT: Final = "x-event"
"""Event name of a receipt, or of all receipts on a sheet; absent where they differ."""
TRACE: Final = "traceparent"
"""W3C trace context: its trace id is the hub's message id, or the delivery id of a sheet about several."""

URGENT_PRIORITY: Final = 5
"""Above 4 a quorum queue (RabbitMQ 4) lets a message overtake; older brokers keep it in order."""

SUBMIT_EXCHANGE: Final = "axis.submit"
UNROUTED_EXCHANGE: Final = "axis.unrouted"
DELIVER_EXCHANGE: Final = "axis.deliver"
RETURNED_EXCHANGE: Final = "axis.returned"
DEAD_LETTER_EXCHANGE: Final = "hub.dead"
MARKS_EXCHANGE: Final = "axis.marks"
"""Nothing is ever published to it: its bindings are the marks by which a queue is known again."""
INTAKE_QUEUE: Final = "hub.intake"
RETURNED_QUEUE: Final = "hub.returned"
DEAD_LETTER_QUEUE: Final = "hub.dead_letter"
INVALID_QUEUE: Final = "hub.invalid"


def queue_of(mailbox: MailboxName) -> str:
    """Return the name of the queue that *mailbox* reads."""
    return f"agency.{mailbox}"


def headers_of(entry: OutboxEntry, span: str) -> dict[str, str | int]:
    """Return the AMQP headers of *entry*; what it does not have is left out. *span* is 16 hex digits."""
    headers: dict[str, str | int] = {
        DELIVERY_ID: str(entry.delivery_id),
        ATTEMPT: entry.attempt,
        LANE: URGENT if entry.is_urgent else ORDINARY,
        LANE_NUMBER: entry.lane_number,
        RECIPIENT: entry.recipient,
        TRACE: f"00-{(entry.message_id or entry.delivery_id).hex}-{span}-01",
    }
    if entry.message_id is not None:
        headers[HUB_MESSAGE_ID] = str(entry.message_id)
    if entry.sender is not None:
        headers[SENDER] = entry.sender
    if entry.document_id is not None:
        headers[DOCUMENT_ID] = entry.document_id
    if entry.event is not None:
        headers[EVENT] = entry.event.value
    return headers


def content_type_of(body: bytes) -> str:
    """Return the content type of *body*: an envelope and a receipt are XML, which no claim check can be."""
    return CLAIM_TYPE if looks_like_claim(body) else CONTENT_TYPE


def looks_like_claim(body: bytes) -> bool:
    """Whether *body* is no XML and can only be meant as a claim check."""
    return body.startswith(b"{")


def priority_of(entry: OutboxEntry) -> int:
    """Return the AMQP priority of *entry*."""
    return URGENT_PRIORITY if entry.is_urgent else 0
