"""Why recipients' systems rejected deliveries, in the twin."""

from collections.abc import Sequence

from hub.backends.memory_store import MemoryStore
from hub.message.identifiers import MailboxName
from hub.message.reject_reason import RejectReason


class MemoryRejectReasons:
    """Implements `hub.ports.RejectReasons`."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep in *store*."""
        self._store = store

    async def keep(self, told: Sequence[tuple[MailboxName, RejectReason]]) -> None:
        """Store each reason once, of a delivery of the mailbox that says so."""
        async with self._store.transaction() as tables:
            for mailbox, each in told:
                delivery = tables.deliveries.get(each.delivery_id)
                if delivery is not None and delivery.mailbox == mailbox:
                    tables.told.setdefault((each.delivery_id, each.attempt), each.reason)
