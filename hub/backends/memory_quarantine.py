"""What cannot be answered, in the twin."""

from collections.abc import Sequence

from hub.backends.memory_store import MemoryStore, StoredCase
from hub.message.properties import DEAD_LETTER_QUEUE
from hub.ports import InvalidMessage


class MemoryQuarantine:
    """Implements `hub.ports.Quarantine`."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep in *store*."""
        self._store = store

    async def keep(self, messages: Sequence[InvalidMessage]) -> None:
        """Store each once, by queue and content."""
        async with self._store.transaction() as tables:
            for each in messages:
                key = (each.queue, each.body)
                if each.queue != DEAD_LETTER_QUEUE:
                    tables.kept[key] = tables.kept.get(key, 0) + 1
                elif key not in tables.kept:
                    tables.kept[key] = 1
                    tables.cases.append(StoredCase(delivery_id=None, cause=each.reason))
