"""What came back from a mailbox, read out of the broker's own account of it (`x-death`)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from hub.message import properties
from hub.message.identifiers import DeliveryId
from hub.message.outbox import ReturnedDelivery, ReturnReason

_REASONS = {
    "rejected": ReturnReason.REJECTED,
    "delivery_limit": ReturnReason.DELIVERY_LIMIT,
    "expired": ReturnReason.EXPIRED,
}


def report(headers: Mapping[str, object], at: datetime) -> ReturnedDelivery | None:
    """Return what *headers* say came back, or None where they are not of a delivery of ours."""
    delivery_id, attempt = headers.get(properties.DELIVERY_ID), headers.get(properties.ATTEMPT)
    if not isinstance(delivery_id, str) or not isinstance(attempt, int) or isinstance(attempt, bool):
        return None
    if attempt < 1:
        return None
    try:
        known = DeliveryId(UUID(delivery_id))
    except ValueError:
        return None
    reason = _REASONS.get(_first_reason(headers), ReturnReason.REJECTED)
    return ReturnedDelivery(delivery_id=known, attempt=attempt, reason=reason, note=None, at=at)


def _first_reason(headers: Mapping[str, object]) -> str:
    deaths = headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], Mapping):
        return str(deaths[0].get("reason"))
    return str(headers.get("x-first-death-reason"))
