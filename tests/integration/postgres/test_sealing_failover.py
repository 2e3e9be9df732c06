"""The sealer goes over to the promoted standby, and the log is one chain from before to after."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from deploy.cluster import ClusterStack
from hub.backends.clock import SystemClock
from hub.backends.postgres.administration import ensure_database
from hub.backends.postgres.audit_log import read_log_state
from hub.backends.postgres.migrating import migrate
from hub.backends.postgres.pool import Database
from hub.backends.postgres.primary import Primary
from hub.backends.postgres.sealing import sealing_session
from hub.errors import TemporaryFailure
from hub.operations.audit import verify_log
from hub.workers.sealer import SealerWorker
from tests.support.database import HUB, OPERATOR, OWNER, SEALER
from tests.support.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
NAME = "sealed"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStack]:
    """Start the two servers, without any broker."""
    cluster = ClusterStack(tmp_path_factory.mktemp("pair") / "home", progress=lambda _: None)
    try:
        cluster.up_databases()
        yield cluster
    finally:
        cluster.purge()


def dsn_of(pair: ClusterStack, login: str, database: str = NAME) -> str:
    return (
        f"postgresql://{login}@{pair.address().postgres_servers}/{database}?target_session_attrs=read-write"
    )


async def migrated(pair: ClusterStack) -> None:
    address = pair.address()
    administrator = f"{address.postgres_superuser}:{address.postgres_password}"
    await ensure_database(
        dsn_of(pair, administrator, "postgres"), name=NAME, owner=OWNER, others=(HUB, OPERATOR, SEALER)
    )
    owner = dsn_of(pair, f"{OWNER.role}:{OWNER.password}".replace(" ", "%20"))
    await migrate(owner, hub_role=HUB.role, operator_role=OPERATOR.role, sealer_role=SEALER.role)


async def test_a_promotion_leaves_one_chain(pair: ClusterStack) -> None:
    await migrated(pair)
    hub, operator, sealer = (
        dsn_of(pair, f"{each.role}:{each.password}".replace(" ", "%20")) for each in (HUB, OPERATOR, SEALER)
    )
    writing = await Database.open(hub, name="a hub", size=1)
    reading = await Database.open(operator, name="an operator", size=1)
    stop, primary = asyncio.Event(), Primary(sealer)
    worker = SealerWorker(connect=lambda: sealing_session(primary), clock=SystemClock())
    sealing = asyncio.create_task(worker.run(stop))

    async def sealed(number: int) -> bool:
        try:
            return (await read_log_state(reading)).sealed == number
        except (TemporaryFailure, asyncpg.PostgresError):
            return False

    await write(writing, 5)
    await until(lambda: sealed(5), what="the first seals")

    await asyncio.to_thread(pair.primary.kill)
    await asyncio.to_thread(pair.promote)
    await until(writing.is_up, what="the new primary")
    await until(reading.is_up, what="the new primary")
    await write(writing, 5)

    await until(lambda: sealed(10), what="seals on the new primary")
    found = await verify_log(reading)
    assert (found.holds, found.unsealed.count) == (True, 0)
    stop.set()
    await sealing
    await writing.close()
    await reading.close()


async def write(database: Database, number: int) -> None:
    async with database.transaction() as transaction:
        for _ in range(number):
            await transaction.execute("insert into events (name) values ('mailbox.parked')")
