"""Keeps a connection from being read while somebody on it has more in hand than memory allows.

A prefetch counts messages, whatever their size: 150 envelopes of 12 MB are 1.8 GB. Where nothing is read,
TCP makes the broker wait; heartbeats are still sent, and what is in hand is worked off meanwhile.
"""

import asyncio


class Gate:
    """Open unless somebody has shut it."""

    def __init__(self) -> None:
        """Begin open."""
        self._shut_by: set[object] = set()
        self._opened = asyncio.Event()
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether anything may be read."""
        return not self._shut_by

    def shut(self, who: object) -> None:
        """Let nothing through until *who* opens it again."""
        self._shut_by.add(who)
        self._opened.clear()

    def open(self, who: object) -> None:
        """Take back what *who* asked for; others may still keep it shut."""
        self._shut_by.discard(who)
        if not self._shut_by:
            self._opened.set()

    async def passed(self) -> None:
        """Return once it is open."""
        await self._opened.wait()
