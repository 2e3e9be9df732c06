"""What the hub and the kit write into AMQP properties: the signed bytes themselves are never touched (law 1)."""

from typing import Final

from hub.message.identifiers import MailboxName

CONTENT_TYPE: Final = "application/xml"

DELIVERY_ID: Final = "x-delivery-id"
"""Stable through retries, restarts and replays; recipients drop what they have handled by it."""
ATTEMPT: Final = "x-attempt"
LANE_NUMBER: Final = "x-lane-number"
"""Place in the order of acceptance on the lane (sender, recipient, urgency)."""
LANE: Final = "x-lane"
"""`ordinary` or `urgent`: each numbers its own, since urgent documents overtake."""
SENDER: Final = "x-sender"
RECIPIENT: Final = "x-recipient"
"""Canonical key of the unit meant, behind an LGSP's mailbox too."""
HUB_MESSAGE_ID: Final = "x-message-id"
DOCUMENT_ID: Final = "x-document-id"
EVENT: Final = "x-event"
"""Event name of a receipt."""
TRACE: Final = "traceparent"
"""W3C trace context: its trace id is the hub's message id."""

SUBMIT_EXCHANGE: Final = "axis.submit"
UNROUTED_EXCHANGE: Final = "axis.unrouted"
DELIVER_EXCHANGE: Final = "axis.deliver"
RETURNED_EXCHANGE: Final = "axis.returned"
DEAD_LETTER_EXCHANGE: Final = "hub.dead"
INTAKE_QUEUE: Final = "hub.intake"
RETURNED_QUEUE: Final = "hub.returned"
DEAD_LETTER_QUEUE: Final = "hub.dead_letter"
INVALID_QUEUE: Final = "hub.invalid"


def queue_of(mailbox: MailboxName) -> str:
    """Return the name of the queue that *mailbox* reads."""
    return f"agency.{mailbox}"
