"""The connections to PostgreSQL; foreign errors are translated here, at the border."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol, Self

import asyncpg

from hub.errors import StorageRefused, TemporaryFailure


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


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver's own confusion over a connection that is just being lost
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    OSError,
    TimeoutError,
)
_RACES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # somebody has migrated; the next preparation fits
)


class Database:
    """A pool of connections that survives the server's restarts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use *pool*; `open` makes one."""
        self._pool = pool

    @classmethod
    async def open(
        cls, dsn: str, *, name: str, size: int = 6, patience: timedelta = timedelta(seconds=30)
    ) -> Self:
        """Connect; raises `TemporaryFailure` where the database is away."""
        with translated():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                command_timeout=patience.total_seconds(),
                init=_prepare,
                server_settings={"application_name": name, "timezone": "UTC", "statement_timeout": "30s"},
            )
        return cls(pool)

    async def close(self) -> None:
        """Let running transactions end, then close every connection; a dead server does not hold it up."""
        try:
            await self._pool.close()
        except _AWAY:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; raises `TemporaryFailure` where the database is away or a race was lost."""
        with translated():
            async with self._pool.acquire(timeout=10) as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Transaction]:
        """Lend a connection outside any transaction: one statement is one commit."""
        with translated():
            async with self._pool.acquire(timeout=10) as connection:
                yield connection

    async def is_up(self) -> bool:
        """Whether the database answers now."""
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("select true"))
        except TemporaryFailure:
            return False


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
        if isinstance(error, _AWAY):
            raise TemporaryFailure(f"the database is away: {_in_a_line(error)}") from error
        if isinstance(error, _RACES):
            raise TemporaryFailure(
                "a race in the database has to be run again", retry_after=timedelta()
            ) from error
        if isinstance(error, asyncpg.PostgresError):
            raise StorageRefused(f"{type(error).__name__}: {error}") from error


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _in_a_line(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".partition("\n")[0].strip()
