"""What only the administrator of the database server does: the database of the axis and its roles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from hub.backends.postgres.pool import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role that may log in."""

    role: str
    password: str = field(repr=False)


async def ensure_database(dsn: str, *, name: str, owner: Login, others: Sequence[Login]) -> None:
    """Make the database *name* with its roles, as the administrator in *dsn*; nobody else may connect.

    What exists already stays as it is, except that a role whose password does not fit gets the one given.
    """
    with translated():
        connection = await asyncpg.connect(dsn)
        try:
            for login in (owner, *others):
                await _ensure_role(dsn, connection, login)
            await _ensure_database(connection, name, owner, others)
        finally:
            await connection.close()


async def copy_database(dsn: str, *, template: str, name: str, may_connect: Sequence[str]) -> None:
    """Make the database *name* as a copy of *template*, which nobody may be using."""
    connection = await asyncpg.connect(dsn)
    try:
        owner = await connection.fetchval(
            "select pg_get_userbyid(datdba) from pg_database where datname = $1", template
        )
        await _run(connection, "create database %I template %I owner %I", name, template, owner)
        await _run(connection, "revoke all on database %I from public", name)
        for role in may_connect:
            await _run(connection, "grant connect on database %I to %I", name, role)
    finally:
        await connection.close()


async def drop_database(dsn: str, *, name: str) -> None:
    """Delete the database *name* with everything in it, and end the sessions that use it."""
    connection = await asyncpg.connect(dsn)
    try:
        await _run(connection, "drop database if exists %I with (force)", name)
    finally:
        await connection.close()


async def _ensure_role(dsn: str, connection: asyncpg.Connection, login: Login) -> None:
    if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", login.role):
        await _run(connection, "create role %I login password %L", login.role, login.password)
    elif not await _lets_in(dsn, login):
        await _run(connection, "alter role %I login password %L", login.role, login.password)


async def _lets_in(dsn: str, login: Login) -> bool:
    try:
        connection = await asyncpg.connect(dsn, user=login.role, password=login.password, database="postgres")
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    await connection.close()
    return True


async def _ensure_database(
    connection: asyncpg.Connection, name: str, owner: Login, others: Sequence[Login]
) -> None:
    if not await connection.fetchval("select exists (select from pg_database where datname = $1)", name):
        await _run(connection, "create database %I owner %I", name, owner.role)
        await _run(connection, "revoke all on database %I from public", name)
    for login in others:
        await _run(connection, "grant connect on database %I to %I", name, login.role)


async def _run(connection: asyncpg.Connection, command: str, *names: str) -> None:
    """Run a command whose names and literals the server itself has quoted."""
    places = ", ".join(f"${number}::text" for number in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"select format($1, {places})", command, *names))
