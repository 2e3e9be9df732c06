"""Routes that operators changed: kept for good, in the bytes that the hub signed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.route_overlay import OverlayId, RouteOverlay


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOverlay:
    """A changed route of one delivery."""

    overlay_id: OverlayId
    delivery_id: DeliveryId
    from_mailbox: MailboxName
    to_mailbox: MailboxName
    operator: str
    reason: str
    at: datetime
    body: bytes = field(repr=False)


async def enter(transaction: Transaction, overlays: Sequence[tuple[RouteOverlay, bytes]]) -> None:
    """Keep *overlays* with their signed bytes, and send their deliveries where they say."""
    rows = [
        (each.overlay_id, each.delivery_id, each.from_mailbox, each.to_mailbox, each.operator, each.reason,
         each.at, body)
        for each, body in overlays
    ]  # fmt: skip
    await transaction.execute(statement("insert_route_overlays"), *columns(rows, 8))
    routes = [(each.delivery_id, each.to_mailbox) for each, _ in overlays]
    await transaction.execute(statement("reroute_deliveries"), *columns(routes, 2))


async def read(connection: Transaction, deliveries: Sequence[DeliveryId]) -> tuple[StoredOverlay, ...]:
    """Return every changed route of *deliveries*, in their order."""
    rows = await connection.fetch(statement("read_route_overlays"), list(deliveries))
    return tuple(StoredOverlay(**row) for row in rows)
