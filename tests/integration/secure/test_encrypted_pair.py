"""A pair of databases that speaks TLS and nothing else: with clients, with one another, after a promotion."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.cluster import ClusterStack
from deploy.cluster.replica import Replica
from deploy.local.address import StackError
from deploy.local.database import tls_of

ENCRYPTED = {"TLSv1.2", "TLSv1.3"}
TO_THE_STANDBY = """
    select s.version from pg_stat_ssl s join pg_stat_activity a using (pid)
     where a.backend_type = 'walsender'"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStack]:
    """Start the two servers, without any broker."""
    cluster = ClusterStack(tmp_path_factory.mktemp("pair") / "home", tls=True, progress=lambda _: None)
    try:
        cluster.up_databases()
        yield cluster
    finally:
        cluster.purge()


async def connect(server: Replica, *, context: ssl.SSLContext | bool | None) -> asyncpg.Connection:
    record = server.record
    return await asyncpg.connect(
        host=record.postgres_host,
        port=record.postgres_port,
        user=record.postgres_superuser,
        password=record.postgres_password,
        database="postgres",
        ssl=context,
    )


async def written_to_the_standby(pair: ClusterStack) -> str:
    """Commit, which waits for the standby, and return how that is reached."""
    primary = pair.primary
    connection = await connect(primary, context=tls_of(primary.record))
    await connection.execute("create table if not exists written (at timestamptz default now())")
    await connection.execute("insert into written default values")
    version = await connection.fetchval(TO_THE_STANDBY)
    await connection.close()
    return str(version)


async def test_replication_is_encrypted_before_and_after_a_promotion(pair: ClusterStack) -> None:
    before = await written_to_the_standby(pair)
    first = pair.primary.name

    await asyncio.to_thread(pair.promote)
    await asyncio.to_thread(pair.rejoin)

    after = await written_to_the_standby(pair)
    assert {before, after} <= ENCRYPTED
    assert pair.primary.name != first


@pytest.mark.parametrize("number", [0, 1])
async def test_nobody_is_let_in_without_tls(pair: ClusterStack, number: int) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await connect(pair.databases[number], context=False)


async def test_a_client_that_trusts_others_does_not_let_itself_in(pair: ClusterStack) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(pair.primary, context=ssl.create_default_context())


def test_a_cluster_without_tls_keeps_to_it(tmp_path: Path) -> None:
    made = ClusterStack(tmp_path, progress=lambda _: None)
    made._remember()

    with pytest.raises(StackError, match="made without TLS"):
        ClusterStack(tmp_path, tls=True, progress=lambda _: None).up_databases()
