"""The DSN's own words encrypt the connection to PostgreSQL, and say whom to trust; the hub adds nothing."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import pytest

from deploy.local.database import give_to, unprivileged_user
from deploy.local.tls import BrokerAuthority
from hub.backends.postgres.migrating import revision
from hub.backends.postgres.pool import Database
from hub.commands.local_axis import LocalAxis
from hub.errors import TemporaryFailure
from tests.support.waiting import until

NAMES = ("127.0.0.1",)


@pytest.fixture
async def database_authority(secure_axis: LocalAxis, tmp_path: Path) -> AsyncIterator[BrokerAuthority]:
    """Let the axis's database speak TLS for one test, with an authority that is nobody else's."""
    authority = BrokerAuthority(tmp_path / "database-authority")
    authority.ensure()
    authority.issue_server(tmp_path / "server.pem", NAMES)
    data = secure_axis.stack.database.data
    owner = unprivileged_user() if os.geteuid() == 0 else None
    for name in ("server.crt", "server.key"):
        shutil.copyfile(tmp_path / "server.pem", data / name)
        (data / name).chmod(0o600)
        give_to(data / name, owner)
    await turn(secure_axis, "on")
    yield authority
    await turn(secure_axis, "off")


async def turn(axis: LocalAxis, state: str) -> None:
    connection = await asyncpg.connect(axis.dsn("postgres"), ssl=False)
    await connection.execute(f"alter system set ssl = {state}")
    await connection.execute("select pg_reload_conf()")

    async def turned() -> bool:
        return bool(await connection.fetchval("show ssl") == state)

    await until(turned, what=f"ssl = {state}")
    await connection.close()


def dsn(axis: LocalAxis, authority: BrokerAuthority, mode: str) -> str:
    words = {"sslmode": mode, "sslrootcert": str(authority.certificate_file)}
    return f"{axis.dsn('truc_hub')}?{urlencode(words)}"


async def test_the_dsn_alone_encrypts_and_verifies(
    secure_axis: LocalAxis, database_authority: BrokerAuthority
) -> None:
    address = dsn(secure_axis, database_authority, "verify-full")

    database = await Database.open(address, name="test", size=1)
    async with database.connection() as connection:
        version = await connection.fetchval("select version from pg_stat_ssl where pid = pg_backend_pid()")
    await database.close()

    assert version in {"TLSv1.2", "TLSv1.3"}
    assert await revision(address) is not None


async def test_a_database_of_another_authority_is_not_trusted(
    secure_axis: LocalAxis, database_authority: BrokerAuthority, tmp_path: Path
) -> None:
    stranger = BrokerAuthority(tmp_path / "stranger")
    stranger.ensure()
    address = dsn(secure_axis, stranger, "verify-full")

    with pytest.raises(TemporaryFailure, match="certificate verify failed") as told:
        await Database.open(address, name="test", size=1)

    assert (secure_axis.home / "secrets" / "postgres-truc_hub").read_text("utf-8") not in str(told.value)


async def test_a_database_without_tls_is_not_spoken_to_where_tls_is_asked_for(
    secure_axis: LocalAxis, tmp_path: Path
) -> None:
    authority = BrokerAuthority(tmp_path)
    authority.ensure()

    with pytest.raises(TemporaryFailure):
        await Database.open(dsn(secure_axis, authority, "verify-full"), name="test", size=1)
