"""Questions and orders to a running cluster of our own, as its administrator."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import asyncpg

from deploy.local import archive
from deploy.local.address import LOOPBACK, StackError, StackRecord
from deploy.local.database import Database, tls_of

T = TypeVar("T")

MANY_SEGMENTS: Final = 8
"""A burst of load closes a few segments in the seconds that archiving one takes."""
_STATUS: Final = """
select last_archived_wal as last_archived, last_archived_time as last_archived_at,
       last_failed_wal as last_failed, last_failed_time as last_failed_at,
       (select count(*) from pg_ls_archive_statusdir() where name like '%.ready') as waiting
  from pg_stat_archiver
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveStatus:
    """How far the archive is behind the cluster, as the cluster itself says."""

    last_archived: str | None
    last_archived_at: datetime | None
    last_failed: str | None
    last_failed_at: datetime | None
    waiting: int
    """Closed segments that are not archived yet."""

    @property
    def is_behind(self) -> bool:
        """Whether somebody has to look: the last try failed, or segments pile up."""
        failed, archived = self.last_failed_at, self.last_archived_at
        has_failed = failed is not None and (archived is None or failed > archived)
        return has_failed or self.waiting > MANY_SEGMENTS


def archive_status(database: Database) -> ArchiveStatus | None:
    """Ask the running cluster how its archive stands; None where no backup was ever made of it."""
    if archive.place_of(database.folder) is None:
        return None
    return ArchiveStatus(**dict(ask(database.record, _STATUS)))


def ask(record: StackRecord, query: str, *values: object) -> "asyncpg.Record":
    """Run *query* and return its one row."""

    async def fetch() -> "asyncpg.Record":
        async with _connection(record) as connection:
            return await connection.fetchrow(query, *values)

    return _run(fetch())


def let_role(record: StackRecord, role: str, attributes: str, password: str) -> None:
    """Make *role* with *attributes* and *password*, or change it; the server itself does the quoting."""

    async def change() -> None:
        async with _connection(record) as connection:
            query = "select exists (select from pg_roles where rolname = $1)"
            act = "alter" if await connection.fetchval(query, role) else "create"
            order = "select format('%s role %I %s password %L', $1::text, $2::text, $3::text, $4::text)"
            await connection.execute(await connection.fetchval(order, act, role, attributes, password))

    _run(change())


@asynccontextmanager
async def _connection(record: StackRecord) -> AsyncIterator["asyncpg.Connection"]:
    connection = await asyncpg.connect(
        host=LOOPBACK,
        port=record.postgres_port,
        user=record.postgres_superuser,
        password=record.postgres_password,
        database="postgres",
        ssl=tls_of(record),
        timeout=30,
    )
    try:
        yield connection
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(f"the database does not answer as it should: {error}") from error
