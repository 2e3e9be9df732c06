"""The relay: empties the outbox, from memory where intake hands over, from rows where a crash left them."""

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
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
    expecting_interval: timedelta = timedelta(milliseconds=25)
    expecting_for: timedelta = timedelta(seconds=2)


@dataclass(slots=True)
class _Hold:
    """Entries in hand, urgent ones first, otherwise in the order of acceptance, whatever way they came."""

    heap: list[tuple[bool, int, OutboxEntry]] = field(default_factory=list)
    entry_ids: set[int] = field(default_factory=set)
    octets: int = 0

    def put(self, entry: OutboxEntry) -> None:
        """Take *entry* in, unless it is in hand already."""
        if entry.entry_id not in self.entry_ids:
            self.entry_ids.add(entry.entry_id)
            self.octets += len(entry.body)
            heapq.heappush(self.heap, (not entry.is_urgent, entry.entry_id, entry))

    def pop(self) -> OutboxEntry:
        """Return the next entry to publish; it stays in hand until it is let go."""
        return heapq.heappop(self.heap)[2]

    def let_go(self, entry: OutboxEntry) -> None:
        """Forget *entry*, which was recorded or given back; what never came in hand is left alone."""
        if entry.entry_id in self.entry_ids:
            self.entry_ids.remove(entry.entry_id)
            self.octets -= len(entry.body)


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
        self._hold = _Hold()
        self._attempted: list[Attempted] = []
        self._to_release: list[OutboxEntry] = []
        self._in_flight = 0
        self._is_closing = False
        self._expecting_until = 0.0
        self._work = asyncio.Event()
        self._answered = asyncio.Event()
        self._hint = asyncio.Event()
        self._landed = asyncio.Event()
        self._let_go = asyncio.Event()

    @property
    def held(self) -> int:
        """How many entries are in hand, published or not."""
        return len(self._hold.entry_ids)

    def offer(self, entries: Iterable[OutboxEntry]) -> None:
        """Take what a commit handed over; who commits waits for `room` first."""
        if self._is_closing:
            self._to_release += entries
            self._answered.set()
            return
        for entry in entries:
            self._hold.put(entry)
        self._work.set()

    async def room(self, stop: asyncio.Event) -> None:
        """Return once there is room for another commit, or at *stop*.

        Nothing that was handed over is sent back to being a row while later entries of its lane are in hand:
        they would overtake it. So the bound is kept by committing later, and one batch may go beyond it.
        """
        while not self._has_room() and not stop.is_set():
            self._let_go.clear()
            await any_of(self._let_go, stop, within=_LOOK_AGAIN)

    def expect_rows(self) -> None:
        """Look at the rows often for a while: a commit had to leave entries behind another process's."""
        now = asyncio.get_running_loop().time()
        self._expecting_until = now + self._limits.expecting_for.total_seconds()
        self._hint.set()

    async def disown_strays(self, stop: asyncio.Event) -> None:
        """Give back what a commit claimed for us without our knowing, because its answer was lost."""

        async def disown() -> bool:
            await self._outbox.disown(frozenset(self._hold.entry_ids))
            return True

        await until_it_works(disown, stop, what="outbox")
        self.expect_rows()

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
            self._to_release += [self._hold.pop() for _ in range(len(self._hold.heap))]
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
                tasks.create_task(self._attempt(self._hold.pop(), directory))

    def _has_room(self) -> bool:
        return self.held < self._limits.entries and self._hold.octets < self._limits.octets

    def _may_publish(self) -> bool:
        return (
            bool(self._hold.heap) and self._in_flight < self._limits.in_flight and self._line.publisher.is_up
        )

    async def _attempt(self, entry: OutboxEntry, directory: Directory) -> None:
        try:
            attempted = await self._line.attempt(entry, directory)
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
        self._to_release += [self._hold.pop() for _ in range(len(self._hold.heap))]
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
            self._hold.let_go(entry)
        if batch and not await self._is_recorded(batch):
            for attempted in batch:
                await self._record_alone(attempted)
        self._let_go.set()
        return True

    async def _is_recorded(self, batch: Sequence[Attempted]) -> bool:
        handed_over = await guarded(partial(self._outbox.record, batch, self._recover, self._attest))
        if isinstance(handed_over, Broken):
            return False
        for attempted in batch:
            self._hold.let_go(attempted.entry)
        self.offer(handed_over)
        return True

    async def _record_alone(self, attempted: Attempted) -> None:
        """Record one of a batch that broke; what cannot be recorded counts as a failure of the hub's own."""
        failed = replace(attempted, result=PublishResult.FAILED, note="the hub could not record the answer")
        if not await self._is_recorded([attempted]) and not await self._is_recorded([failed]):
            log.error("delivery.unrecorded", delivery_id=str(attempted.entry.delivery_id))
            self._hold.let_go(attempted.entry)  # its claim lapses, and it is published again

    async def _claim_forever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._hint.clear()
            if not self._has_room():
                self._let_go.clear()
                await any_of(self._let_go, stop, within=self._limits.poll_interval)
            elif not await self._claim():
                await any_of(self._hint, stop, within=self._look_again_after())

    def _look_again_after(self) -> timedelta:
        is_expecting = asyncio.get_running_loop().time() < self._expecting_until
        return self._limits.expecting_interval if is_expecting else self._limits.poll_interval

    async def _claim(self) -> int:
        """Take rows that nobody handed over; returns how many, so that a backlog is taken without a pause."""
        if not self._line.publisher.is_up:
            return 0
        room = min(self._limits.claim, self._limits.entries - self.held)
        try:
            entries = await self._outbox.claim(room, self._limits.octets - self._hold.octets)
        except TemporaryFailure as failure:
            log.warning("outbox.away", reason=str(failure))
            self._expecting_until = 0.0
            return 0
        new = [entry for entry in entries if entry.entry_id not in self._hold.entry_ids]
        self.offer(new)
        return len(new)
