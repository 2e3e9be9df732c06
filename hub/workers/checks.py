"""Where a batch is checked: on the event loop what is done in a moment, in a thread what takes longer.

A thread has no gain to offer for a document of ten kilobytes: Python runs one thread at a time, and each of
the twelve times that its check lets go of the interpreter lock (to parse, to hash, to verify) the event loop
takes it and has to be waited for. Passing it to and fro was a tenth of the hub's processor. More hub
processes are the way to more cores (decision 0010).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.intake.line import IntakeLine, Result
from hub.message.directory import Directory
from hub.message.stages import ReceivedMessage

_SLICE: Final = timedelta(milliseconds=2)
"""After so long everybody else has a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Takes batches through the intake line."""

    line: IntakeLine
    executor: Executor

    async def examine(self, received: Sequence[ReceivedMessage], directory: Directory) -> list[Result]:
        """Return what the line decides about each of *received*, in order."""
        decided = await self._at_once(received, directory)
        slow = [each for each, result in zip(received, decided, strict=True) if result is None]
        later = iter(await self._in_a_thread(slow, directory) if slow else ())
        return [next(later) if result is None else result for result in decided]

    async def _at_once(
        self, received: Sequence[ReceivedMessage], directory: Directory
    ) -> list[Result | None]:
        loop = asyncio.get_running_loop()
        decided: list[Result | None] = []
        turn_ends_at = loop.time() + _SLICE.total_seconds()
        for each in received:
            if loop.time() > turn_ends_at:
                await asyncio.sleep(0)
                turn_ends_at = loop.time() + _SLICE.total_seconds()
            decided.append(self.line.examine_at_once(each, directory))
        return decided

    async def _in_a_thread(self, received: Sequence[ReceivedMessage], directory: Directory) -> list[Result]:
        return await asyncio.get_running_loop().run_in_executor(
            self.executor, lambda: [self.line.examine(each, directory) for each in received]
        )
