"""The connections to PostgreSQL; foreign errors are translated here, at the border."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Final, Protocol, Self

import asyncpg

from hub.backends.postgres.codecs import Codecs
from hub.backends.postgres.primary import AWAY, PROBE, Primary
from hub.backends.postgres.room import Room
from hub.errors import AnswerLost, StatementTooSlow, StorageFull, StorageRefused, TemporaryFailure


class Transaction(Protocol):
    """A connection inside a transaction that commits when its block ends well."""

    async def execute(self, query: str, *values: object) -> str:
        """Run *query*; returns the command tag."""
        ...

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Run *query* and return its rows."""
        ...

    async def fetchrow(self, query: str, *values: object) -> asyncpg.Record | None:
        """Run *query* and return its first row."""
        ...

    async def fetchval(self, query: str, *values: object) -> object:
        """Run *query* and return the first value of its first row."""
        ...

    async def copy_records_to_table(
        self, table_name: str, *, columns: Sequence[str], records: Iterable[tuple[object, ...]]
    ) -> str:
        """Insert *records* by COPY, with *columns* in their order; returns the command tag."""
        ...


_RACES: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # somebody has migrated; the next preparation fits
)
PROBE_SECONDS: Final = 5.0


class Database:
    """A pool of connections to the primary, which survives restarts and promotions."""

    def __init__(self, pool: asyncpg.Pool, primary: Primary) -> None:
        """Use *pool*, whose connections *primary* makes; `open` makes one."""
        self._pool = pool
        self._primary = primary
        self.room = Room()
        """Whether its disk is full."""

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        name: str,
        size: int = 6,
        patience: timedelta = timedelta(seconds=30),
        plans_once: bool = False,
    ) -> Self:
        """Connect to the primary among the hosts of *dsn*; raises `TemporaryFailure` where it is away.

        With *plans_once*, a connection plans each statement once, not five times before it keeps to a plan:
        for those that go by an index whatever they are asked for.
        """
        primary = Primary(dsn)
        with translated():
            pool = await asyncpg.create_pool(
                dsn,
                connect=primary.connect,
                min_size=1,
                max_size=size,
                command_timeout=patience.total_seconds(),
                init=Codecs().prepare,
                reset=_leave_as_it_is,
                server_settings={
                    "application_name": name,
                    "timezone": "UTC",
                    "statement_timeout": "30s",
                    "plan_cache_mode": "force_generic_plan" if plans_once else "auto",
                },
            )
        return cls(pool, primary)

    async def close(self) -> None:
        """Let running transactions end, then close every connection; a dead server does not hold it up."""
        try:
            await self._pool.close()
        except AWAY:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; raises `TemporaryFailure` where the database is away or a race was lost.

        Where nobody knows whether it was committed, that failure is an `AnswerLost`.
        """
        with _answered() as asked, self._watched():
            async with self._pool.acquire(timeout=10) as connection:
                with _used_rightly(connection):
                    async with connection.transaction():
                        yield connection
                        asked.set()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Transaction]:
        """Lend a connection outside any transaction: one statement is one commit."""
        with self._watched():
            async with self._pool.acquire(timeout=10) as connection:
                with _used_rightly(connection):
                    yield connection

    async def is_up(self) -> bool:
        """Whether the database commits now, and so that it lasts; where not, the primary is looked for again.

        A server that answers is not enough: one whose synchronous standby is gone reads and never commits,
        and one whose disk is full commits only what is small.
        """
        try:
            async with asyncio.timeout(PROBE_SECONDS), self.connection() as connection:
                await connection.execute(PROBE)
            if self.room.shortage is not None:
                async with asyncio.timeout(PROBE_SECONDS), self.transaction() as transaction:
                    await self.room.look(transaction)
        except StorageFull:
            return False
        except (TemporaryFailure, TimeoutError):
            self._primary.forget()
            await self._pool.expire_connections()
            return False
        return True

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except StorageFull as failure:
            self.room.is_missing(str(failure))
            raise


class translated:  # noqa: N801 - reads as a verb where it is used
    """Turn what asyncpg raises into the hub's own errors: an outage, a lost race, or a refusal."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        if isinstance(error, Exception) and _is_cancelled():
            # What goes wrong while a cancelled transaction ends must not hide the cancellation.
            raise asyncio.CancelledError from error
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            # A value that does not fit its column: asyncpg calls that an interface error.
            raise StorageRefused(str(error)) from error
        if isinstance(error, asyncpg.DiskFullError):
            raise StorageFull(f"the database has no room: {_in_a_line(error)}") from error
        if isinstance(error, asyncpg.QueryCanceledError):
            raise StatementTooSlow(f"the database took too long: {_in_a_line(error)}") from error
        if isinstance(error, AWAY):
            raise TemporaryFailure(f"the database is away: {_in_a_line(error)}") from error
        if isinstance(error, _RACES):
            raise TemporaryFailure(
                "a race in the database has to be run again", retry_after=timedelta()
            ) from error
        if isinstance(error, asyncpg.PostgresError):
            raise StorageRefused(f"{type(error).__name__}: {error}") from error


@contextmanager
def _answered() -> Iterator[asyncio.Event]:
    """Tell an outage before the commit, which did not happen, from one after it was asked for."""
    asked = asyncio.Event()
    try:
        yield asked
    except StorageFull:
        raise
    except TemporaryFailure as failure:
        if asked.is_set() and failure.retry_after is None:
            raise AnswerLost(f"the commit may have happened: {failure}") from failure
        raise


@contextmanager
def _used_rightly(connection: asyncpg.Connection) -> Iterator[None]:
    """Tell our own mistakes from a lost connection: the driver calls both an interface error."""
    try:
        yield
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError) or _is_lost(connection):
            raise
        raise StorageRefused(f"{type(error).__name__}: {_in_a_line(error)}") from error


def _is_lost(connection: asyncpg.Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken leave of it already
        return True


async def _leave_as_it_is(_connection: object) -> None:
    """Spare the reset's round trip: an open transaction is rolled back before, and nothing else lasts.

    The hub changes no setting of a session, listens to nothing and holds its advisory lock elsewhere.
    """


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _in_a_line(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".partition("\n")[0].strip()
