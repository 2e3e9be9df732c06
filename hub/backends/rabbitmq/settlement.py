"""How far an acknowledgement with `multiple` may reach, when batches are settled out of order."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What to tell the broker, in this order."""

    withdraw: tuple[int, ...]
    """To be given back or rejected, each on its own."""
    acknowledge_up_to: int | None
    """To be acknowledged with `multiple`; nothing below it is open."""


class Ledger:
    """What is settled of the deliveries of one channel, whose tags are consecutive and start above *base*."""

    def __init__(self, base: int = 0) -> None:
        """Begin with everything up to *base* settled."""
        self._low = base
        self._accepted: set[int] = set()
        self._withdrawn: set[int] = set()

    def accept(self, tags: Iterable[int]) -> Settlement:
        """Mark *tags* as done with; what is settled already stays as it is."""
        self._accepted.update(self._open(tags))
        return Settlement(withdraw=(), acknowledge_up_to=self._advance())

    def withdraw(self, tags: Iterable[int]) -> Settlement:
        """Mark *tags* as handed back; what is settled already stays as it is."""
        withdrawn = self._open(tags)
        self._withdrawn.update(withdrawn)
        return Settlement(withdraw=withdrawn, acknowledge_up_to=self._advance())

    def _open(self, tags: Iterable[int]) -> tuple[int, ...]:
        return tuple(
            tag
            for tag in dict.fromkeys(tags)
            if tag > self._low and tag not in self._accepted and tag not in self._withdrawn
        )

    def _advance(self) -> int | None:
        """Move over what is settled; returns the last accepted tag on the way.

        The broker no longer knows a tag that was withdrawn, and closes the channel when it is acknowledged.
        """
        last_accepted: int | None = None
        while True:
            tag = self._low + 1
            if tag in self._accepted:
                self._accepted.remove(tag)
                last_accepted = tag
            elif tag in self._withdrawn:
                self._withdrawn.remove(tag)
            else:
                return last_accepted
            self._low = tag
