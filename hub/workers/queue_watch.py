"""Notices that a mailbox's queue was deleted, made anew or emptied: what lay in it reaches nobody by itself.

Only whoever administers the broker can ask it these things, so this runs in the console's process.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import structlog

from hub.backends.postgres import queue_watching
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.queue_watching import WatchedQueue
from hub.backends.rabbitmq.management import ManagementApi
from hub.backends.rabbitmq.queue_facts import BrokerFacts, QueueFacts, make_marks, read_facts
from hub.errors import ConfigurationError, StorageRefused, TemporaryFailure
from hub.message.identifiers import MailboxName
from hub.message.properties import queue_of
from hub.message.queue_ledger import (
    LossKind,
    QueueCount,
    has_begun_anew,
    is_at_rest,
    is_explained,
    is_judged,
    lost,
    was_empty,
    with_count,
)
from hub.operations.queue_losses import OLDEST
from hub.ports import Clock

log = structlog.get_logger(__name__)
AGREEING: Final = 2
"""Looks in a row that have to say that a queue, or its mark, is gone."""
REMEMBERED_EVERY: Final = timedelta(minutes=1)
"""How old `empty_at` may be, so that not every look is a write."""
REST: Final = 5
"""A broker that is slow to answer is left alone for so many times as long as it took,"""
SLOWEST: Final = 6
"""but for no more intervals than this."""
_AFTER_FAILURE: Final = timedelta(seconds=30)

Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[ManagementApi]]


@dataclass(slots=True)
class _Seen:
    """What this process saw of one queue at its last looks."""

    window: tuple[QueueCount, ...] = ()
    gone: int = 0
    """Looks in a row at which the queue, or its mark, was not there."""


@dataclass(slots=True, kw_only=True)
class QueueWatch:
    """Looks at all queues again and again; of several processes one compares at a time."""

    database: Database
    """As the operators' user."""
    connect: Connect
    clock: Clock
    interval: timedelta
    patience: timedelta
    """More than twice as long as any figure of the broker is late."""
    _seen: dict[MailboxName, _Seen] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until *stop*, also where an answer is owed; outages are sat out, and judged by nobody."""
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self._look_forever())
            await stop.wait()
            looking.cancel()

    async def _look_forever(self) -> None:
        while True:
            began = self.clock.now()
            try:
                await self.look()
                took = self.clock.now() - began
                pause = min(max(self.interval, REST * took), SLOWEST * self.interval)
            except (TemporaryFailure, StorageRefused, ConfigurationError) as failure:
                log.warning("queues.unwatched", reason=str(failure))
                pause = min(_AFTER_FAILURE, 3 * self.interval)
            await asyncio.sleep(pause.total_seconds())

    async def look(self) -> None:
        """Compare what the broker says with what is known, and mark what has no mark."""
        event_id = await queue_watching.newest_event(self.database)
        async with self.connect() as api:
            now = self.clock.now()
            facts = await read_facts(api)
            if not facts.uptimes or min(facts.uptimes) < self.patience:
                return  # it is still finding its queues and their figures
            unmarked = await self.compare(facts, now, event_id)
            if unmarked:
                await make_marks(api, unmarked)

    async def compare(self, facts: BrokerFacts, now: datetime, event_id: int) -> Mapping[MailboxName, str]:
        """Hold *facts* of a broker that has been up for a while, asked at *now*, against what is known.

        *event_id* was the newest in the trail before they were asked for. Keeps what has changed and what was
        lost, and returns the marks that are still to be made.
        """
        async with queue_watching.comparing(self.database) as transaction:
            if transaction is None:
                return {}
            before = await queue_watching.read_watches(transaction)
            self._seen = {each.mailbox: self._seen.get(each.mailbox, _Seen()) for each in before}
            round_ = _Round(transaction, facts, now, event_id, self.patience)
            after = [await round_.judge(each, self._seen[each.mailbox]) for each in before]
            changed = [new for old, new in zip(before, after, strict=True) if _is_worth_a_write(old, new)]
            await queue_watching.store_watches(transaction, changed)
        return {
            each.mailbox: each.mark
            for each in after
            if each.mark is not None and each.marked_at is None and queue_of(each.mailbox) in facts.queues
        }


@dataclass(frozen=True, slots=True)
class _Round:
    """One comparison."""

    transaction: Transaction
    facts: BrokerFacts
    now: datetime
    event_id: int
    patience: timedelta

    async def judge(self, known: WatchedQueue, seen: _Seen) -> WatchedQueue:
        """Return what is known of one queue after this look."""
        queue = self.facts.queues.get(queue_of(known.mailbox))
        if queue is None:
            return await self._gone(known, seen, LossKind.MISSING)
        if not self.facts.has_marks:  # all at once: that says nothing about this queue
            known = replace(known, marked_at=None)
        if known.marked_at is not None and known.mark not in queue.marks:
            return await self._gone(known, seen, LossKind.REMADE)
        seen.gone = 0
        marked = known if known.mark is not None else replace(known, mark=secrets.token_hex(16))
        if marked.marked_at is None and marked.mark in queue.marks:
            marked = replace(marked, marked_at=self.now)
            await self._end_where_nothing_was_lost(marked)
        return await self._counted(marked, queue, seen)

    async def _gone(self, known: WatchedQueue, seen: _Seen, kind: LossKind) -> WatchedQueue:
        """Count the looks that agree; what was never seen on the broker cannot be gone from it."""
        seen.window = ()
        if known.marked_at is None:
            return known
        seen.gone += 1
        if seen.gone < AGREEING:
            return known
        seen.gone = 0
        await self._lose(known, kind)
        return replace(known, mark=secrets.token_hex(16), marked_at=None, empty_at=None, base=None)

    async def _counted(self, known: WatchedQueue, queue: QueueFacts, seen: _Seen) -> WatchedQueue:
        """Hold the figures of *queue* against those of when it was last at rest."""
        if queue.depth is None or not self.facts.counts or known.is_full:
            seen.window = ()
            return replace(known, base=None)
        count = QueueCount(
            at=self.now,
            depth=queue.depth,
            published=queue.published,
            taken=queue.taken,
            event_id=self.event_id,
        )
        base = self._base(known.base, count, seen)
        seen.window = with_count(seen.window, count, self.patience)
        if not is_judged(seen.window, self.patience):
            return replace(known, base=base)
        if base is not None and queue.is_counted and await self._is_short(known, base, seen.window):
            await self._lose(known, LossKind.EMPTIED)
            base = None
        is_empty = was_empty(seen.window) and (base is None or is_explained(base, seen.window))
        # What only seems to be on its way back may as well be lost: it is compared until the trail has it.
        is_open = (
            base is not None and queue.is_counted and 0 < lost(base, seen.window, 0) <= self.facts.returned
        )
        if is_at_rest(seen.window) and not is_open:
            base = replace(count, event_id=seen.window[0].event_id)
        return replace(known, base=base, empty_at=self.now if is_empty else known.empty_at)

    def _base(self, base: QueueCount | None, count: QueueCount, seen: _Seen) -> QueueCount | None:
        """Return what to compare with, and forget what the broker no longer counts.

        Where all nodes have restarted they count from nought. What was taken just before that is not in their
        counts; so the queue is only judged where the whole broker has come back without anything.
        """
        before, seen.window = seen.window, ()
        booted_at = [self.now - each for each in self.facts.uptimes]
        last = before[-1].at if before else base.at if base is not None else self.now
        if any(each > last for each in booted_at):
            was_at_rest = is_judged(before, self.patience) and is_at_rest(before)
            is_known = base is not None and was_at_rest and base.figures == before[-1].figures
            is_known = is_known and self.facts.has_nothing_old
            if base is None or not is_known or not all(each > last for each in booted_at):
                return None
            return replace(base, at=self.now, published=0, taken=0)
        if has_begun_anew(before[-1] if before else count, count):
            return None
        seen.window = before
        return None if base is None or has_begun_anew(base, count) else base

    async def _is_short(self, known: WatchedQueue, base: QueueCount, window: Sequence[QueueCount]) -> bool:
        """Ask the trail only where the figures alone do not add up."""
        if not lost(base, window, self.facts.returned):
            return False
        came_back = await queue_watching.count_returns(self.transaction, known.mailbox, behind=base.event_id)
        return lost(base, window, self.facts.returned + came_back) > 0

    async def _lose(self, known: WatchedQueue, kind: LossKind) -> None:
        """Keep the loss, unless nothing of ours can have lain there."""
        since = known.empty_at - self.patience if known.empty_at is not None else None
        count = await queue_watching.count_possibly_lost(
            self.transaction, known.mailbox, after=since or self.now - OLDEST, until=self.now
        )
        is_told = count > 0 or kind is LossKind.MISSING
        log.error("queue.lost", mailbox=known.mailbox, kind=kind.value, deliveries=count, since=since)
        if is_told:
            await queue_watching.open_loss(
                self.transaction, known.mailbox, kind, since=since, deliveries=count
            )

    async def _end_where_nothing_was_lost(self, known: WatchedQueue) -> None:
        """End the loss of a queue that is there again, if nothing can have lain in the old one."""
        if known.lost is not LossKind.MISSING:
            return
        for loss in await queue_watching.read_losses(self.transaction, is_open=True, mailbox=known.mailbox):
            if not loss.deliveries:
                await queue_watching.end_loss(
                    self.transaction, known.mailbox, because="nothing_lost", by=None
                )


def _is_worth_a_write(old: WatchedQueue, new: WatchedQueue) -> bool:
    """Say whether *new* knows more than *old*; not for the clock alone."""
    if new.empty_at is not None and old.empty_at is not None:
        is_fresh = new.empty_at - old.empty_at < REMEMBERED_EVERY
        new = replace(new, empty_at=old.empty_at) if is_fresh else new
    if new.base is not None and old.base is not None and new.base.figures == old.base.figures:
        new = replace(new, base=old.base)
    return new != old
