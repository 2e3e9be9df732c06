"""What each act of a hub costs on a crowded database: the product's own functions, timed from outside."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from hub.delivery.recover import RecoveryPolicy
from hub.message.outbox import Attempted, OutboxEntry, PublishResult
from tests.benchmarks.place import Place
from tests.support.decisions import a_submission, plain_pen

CLAIM = 200
COMMIT = 64
TIMES = 7
PLENTY = 32_000_000


@dataclass(slots=True, kw_only=True)
class Acts:
    """A hub's back ends, without a hub."""

    database: Database
    outbox: PostgresOutbox
    seam: PostgresSeam
    returns: PostgresReturns

    @classmethod
    async def open(cls, place: Place, stack: AsyncExitStack) -> Self:
        """Connect as a hub process does; *stack* closes."""
        settings = place.axis.settings()
        database = await Database.open(settings.postgres_dsn.get_secret_value(), name="truc bench", size=2)
        stack.push_async_callback(database.close)
        claimant, clock = Claimant.draw(), SystemClock()
        terms = Terms()
        return cls(
            database=database,
            outbox=PostgresOutbox(database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            seam=PostgresSeam(database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            returns=PostgresReturns(database, claimant=claimant, clock=clock, new_id=new_id),
        )

    async def costs(self) -> dict[str, float]:
        """Return the milliseconds of each act, medians; a little of the backlog is gone afterwards."""
        claims, records = await self._claims_and_records()
        return {
            "claim 200 entries": claims,
            "record 200 confirms": records,
            "commit 64 documents": await _median(self._commit),
            "look for what has expired": await _median(lambda: self.returns.expired(CLAIM)),
            "gauges of /metrics": await _median(lambda: read_backlog(self.database)),
            "count for `truc queues`": await _median(self._count),
        }

    async def look_in_vain(self) -> float:
        """Return the milliseconds of a claim that finds nothing: what every idle process does each second."""
        return await _median(lambda: self.outbox.claim(CLAIM, PLENTY))

    async def _claims_and_records(self) -> tuple[float, float]:
        claims, records = [], []
        for _ in range(TIMES):
            began = time.perf_counter()
            claimed = await self.outbox.claim(CLAIM, PLENTY)
            claims.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            told = await self.outbox.record(_confirmed(claimed), _never, plain_pen)
            records.append(1000 * (time.perf_counter() - began))
            await self.outbox.record(_confirmed(told), _never, plain_pen)
        return statistics.median(claims), statistics.median(records)

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
    database = await Database.open(settings.postgres_dsn.get_secret_value(), name="truc bench", size=1)
    try:
        began = time.perf_counter()
        await PostgresRegistry(database, clock=SystemClock(), max_age=timedelta(days=1)).directory()
        return time.perf_counter() - began
    finally:
        await database.close()


def _confirmed(entries: Sequence[OutboxEntry]) -> list[Attempted]:
    now = datetime.now(UTC)
    return [Attempted(entry=each, result=PublishResult.CONFIRMED, at=now) for each in entries]


_never = RecoveryPolicy(delays=()).decide


async def _median(act: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await act()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)
