"""A route that an operator changed, as XML that the hub signs: the document's own bytes stay as they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, MessageId
from hub.message.receipt_xml import VIETNAM_TIME, escaped

OVERLAY_NAMESPACE: Final = "urn:vn:truc:route-overlay:1.0"
OverlayId = NewType("OverlayId", UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOverlay:
    """Who sent which delivery to another mailbox, when, and why."""

    overlay_id: OverlayId
    delivery_id: DeliveryId
    message_id: MessageId | None
    recipient: AgencyKey
    from_mailbox: MailboxName
    to_mailbox: MailboxName
    operator: str
    reason: str
    at: datetime


def write_overlay(overlay: RouteOverlay) -> bytes:
    """Return *overlay* in exclusive canonical form, without a signature."""
    content = {
        "OverlayId": str(overlay.overlay_id),
        "DeliveryId": str(overlay.delivery_id),
        "MessageId": "" if overlay.message_id is None else str(overlay.message_id),
        "Recipient": overlay.recipient,
        "FromMailbox": overlay.from_mailbox,
        "ToMailbox": overlay.to_mailbox,
        "Operator": overlay.operator,
        "Reason": overlay.reason,
        "At": overlay.at.astimezone(VIETNAM_TIME).isoformat(),
    }
    written = "".join(f"<{name}>{escaped(value)}</{name}>" for name, value in content.items())
    return f'<RouteOverlay xmlns="{OVERLAY_NAMESPACE}">{written}</RouteOverlay>'.encode()
