"""Backups and restores of a real cluster, by what the commands do."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from deploy.local import archive
from deploy.local.archive import wal_in
from deploy.local.backup_place import BackupRefused, BaseBackup, Code
from deploy.local.restore import Restored
from hub.commands.backup_acts import BackupStatus, backup_status, known_backups, restore_database, take_backup
from tests.support.axis import World
from tests.support.waiting import until

LATEST = None
pytestmark = pytest.mark.timeout(300)


async def backed_up(world: World, *, keep: int = 7) -> BaseBackup:
    made, _ = await asyncio.to_thread(take_backup, world.axis.home, into=None, keep=keep, progress=str)
    return made


async def restored(world: World, target: datetime | None, *, may_replace: bool = True) -> Restored:
    return await asyncio.to_thread(
        lambda: restore_database(
            world.axis.home,
            target=target,
            place=None,
            name=None,
            timeline="latest",
            may_replace=may_replace,
            operator="Lan",
            progress=str,
        )
    )


async def status(world: World) -> BackupStatus:
    return await asyncio.to_thread(backup_status, world.axis.home, timedelta(hours=1))


async def close_a_segment(world: World) -> None:
    connection = await asyncpg.connect(world.axis.dsn("postgres"))
    try:
        await connection.execute("select pg_logical_emit_message(true, 'test', 'something'), pg_switch_wal()")
    finally:
        await connection.close()


def archived(world: World) -> set[str]:
    place = archive.place_of(world.stack.database.folder)
    assert place is not None
    return {each.name for each in wal_in(place).glob("0*.gz") if ".backup" not in each.name}


def replaced(world: World) -> list[Path]:
    return sorted(world.stack.database.folder.glob("data-replaced-*"))


async def test_old_backups_go_with_the_log_that_only_they_needed(ruin: World) -> None:
    first = await backed_up(ruin)
    second = await backed_up(ruin, keep=1)

    assert [each.name for each in known_backups(ruin.axis.home)] == [second.name]
    assert not first.data.exists()
    assert min(archived(ruin)) == f"{second.first_wal}.gz"
    assert (await status(ruin)).complaints == ()


async def test_an_archive_that_fails_is_told_and_catches_up_by_itself(ruin: World) -> None:
    await backed_up(ruin)
    script = ruin.stack.database.folder / archive.ARCHIVE_SCRIPT
    script.rename(script.with_suffix(".away"))

    async def is_complained_of() -> bool:
        return "the archive is behind" in "".join((await status(ruin)).complaints)

    async def is_well() -> bool:
        await close_a_segment(ruin)  # which wakes the archiver: by itself it tries again after a minute
        return (await status(ruin)).complaints == ()

    await close_a_segment(ruin)
    await until(is_complained_of, what="a complaint", pause=0.3)
    script.with_suffix(".away").rename(script)
    await until(is_well, what="an archive that has caught up", pause=0.5)


async def test_the_archive_goes_on_after_a_crash_of_the_database(ruin: World) -> None:
    await backed_up(ruin)
    before = archived(ruin)

    await ruin.kill_database()
    await ruin.start_database()
    await close_a_segment(ruin)

    await until(lambda: archived(ruin) - before, what="another segment in the archive")


async def test_a_restore_that_may_not_be_done_touches_nothing(ruin: World) -> None:
    await backed_up(ruin)
    before = replaced(ruin)

    for code, target, may_replace in (
        (Code.LIVE_DATA, LATEST, False),
        (Code.NO_BACKUP, datetime(2001, 1, 1, tzinfo=UTC), True),
        (Code.NOT_REACHED, datetime(2099, 1, 1, tzinfo=UTC), True),
    ):
        with pytest.raises(BackupRefused) as refusal:
            await restored(ruin, target, may_replace=may_replace)
        assert refusal.value.code is code

    assert replaced(ruin) == before
    ruin.stack.up()
    assert await ruin.rows("select 1") != []
