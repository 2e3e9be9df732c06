"""A database whose disk is full is an outage that ends by itself, whatever it still answers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.address import new_record
from deploy.local.database import Database as Cluster
from deploy.local.database import place_database, unprivileged_user
from hub.backends.postgres.pool import Database
from hub.errors import StorageFull
from tests.support.database import administrator_dsn
from tests.support.small_disk import SmallDisk, small_disk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
GROW = "insert into papers select repeat(md5(n::text), 30) from generate_series(1, 20000) as n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cramped:
    """A database and the disk that it shares with nobody."""

    disk: SmallDisk
    database: Database

    async def write(self) -> None:
        async with self.database.transaction() as transaction:
            await transaction.execute(GROW)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, SmallDisk]]:
    home = tmp_path_factory.mktemp("cramped") / "home"
    place = place_database(home)
    with small_disk(place, megabytes=300, owner=unprivileged_user()) as disk:
        cluster = Cluster(place, new_record(home))
        cluster.start()
        try:
            yield cluster, disk
        finally:
            disk.free()
            cluster.kill()


@pytest.fixture
async def cramped(cluster: tuple[Cluster, SmallDisk]) -> AsyncIterator[Cramped]:
    server, disk = cluster
    database = await Database.open(administrator_dsn(server.record.address()), name="test")
    async with database.connection() as connection:
        await connection.execute("create table if not exists papers (content text)")
        await connection.execute("truncate papers")
    yield Cramped(disk=disk, database=database)
    disk.free()
    await database.close()


async def test_a_write_that_finds_no_room_is_an_outage_that_says_so(cramped: Cramped) -> None:
    cramped.disk.fill()

    with pytest.raises(StorageFull, match="no room"):
        await cramped.write()

    assert cramped.database.room.shortage is not None


async def test_a_full_database_is_not_up_although_it_answers(cramped: Cramped) -> None:
    cramped.disk.fill()
    with pytest.raises(StorageFull):
        await cramped.write()

    assert not await cramped.database.is_up()
    async with cramped.database.connection() as connection:
        assert await connection.fetchval("select 1") == 1


async def test_a_little_room_is_not_taken_for_room(cramped: Cramped) -> None:
    cramped.disk.fill()
    with pytest.raises(StorageFull):
        await cramped.write()

    with (cramped.disk.folder / "filler").open("r+b") as filler:
        filler.truncate(filler.seek(0, 2) - 4_000_000)

    assert cramped.disk.free_octets > 2_000_000
    assert not await cramped.database.is_up()


async def test_a_database_that_has_room_again_is_up_again(cramped: Cramped) -> None:
    cramped.disk.fill()
    with pytest.raises(StorageFull):
        await cramped.write()

    cramped.disk.free()

    assert await cramped.database.is_up()
    assert cramped.database.room.shortage is None
    await cramped.write()


def test_the_disk_is_really_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        disk.fill()

        assert disk.free_octets == 0
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "more").write_bytes(b"x")
        disk.free()
        (disk.folder / "more").write_bytes(b"x")
