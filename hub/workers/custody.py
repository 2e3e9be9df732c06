"""What may be claimed in this process's name without being in hand, and how nobody is overtaken by it.

A claim is made in the database and known here only when the answer comes. Until then a later entry of the
lane may be in hand already: the guard of the lanes lets it pass, since the earlier one is claimed by the same
process. And where the answer is lost, nobody knows of the claim at all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from hub.errors import AnswerLost


class Custody:
    """Keeps the order of the lanes between acts that claim side by side, and clears up after lost answers."""

    def __init__(self, *, give_back: Callable[[], Awaitable[None]], changed: Callable[[], None]) -> None:
        """Call *give_back* when claims are in doubt and nobody claims, *changed* after every act."""
        self._give_back = give_back
        self._changed = changed
        self._begun = 0
        self._in_lanes: set[int] = set()
        self._beside_lanes = 0
        self._in_doubt = False
        self._clearing = asyncio.Lock()
        self._left = asyncio.Event()

    @property
    def mark(self) -> int:
        """Put this on what is offered: whatever is under way now may hold something that comes before it."""
        return self._begun

    @property
    def is_in_doubt(self) -> bool:
        """Whether something may be claimed that nobody knows of: it is given back before more goes out."""
        return self._in_doubt

    def is_clear(self, mark: int) -> bool:
        """Whether what was offered with *mark* may be published without overtaking anything."""
        return not self._in_doubt and (not self._in_lanes or min(self._in_lanes) > mark)

    def doubt(self) -> None:
        """Trust the hand no longer: another process has taken over something that was in it."""
        self._in_doubt = True

    async def clear(self) -> None:
        """Return once nothing is in doubt; raises `TemporaryFailure` where it cannot be given back now."""
        while self._in_doubt:
            async with self._clearing:
                while self._in_lanes or self._beside_lanes:
                    self._left.clear()
                    await self._left.wait()
                await self._give_back()
                self._in_doubt = False
                self._changed()

    @asynccontextmanager
    async def claiming(self, *, lanes: bool) -> AsyncIterator[None]:
        """Whatever claims does it in here, and offers what it has before it leaves.

        *lanes* is whether it claims documents or statuses, which have an order; receipts have none.
        """
        await self.clear()
        self._begun += 1
        number = self._begun
        self._enter(number, lanes=lanes)
        try:
            yield
        except AnswerLost:
            self._in_doubt = True
            raise
        finally:
            self._leave(number, lanes=lanes)

    def _enter(self, number: int, *, lanes: bool) -> None:
        if lanes:
            self._in_lanes.add(number)
        else:
            self._beside_lanes += 1

    def _leave(self, number: int, *, lanes: bool) -> None:
        if lanes:
            self._in_lanes.discard(number)
        else:
            self._beside_lanes -= 1
        self._left.set()
        self._changed()
