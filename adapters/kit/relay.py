"""The worker that empties the journal's outgoing side: publishes until the broker confirms, in order."""

import asyncio
import random
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import uuid4

import structlog

from adapters.kit import outgoing as acts
from adapters.kit.crash import CrashPoint, crash_point
from adapters.kit.error import JournalFull
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing
from hub.errors import TemporaryFailure
from hub.message.identifiers import SubmissionId

_log = structlog.get_logger("adapters.kit")

Submit: TypeAlias = Callable[[Outgoing], Awaitable[None]]
"""Publishes once and returns when confirmed; raises `TemporaryFailure` for anything else."""

_POLL_SECONDS: Final = 2.0
"""How often the journal is asked for what another process left behind."""


class Backoff:
    """Holds everything off for a growing while after failures: one burst of failures counts once."""

    def __init__(self, *, first: float = 0.2, longest: float = 30.0) -> None:
        """Start with *first* seconds and double up to *longest*."""
        self._first, self._longest = first, longest
        self._failures = 0
        self._until = 0.0

    def succeeded(self) -> None:
        """Forget the failures."""
        self._failures = 0

    def failed(self) -> bool:
        """Hold off longer and say so; False where it is being held off already."""
        now = asyncio.get_running_loop().time()
        if now < self._until:
            return False
        self._failures += 1
        pause = min(self._longest, self._first * 2.0 ** min(self._failures - 1, 16))
        self._until = now + pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the agencies, hides nothing
        return True

    async def clear(self) -> None:
        """Return when the hold is over."""
        await asyncio.sleep(self._until - asyncio.get_running_loop().time())


async def idle(work: asyncio.Event) -> None:
    """Return when there is *work*, or when it is time to look for what another process left behind."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_POLL_SECONDS):
            await work.wait()


class Relay:
    """Publishes what the journal holds until it is confirmed; what it is handed it need not read."""

    def __init__(self, journal: Journal, *, window: int) -> None:
        """Keep up to *window* messages in flight."""
        self.owner: Final = acts.owner_name(uuid4().hex)
        self._journal = journal
        self._window_size = window
        self._window = asyncio.Semaphore(window)
        self._handed_over: deque[Outgoing] = deque()
        self._confirmed: list[Outgoing] = []
        self._released: list[SubmissionId] = []
        self._waiters: dict[SubmissionId, asyncio.Future[None]] = {}
        self._work = asyncio.Event()
        self._marks = asyncio.Event()
        self._backoff = Backoff()

    def has_room(self, count: int) -> bool:
        """Whether *count* messages may be handed over in memory; the rest stays rows and is claimed later."""
        return len(self._handed_over) + count <= 4 * self._window_size

    async def journal_all(self, messages: Sequence[Outgoing]) -> None:
        """Write *messages* into the journal in one commit and let them go out.

        Raises `JournalFull` where the disk is full: then none of them was accepted.
        """
        owner = self.plan_owner(len(messages))
        now = datetime.now(UTC)
        await self._journal.write_or_refuse(
            lambda connection: acts.insert(connection, messages, owner=owner, at=now)
        )
        self.hand_over([each for each in messages if not each.is_large], owner)

    def plan_owner(self, count: int) -> str | None:
        """Return who will publish *count* messages that are about to be journalled."""
        return self.owner if self.has_room(count) else None

    def hand_over(self, messages: Iterable[Outgoing], owner: str | None) -> None:
        """Publish what was just journalled under *owner*, without reading it back."""
        if owner is not None:
            self._handed_over.extend(messages)
        self.wake()

    def wake(self) -> None:
        """Say that the journal holds something new."""
        self._work.set()

    def confirmation(self, submission: SubmissionId) -> asyncio.Future[None]:
        """Return what is done once the broker has confirmed *submission* and the journal knows it."""
        future = asyncio.get_running_loop().create_future()
        self._waiters[submission] = future
        future.add_done_callback(lambda _: self._waiters.pop(submission, None))
        return future

    async def run(self, submit: Submit) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._mark())
            while True:
                await self._backoff.clear()
                for message in await self._next_batch():
                    await self._window.acquire()
                    tasks.create_task(self._publish(message, submit))

    async def stop(self) -> None:
        """Give back what was not published, so that the next process need not wait for a lease to end."""
        confirmed, self._confirmed = self._confirmed, []
        now = datetime.now(UTC)
        with suppress(JournalFull):  # published again by the next process, and dropped by the axis
            await self._journal.write_or_refuse(
                lambda connection: acts.mark_confirmed(connection, confirmed, at=now)
            )
            await self._journal.write_or_refuse(lambda connection: acts.release_all(connection, self.owner))

    async def _next_batch(self) -> Sequence[Outgoing]:
        while True:
            self._work.clear()
            if self._handed_over:
                count = min(len(self._handed_over), self._window_size)
                return [self._handed_over.popleft() for _ in range(count)]
            if claimed := await self._claim():
                return claimed
            await idle(self._work)

    async def _claim(self) -> Sequence[Outgoing]:
        owner, limit, now = self.owner, self._window_size, datetime.now(UTC)
        return await self._journal.write(
            lambda connection: acts.claim(connection, owner=owner, limit=limit, at=now)
        )

    async def _publish(self, message: Outgoing, submit: Submit) -> None:
        crash_point(CrashPoint.AFTER_JOURNAL_BEFORE_PUBLISH)
        try:
            await submit(message)
        except TemporaryFailure as failure:
            if self._backoff.failed():  # once for a burst: when the broker goes, all in flight fail together
                _log.warning(
                    "submissions.postponed", submission_id=message.submission_id, reason=str(failure)
                )
            self._released.append(message.submission_id)
        else:
            crash_point(CrashPoint.AFTER_PUBLISH_BEFORE_CONFIRM_MARK)
            self._backoff.succeeded()
            self._confirmed.append(message)
        finally:
            self._window.release()
            self._marks.set()

    async def _mark(self) -> None:
        """Record what became of the published ones: what came in while one commit ran shares the next."""
        while True:
            await self._marks.wait()
            self._marks.clear()
            confirmed, self._confirmed = self._confirmed, []
            released, self._released = self._released, []
            await self._journal.write(partial(_record, confirmed, released, datetime.now(UTC)))
            self._tell(confirmed)

    def _tell(self, confirmed: Sequence[Outgoing]) -> None:
        for message in confirmed:
            waiter = self._waiters.get(message.submission_id)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)


def _record(
    confirmed: Sequence[Outgoing],
    released: Sequence[SubmissionId],
    at: datetime,
    connection: sqlite3.Connection,
) -> None:
    acts.mark_confirmed(connection, confirmed, at=at)
    acts.release(connection, released)
