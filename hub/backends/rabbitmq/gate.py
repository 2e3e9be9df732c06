"""Keeps a connection from being read while somebody on it has more in hand than memory allows.

A prefetch counts messages, whatever their size: 150 envelopes of 12 MB are 1.8 GB. Where nothing is read,
TCP makes the broker wait; heartbeats are still sent, and what is in hand is worked off meanwhile.
"""

from collections.abc import Callable


class Gate:
    """Open unless somebody has shut it."""

    def __init__(self) -> None:
        """Begin open."""
        self._shut_by: set[object] = set()
        self.watcher: Callable[[Gate], None] | None = None
        """Called whenever the gate has been opened or shut: the socket that there is now."""

    @property
    def is_open(self) -> bool:
        """Whether anything may be read."""
        return not self._shut_by

    def shut(self, who: object) -> None:
        """Let nothing through until *who* opens it again."""
        was_open = self.is_open
        self._shut_by.add(who)
        if was_open:
            self._tell()

    def open(self, who: object) -> None:
        """Take back what *who* asked for; others may still keep it shut."""
        was_open = self.is_open
        self._shut_by.discard(who)
        if self.is_open and not was_open:
            self._tell()

    def _tell(self) -> None:
        if self.watcher is not None:
            self.watcher(self)
