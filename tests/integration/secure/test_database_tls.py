"""The DSN's own words encrypt the connection to PostgreSQL, and say whom to trust; the hub adds nothing."""

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import pytest

from deploy.local.backup import take
from deploy.local.tls import BrokerAuthority, authority_of
from hub.backends.postgres.migrating import revision
from hub.backends.postgres.pool import Database
from hub.commands.local_axis import LocalAxis
from hub.errors import TemporaryFailure
from tests.support.waiting import until


def trusting(axis: LocalAxis, authority: BrokerAuthority) -> str:
    """Return the hub's DSN with another authority than that of the axis."""
    words = {"sslmode": "verify-full", "sslrootcert": str(authority.certificate_file)}
    return f"{axis.dsn('truc_hub').partition('?')[0]}?{urlencode(words)}"


async def test_the_dsn_alone_encrypts_and_verifies(secure_axis: LocalAxis) -> None:
    database = await Database.open(secure_axis.dsn("truc_hub"), name="test", size=1)
    async with database.connection() as connection:
        version = await connection.fetchval("select version from pg_stat_ssl where pid = pg_backend_pid()")
    await database.close()

    assert "sslmode=verify-full" in secure_axis.dsn("truc_hub")
    assert version in {"TLSv1.2", "TLSv1.3"}
    assert await revision(secure_axis.dsn("truc_hub")) is not None


async def test_a_database_of_another_authority_is_not_trusted(secure_axis: LocalAxis, tmp_path: Path) -> None:
    stranger = BrokerAuthority(tmp_path / "stranger")
    stranger.ensure()

    with pytest.raises(TemporaryFailure, match="certificate verify failed") as told:
        await Database.open(trusting(secure_axis, stranger), name="test", size=1)

    assert (secure_axis.home / "secrets" / "postgres-truc_hub").read_text("utf-8") not in str(told.value)


async def test_nobody_is_let_in_without_tls(secure_axis: LocalAxis) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await asyncpg.connect(secure_axis.dsn("truc_hub").partition("?")[0], ssl=False)


async def test_a_database_without_tls_is_not_spoken_to_where_tls_is_asked_for(
    secure_axis: LocalAxis,
) -> None:
    heard: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as PostgreSQL without TLS does, and keep what the client says then."""
        await reader.readexactly(8)
        writer.write(b"N")
        heard.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    own = trusting(secure_axis, authority_of(secure_axis.home))
    address = own.replace(f":{secure_axis.address.postgres_port}/", f":{port}/")

    with pytest.raises(TemporaryFailure):
        await Database.open(address, name="test", size=1)

    await until(lambda: heard, what="the end of what the client says")
    server.close()
    await server.wait_closed()
    assert set(heard) == {b""}, "neither the user's name nor anything else in the clear"


async def test_a_backup_is_copied_where_nobody_is_let_in_without_tls(
    secure_axis: LocalAxis,
) -> None:
    database = secure_axis.stack.database

    taken, _ = await asyncio.to_thread(take, database, into=None, keep=1, progress=lambda _: None)

    assert (Path(taken.place) / "base" / taken.name / "PG_VERSION").exists()
