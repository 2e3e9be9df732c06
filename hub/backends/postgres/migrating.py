"""Bring a database to the newest schema; several may try at once, and one does it."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import asyncpg

from hub.backends.postgres.pool import translated
from hub.errors import ConfigurationError

FOLDER: Final = Path(str(files("hub.backends.postgres"))) / "migrations"
_LOCK: Final = 7_260_517_001  # the advisory lock of everybody who migrates
_ROLE: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


async def migrate(dsn: str, *, hub_role: str, operator_role: str, sealer_role: str) -> str:
    """Bring the database at *dsn*, as its owner, to the newest revision; let each role do what it needs to.

    Returns the revision. Everything happens in one transaction each, under a lock: a second call waits, then
    finds nothing to do. Raises `TemporaryFailure` where the database is away.
    """
    with translated():
        if await revision(dsn) != newest():
            await _upgrade(dsn)
        await _grant(dsn, {"hub": hub_role, "operator": operator_role, "sealer": sealer_role})
    return newest()


def newest() -> str:
    """Return the revision that this code expects."""
    return max(path.name.split("_", 1)[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


async def revision(dsn: str) -> str | None:
    """Return the revision of the database at *dsn*; None where nothing was ever migrated."""
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("select to_regclass('alembic_version') is not null"):
            return None
        found = await connection.fetchval("select version_num from alembic_version")
        return None if found is None else str(found)
    finally:
        await connection.close()


def run_sql_file(name: str) -> None:
    """Run a file of many statements, which only the driver's own connection takes; called by migrations."""
    from alembic import op  # noqa: PLC0415 - alembic costs a third of a second, and mostly there is nothing to do
    from sqlalchemy.util import await_only  # noqa: PLC0415

    raw = op.get_bind().connection.driver_connection
    if not isinstance(raw, asyncpg.Connection):
        raise ConfigurationError(f"migrations run over asyncpg only, not over {type(raw).__name__}")
    await_only(raw.execute((FOLDER / name).read_text(encoding="utf-8")))


async def _upgrade(dsn: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import Connection, text  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    # The driver connects by itself: it reads addresses of several servers, SQLAlchemy does not.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(run)


async def _grant(dsn: str, roles: Mapping[str, str]) -> None:
    grants = (FOLDER / "grants.sql").read_text(encoding="utf-8")
    names = {place: _quoted(role) for place, role in roles.items()}
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"select pg_advisory_xact_lock({_LOCK})")
            await connection.execute(
                re.sub(r":(hub|operator|sealer)\b", lambda found: names[found[1]], grants)
            )
    finally:
        await connection.close()


def _quoted(role: str) -> str:
    if not _ROLE.fullmatch(role):
        raise ConfigurationError(f"{role!r} is not the name of a database role")
    return f'"{role}"'
