"""How far an acknowledgement with `multiple` may reach, when batches are settled out of order.

What lies beyond something open is acknowledged one by one, and at once: a message that waits for seconds
would otherwise keep everything after it unacknowledged, until the prefetch is used up and nothing more comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What to tell the broker, in this order."""

    withdraw: tuple[int, ...] = ()
    """To be given back or rejected, each on its own."""
    acknowledge_up_to: int | None = None
    """To be acknowledged with `multiple`; nothing below it is open."""
    acknowledge: tuple[int, ...] = ()
    """To be acknowledged, each on its own."""


class Ledger:
    """What is settled of the deliveries of one channel, whose tags are consecutive and start above *base*."""

    def __init__(self, base: int = 0) -> None:
        """Begin with everything up to *base* settled."""
        self._low = base
        self._settled: set[int] = set()

    def accept(self, tags: Iterable[int]) -> Settlement:
        """Mark *tags* as done with; what is settled already stays as it is."""
        accepted = self._open(tags)
        self._settled.update(accepted)
        low = self._advance()
        up_to = max((tag for tag in accepted if tag <= low), default=None)
        return Settlement(acknowledge_up_to=up_to, acknowledge=tuple(tag for tag in accepted if tag > low))

    def withdraw(self, tags: Iterable[int]) -> Settlement:
        """Mark *tags* as handed back; what is settled already stays as it is."""
        withdrawn = self._open(tags)
        self._settled.update(withdrawn)
        self._advance()
        return Settlement(withdraw=withdrawn)

    def _open(self, tags: Iterable[int]) -> tuple[int, ...]:
        return tuple(tag for tag in dict.fromkeys(tags) if tag > self._low and tag not in self._settled)

    def _advance(self) -> int:
        """Move over what is settled; returns the tag up to which everything is.

        The broker knows most of these no longer, and closes the channel when one is acknowledged again.
        """
        while self._low + 1 in self._settled:
            self._low += 1
            self._settled.remove(self._low)
        return self._low
