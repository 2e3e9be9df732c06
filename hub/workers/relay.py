"""The relay: empties the outbox, from memory where intake hands over, from rows where a crash left them."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from hub.delivery.line import Broken, DeliveryLine, guarded
from hub.errors import TemporaryFailure
from hub.message.directory import Directory
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from hub.ports import Attest, Outbox, Recover, Registry
from hub.workers import measures
from hub.workers.custody import Custody
from hub.workers.hand import Hand
from hub.workers.waiting import any_of, until_it_works

log = structlog.get_logger(__name__)
_LOOK_AGAIN: Final = timedelta(milliseconds=200)
"""How soon the relay looks whether the broker is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """How much the relay keeps in memory; the rest stays rows."""

    entries: int = 2000
    octets: int = 32_000_000
    claim: int = 200
    record: int = 200
    in_flight: int = 400
    linger: timedelta = timedelta(milliseconds=4)
    poll_interval: timedelta = timedelta(seconds=1)
    expecting_soon: timedelta = timedelta(milliseconds=5)
    expecting_interval: timedelta = timedelta(milliseconds=40)
    expecting_for: timedelta = timedelta(seconds=2)


class Relay:
    """Publishes, waits for the confirms together, and records them as they come."""

    def __init__(
        self,
        *,
        line: DeliveryLine,
        outbox: Outbox,
        registry: Registry,
        recover: Recover,
        attest: Attest,
        limits: RelayLimits,
    ) -> None:
        """Wire the relay; nothing runs yet."""
        self._line = line
        self._outbox = outbox
        self._registry = registry
        self._recover = recover
        self._attest = attest
        self._limits = limits
        self._hand = Hand()
        self._custody = Custody(give_back=self._give_back, changed=self._look)
        self._unanswered: set[int] = set()
        self._claimed_again: dict[int, OutboxEntry] = {}
        self._attempted: list[Attempted] = []
        self._to_release: list[OutboxEntry] = []
        self._in_flight = 0
        self._is_closing = False
        self._expecting_until = 0.0
        self._next_pause = limits.expecting_soon
        self._work = asyncio.Event()
        self._answered = asyncio.Event()
        self._hint = asyncio.Event()
        self._landed = asyncio.Event()
        self._let_go = asyncio.Event()

    @property
    def held(self) -> int:
        """How many entries are in hand, published or not."""
        return len(self._hand.attempts)

    def offer(self, entries: Iterable[OutboxEntry]) -> None:
        """Take what a commit handed over; who commits waits for `room` first."""
        if self._is_closing:
            self._to_release += entries
            self._answered.set()
            return
        for entry in entries:
            self._hand.put(entry, self._custody.mark)
        self._work.set()

    def claiming(self, *, lanes: bool = True) -> AbstractAsyncContextManager[None]:
        """Whatever claims for this process does it in here, and offers what it has before it leaves.

        So nothing overtakes what was claimed and is not in hand yet, and what a lost answer left claimed is
        given back before anything more is claimed. *lanes* is whether more than receipts may be claimed.
        """
        return self._custody.claiming(lanes=lanes)

    async def room(self, stop: asyncio.Event) -> None:
        """Return once there is room for another commit, or at *stop*.

        Nothing that was handed over is sent back to being a row while later entries of its lane are in hand:
        they would overtake it. So the bound is kept by committing later, and one batch may go beyond it.
        """
        while not self._has_room() and not stop.is_set():
            self._let_go.clear()
            await any_of(self._let_go, stop, within=_LOOK_AGAIN)
        await until_it_works(self._custody.clear, stop, what="outbox")

    def expect_rows(self) -> None:
        """Look at the rows often for a while: a commit had to leave entries behind another process's.

        What is in flight there is recorded in some milliseconds, under load in some more, when looking costs
        more than it brings: so the first look comes soon, and each one after twice the pause before.
        """
        loop = asyncio.get_running_loop()
        self._expecting_until = loop.time() + self._limits.expecting_for.total_seconds()
        self._next_pause = 2 * self._limits.expecting_soon
        loop.call_later(self._limits.expecting_soon.total_seconds(), self._hint.set)

    async def _give_back(self) -> None:
        """Let go of all that is not in flight, and give it back with what is claimed without our knowing.

        What was to be published goes, too: it may stand behind something that a lost answer tells of.
        """
        for entry in self._hand.empty():
            self._hand.let_go(entry)
        await self._outbox.disown(dict(self._hand.attempts))
        self._let_go.set()
        self.expect_rows()

    def _look(self) -> None:
        self._work.set()

    def hint(self) -> None:
        """Look at the rows soon: somebody says that there is something."""
        self._hint.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; then wait for what is in flight, record it, and give back the rest."""
        done = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._record_forever(done, stop))
            claiming = tasks.create_task(self._claim_forever(stop))
            publishing = tasks.create_task(self._publish_forever(tasks, stop))
            await asyncio.wait([claiming, publishing])
            self._is_closing = True
            self._to_release += self._hand.empty()
            while self._in_flight:
                self._landed.clear()
                await self._landed.wait()
            done.set()
            self._answered.set()

    async def _publish_forever(self, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._work.clear()
            if not self._may_publish():
                await any_of(self._work, stop, within=_LOOK_AGAIN)
                continue
            directory = await until_it_works(self._registry.directory, stop, what="registry")
            while directory is not None and self._may_publish():
                self._in_flight += 1
                tasks.create_task(self._attempt(self._hand.pop(), directory))

    def _has_room(self) -> bool:
        return self.held < self._limits.entries and self._hand.octets < self._limits.octets

    def _may_publish(self) -> bool:
        """Whether the next entry may go out: not past the unanswered, nor past what is just being claimed."""
        return (
            bool(self._hand.heap)
            and self._in_flight < self._limits.in_flight
            and not self._unanswered
            and self._line.publisher.is_up
            and self._custody.is_clear(self._hand.first_mark)
        )

    async def _attempt(self, entry: OutboxEntry, directory: Directory) -> None:
        try:
            attempted = await self._line.attempt(entry, directory)
            if attempted.result is PublishResult.UNKNOWN:
                self._unanswered.add(entry.entry_id)
            self._attempted.append(attempted)  # only now: the list is another one after every record
            measures.PUBLISHED.labels(attempted.result.value).inc()
        finally:
            self._in_flight -= 1
            self._work.set()
            self._answered.set()
            self._landed.set()

    async def _record_forever(self, done: asyncio.Event, stop: asyncio.Event) -> None:
        while not done.is_set():
            await self._answered.wait()
            self._answered.clear()
            if not stop.is_set():
                await self._linger()
            await self._record_all(done)
        # The receipts that the last records handed over go back to being rows.
        self._to_release += self._hand.empty()
        await self._record_all(done)

    async def _linger(self) -> None:
        """Wait a moment for more answers, up to three if many are on their way: a commit costs the same."""
        for _ in range(3):
            if len(self._attempted) >= self._limits.record:
                return
            await asyncio.sleep(self._limits.linger.total_seconds())
            if self._in_flight < self._limits.record // 4:
                return

    async def _record_all(self, done: asyncio.Event) -> None:
        while self._attempted or self._to_release:
            batch, self._attempted = (
                self._attempted[: self._limits.record],
                self._attempted[self._limits.record :],
            )
            released, self._to_release = self._to_release, []
            if await until_it_works(partial(self._record, batch, released), done, what="outbox") is None:
                # The claims end with this process, and whoever comes next publishes again.
                self._attempted, self._to_release = [], []

    async def _record(self, batch: Sequence[Attempted], released: Sequence[OutboxEntry]) -> bool:
        if released:
            await self._outbox.release(released)
        for entry in released:
            self._hand.let_go(entry)
        if batch and not await self._is_recorded(batch):
            for attempted in batch:
                await self._record_alone(attempted)
        self._let_go.set()
        return True

    async def _is_recorded(self, batch: Sequence[Attempted]) -> bool:
        async with self.claiming(lanes=False):
            handed_over = await guarded(partial(self._outbox.record, batch, self._recover, self._attest))
            if isinstance(handed_over, Broken):
                return False
            for attempted in batch:
                self._let_go_of(attempted.entry)
            # What was claimed again meanwhile knows better: a return may have raised the attempt.
            self.offer([self._claimed_again.pop(each.entry_id, each) for each in handed_over])
        self._doubt_what_others_took(batch)
        again = (self._claimed_again.pop(each.entry.entry_id, None) for each in batch)
        self._to_release += [entry for entry in again if entry is not None]
        if self._is_expecting:
            self._hint.set()  # what was recorded here lets through what waits behind it
        return True

    def _let_go_of(self, entry: OutboxEntry) -> None:
        self._hand.let_go(entry)
        self._unanswered.discard(entry.entry_id)

    def _doubt_what_others_took(self, batch: Sequence[Attempted]) -> None:
        """Where somebody else is to publish what was not answered, what is behind it must wait as rows."""
        unanswered = (each.entry.entry_id for each in batch if each.result is PublishResult.UNKNOWN)
        if not self._hand.attempts.keys() >= set(unanswered):
            self._custody.doubt()

    async def _record_alone(self, attempted: Attempted) -> None:
        """Record one of a batch that broke; what cannot be recorded counts as a failure of the hub's own."""
        failed = replace(attempted, result=PublishResult.FAILED, note="the hub could not record the answer")
        if not await self._is_recorded([attempted]) and not await self._is_recorded([failed]):
            log.error("delivery.unrecorded", delivery_id=str(attempted.entry.delivery_id))
            self._let_go_of(attempted.entry)  # its claim lapses, and it is published again

    async def _claim_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._hint.clear()
            if not self._has_room() and not self._custody.is_in_doubt:
                self._let_go.clear()
                await any_of(self._let_go, stop, within=self._limits.poll_interval)
            elif not await self._claim():
                await any_of(self._hint, stop, within=self._look_again_after())

    @property
    def _is_expecting(self) -> bool:
        return asyncio.get_running_loop().time() < self._expecting_until

    def _look_again_after(self) -> timedelta:
        if not self._is_expecting:
            return self._limits.poll_interval
        if self.held:
            return self._limits.expecting_interval  # or as soon as that is recorded
        pause, self._next_pause = self._next_pause, min(2 * self._next_pause, self._limits.expecting_interval)
        return pause

    async def _claim(self) -> int:
        """Take rows that nobody handed over; returns how many, so that a backlog is taken without a pause."""
        try:
            await self._custody.clear()
            if not self._line.publisher.is_up or not self._has_room():
                return 0
            async with self.claiming():
                room = min(self._limits.claim, self._limits.entries - self.held)
                before = frozenset(self._hand.attempts)
                claimed = await self._outbox.claim(room, self._limits.octets - self._hand.octets)
                return self._take(claimed, before)
        except TemporaryFailure as failure:
            log.warning("outbox.away", reason=str(failure))
            self._expecting_until = 0.0
            return 0

    def _take(self, claimed: Sequence[OutboxEntry], before: frozenset[int]) -> int:
        """Offer what was *claimed*; what was in hand *before* goes back once it is in hand no longer."""
        new = [entry for entry in claimed if entry.entry_id not in before]
        again = [entry for entry in claimed if entry.entry_id in before]
        still = {entry.entry_id: entry for entry in again if entry.entry_id in self._hand.attempts}
        self._claimed_again |= still
        self._to_release += [entry for entry in again if entry.entry_id not in still]
        if self._to_release:
            self._answered.set()
        self.offer(new)
        return len(new)
