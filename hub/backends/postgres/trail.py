"""The event trail: appended in the transaction of what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import DeliveryId, MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; `detail` holds codes and counts, never content."""

    name: str
    message_id: MessageId | None = None
    delivery_id: DeliveryId | None = None
    detail: dict[str, object] | None = field(default=None)


async def append(transaction: Transaction, events: Sequence[Event]) -> None:
    """Append *events* in their order."""
    if not events:
        return
    rows = [(each.name, each.message_id, each.delivery_id, each.detail) for each in events]
    await transaction.execute(statement("insert_events"), *columns(rows, 4))
