"""What the relay has in hand: entries to publish in their order, and those that await an answer."""

import heapq
from dataclasses import dataclass, field

from hub.message.outbox import OutboxEntry


@dataclass(slots=True)
class Hand:
    """Entries in hand, urgent ones first, otherwise in the order of acceptance, whatever way they came."""

    heap: list[tuple[bool, int, int, OutboxEntry]] = field(default_factory=list)
    """To be published: urgency, number, the mark that each was offered with, the entry."""
    attempts: dict[int, int] = field(default_factory=dict)
    """Of each entry in hand, by its number."""
    octets: int = 0

    @property
    def first_mark(self) -> int:
        """The mark of the next entry to publish."""
        return self.heap[0][2]

    def put(self, entry: OutboxEntry, mark: int) -> None:
        """Take *entry* in, unless it is in hand already."""
        if entry.entry_id not in self.attempts:
            self.attempts[entry.entry_id] = entry.attempt
            self.octets += len(entry.body)
            heapq.heappush(self.heap, (not entry.is_urgent, entry.entry_id, mark, entry))

    def pop(self) -> OutboxEntry:
        """Return the next entry to publish; it stays in hand until it is let go."""
        return heapq.heappop(self.heap)[3]

    def empty(self) -> list[OutboxEntry]:
        """Return all that is to be published; it stays in hand until it is let go."""
        return [self.pop() for _ in range(len(self.heap))]

    def let_go(self, entry: OutboxEntry) -> None:
        """Forget *entry*, which was recorded or given back; what never came in hand is left alone."""
        if entry.entry_id in self.attempts:
            del self.attempts[entry.entry_id]
            self.octets -= len(entry.body)
