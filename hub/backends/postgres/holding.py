"""Keeping hub processes out of a database: those that run wait as in an outage, and none can begin."""

import json
from dataclasses import dataclass

import asyncpg

from hub.backends.postgres.pool import Transaction, translated
from hub.backends.postgres.statements import statement
from hub.errors import ConfigurationError


async def hold(dsn: str, *, role: str, operator: str, detail: dict[str, object]) -> None:
    """Let nobody in as *role*, as the administrator in *dsn*, and leave who did it and why.

    PostgreSQL then answers the role as it answers one client too many, which hub processes sit out; a role
    that may not log in at all would be a refusal to them.
    """
    await _let_in(dsn, _Change(role=role, limit=0, operator=operator, action="hold", detail=detail))


async def release(dsn: str, *, role: str, operator: str, detail: dict[str, object]) -> None:
    """Let *role* in again, as the administrator in *dsn*, and leave who did it and why."""
    await _let_in(dsn, _Change(role=role, limit=-1, operator=operator, action="release", detail=detail))


async def refuse_while_held(dsn: str, role: str) -> None:
    """Raise `ConfigurationError` while nobody is let in as *role*: only a release may end that."""
    with translated():
        connection = await asyncpg.connect(dsn)
        try:
            held = await is_held(connection, role)
        finally:
            await connection.close()
    if held:
        raise ConfigurationError(
            "the hub is held since its database was restored: `truc reconcile` brings back what is missing, "
            "`truc reconcile --release` lets hub processes in again / hub đang bị giữ lại sau khi khôi phục"
        )


async def is_held(connection: Transaction, role: str) -> bool:
    """Whether nobody is let in as *role*."""
    return await connection.fetchval(statement("read_connection_limit"), role) == 0


async def sessions_of(connection: Transaction, role: str) -> int:
    """Count the sessions of *role* in this database: a hub process has several."""
    return int(str(await connection.fetchval(statement("count_sessions"), role)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    role: str
    limit: int
    operator: str
    action: str
    detail: dict[str, object]


async def _let_in(dsn: str, change: _Change) -> None:
    with translated():
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await connection.execute(
                    await connection.fetchval(statement("limit_connections"), change.role, change.limit)
                )
                detail = json.dumps({**change.detail, "role": change.role})
                await connection.execute(statement("record_hold"), change.operator, change.action, detail)
        finally:
            await connection.close()
