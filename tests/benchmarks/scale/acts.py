"""What each act of a hub costs on a crowded database: the product's own functions, measured from outside.

Counted is processor time, of the back end in this process and of PostgreSQL's process behind its connection:
it says the same on a busy machine as on a quiet one.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.claimant import Claimant
from hub.backends.postgres.gauges import read_backlog
from hub.backends.postgres.outbox import PostgresOutbox
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.postgres.returns import PostgresReturns
from hub.backends.postgres.seam import PostgresSeam, Terms
from hub.backends.postgres.statements import statement
from hub.delivery.recover import RecoveryPolicy, RetryRule
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from tests.benchmarks.place import Place
from tests.support.decisions import a_submission, plain_pen

CLAIM = 200
COMMIT = 64
TIMES = 7
UNCOUNTED = 6
"""The first times PostgreSQL plans anew; then it keeps to a plan."""
PLENTY = 32_000_000
NAME = "truc bench"


@dataclass(slots=True, kw_only=True)
class Acts:
    """A hub's back ends, without a hub."""

    database: Database
    outbox: PostgresOutbox
    seam: PostgresSeam
    returns: PostgresReturns
    backend: int
    """The process of PostgreSQL behind the only connection."""

    @classmethod
    async def open(cls, place: Place, stack: AsyncExitStack) -> Self:
        """Connect as a hub process does; *stack* closes."""
        settings = place.axis.settings()
        database = await Database.open(settings.postgres_dsn.get_secret_value(), name=NAME, size=1)
        stack.push_async_callback(database.close)
        claimant, clock = Claimant.draw(), SystemClock()
        terms = Terms()
        return cls(
            database=database,
            outbox=PostgresOutbox(database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            seam=PostgresSeam(database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            returns=PostgresReturns(database, claimant=claimant, clock=clock, new_id=new_id),
            backend=await _backend(database),
        )

    async def costs(self) -> dict[str, float]:
        """Return the milliseconds of each act, medians; a little of the backlog is gone afterwards."""
        claims, records = await self._claims_and_records()
        return {
            "claim 200 entries": claims,
            "record 200 confirms": records,
            "commit 64 documents": await self._median(self._commit),
            "look for what has expired": await self._median(lambda: self.returns.expired(CLAIM)),
            "gauges of /metrics": await self._median(lambda: read_backlog(self.database)),
            "count for `truc queues`": await self._median(self._count),
        }

    async def look_in_vain(self) -> float:
        """Return the milliseconds of a claim that finds nothing: what every idle process does each second."""
        return await self._median(lambda: self.outbox.claim(CLAIM, PLENTY))

    async def _claims_and_records(self) -> tuple[float, float]:
        claims, records = [], []
        for _ in range(UNCOUNTED + TIMES):
            before = self._used()
            claimed = await self.outbox.claim(CLAIM, PLENTY)
            between = self._used()
            told = await self.outbox.record(_confirmed(claimed), _never, plain_pen)
            claims.append(between - before)
            records.append(self._used() - between)
            await self.outbox.record(_confirmed(told), _never, plain_pen)
        return statistics.median(claims[UNCOUNTED:]), statistics.median(records[UNCOUNTED:])

    async def _median(self, act: Callable[[], Awaitable[object]]) -> float:
        taken = []
        for _ in range(UNCOUNTED + TIMES):
            before = self._used()
            await act()
            taken.append(self._used() - before)
        return statistics.median(taken[UNCOUNTED:])

    def _used(self) -> float:
        """Return the processor time used so far, in milliseconds."""
        return 1000 * time.process_time() + _on_processor(self.backend)

    async def _commit(self) -> None:
        committed = await self.seam.commit([a_submission().admitted() for _ in range(COMMIT)], plain_pen)
        told = await self.outbox.record(_confirmed(committed.handed_over), _never, plain_pen)
        await self.outbox.record(_confirmed(told), _never, plain_pen)

    async def _count(self) -> None:
        async with self.database.connection() as connection:
            await connection.fetch(statement("count_waiting_by_mailbox"))


async def load_registry(place: Place) -> float:
    """Return the seconds in which a hub process reads the whole registry."""
    settings = place.axis.settings()
    database = await Database.open(settings.postgres_dsn.get_secret_value(), name=NAME, size=1)
    try:
        began = time.perf_counter()
        await PostgresRegistry(database, clock=SystemClock(), max_age=timedelta(days=1)).directory()
        return time.perf_counter() - began
    finally:
        await database.close()


def _confirmed(entries: Sequence[OutboxEntry]) -> list[Attempted]:
    now = datetime.now(UTC)
    return [Attempted(entry=each, result=PublishResult.CONFIRMED, at=now) for each in entries]


_never = RecoveryPolicy(otherwise=RetryRule(delays=())).drawing(lambda: 0.0)


async def _backend(database: Database) -> int:
    async with database.connection() as connection:
        backend = await connection.fetchval("select pg_backend_pid()")
    assert isinstance(backend, int)
    return backend


def _on_processor(pid: int) -> float:
    """Return the milliseconds that process *pid* has run: the kernel counts nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1_000_000
