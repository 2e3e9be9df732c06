"""What `truc backup` and `truc restore` do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from deploy.local import LocalStack, StackAddress, archive
from deploy.local.administrator import ArchiveStatus, archive_status
from deploy.local.backup import take
from deploy.local.backup_place import BackupRefused, BaseBackup, Code, known
from deploy.local.database import Database as Cluster
from deploy.local.restore import Restored, Wanted, restore
from hub.backends.postgres import holding
from hub.backends.postgres.pool import Database
from hub.commands.local_axis import HUB, administrators_dsn
from hub.commands.place import stack_of
from hub.commands.shown import VIETNAM

PAGE = "docs/how-to/back-up-and-restore.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupStatus:
    """What there is to restore from, and what is wrong with it."""

    place: Path | None
    last: BaseBackup | None
    kept: int
    archive: ArchiveStatus | None
    complaints: tuple[str, ...]


def take_backup(
    home: Path | None, *, into: Path | None, keep: int, progress: Callable[[str], None]
) -> tuple[BaseBackup, Sequence[str]]:
    """Back the database of *home* up; returns the backup and the names of those that were forgotten."""
    return take(_cluster(home), into=into, keep=keep, progress=progress)


def known_backups(home: Path | None) -> tuple[BaseBackup, ...]:
    """Return the backups of *home*, oldest first."""
    place = archive.place_of(_cluster(home).folder)
    return known(place) if place is not None else ()


def backup_status(home: Path | None, max_age: timedelta) -> BackupStatus:
    """Return what there is, with a complaint for everything that somebody has to see to."""
    cluster = _cluster(home)
    backups = known_backups(home)
    place = archive.place_of(cluster.folder)
    found = archive_status(cluster) if cluster.pid is not None else None
    last = backups[-1] if backups else None
    return BackupStatus(
        place=place,
        last=last,
        kept=len(backups),
        archive=found,
        complaints=complaints(
            last, found, is_up=cluster.pid is not None, now=datetime.now(UTC), max_age=max_age
        ),
    )


def complaints(
    last: BaseBackup | None, found: ArchiveStatus | None, *, is_up: bool, now: datetime, max_age: timedelta
) -> tuple[str, ...]:
    """Say what somebody has to see to; nothing where all is well."""
    told = []
    if last is None:
        told.append("there is no backup: `truc backup` / chưa có bản sao lưu nào")
    elif now - last.ended_at > max_age:
        hours = (now - last.ended_at) / timedelta(hours=1)
        told.append(f"the last backup is {hours:.0f} hours old / bản sao lưu cuối đã {hours:.0f} giờ")
    if not is_up:
        told.append("the database does not run, nothing is archived / cơ sở dữ liệu không chạy")
    elif found is not None and found.is_behind:
        told.append(
            f"the archive is behind: {found.waiting} segments wait, last failure {found.last_failed_at} "
            "/ lưu trữ WAL đang chậm"
        )
    return tuple(told)


def read_instant(text: str) -> datetime | None:
    """Read an instant, in Vietnam time where it names no zone; None for `latest`."""
    if text == "latest":
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no instant: '2026-11-22 10:15:00+07', or latest") from error
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=VIETNAM)


def restore_database(
    home: Path | None,
    *,
    target: datetime | None,
    place: Path | None,
    name: str | None,
    timeline: str,
    may_replace: bool,
    operator: str,
    progress: Callable[[str], None],
) -> Restored:
    """Restore the database of *home*; from before anybody can reach it until reconciled, hubs are held."""
    stack, cluster = _local(home), _cluster(home)
    if cluster.pid is not None and (sessions := asyncio.run(_hub_sessions(stack.address()))):
        raise BackupRefused(
            Code.HUB_AT_WORK,
            f"hub processes are at work ({sessions} sessions): stop them first / hãy dừng hub trước",
        )
    wanted = Wanted(target=target, place=place, name=name, timeline=timeline, may_replace=may_replace)
    asked = "latest" if target is None else target.isoformat()

    def hold(address: StackAddress) -> None:
        detail: dict[str, object] = {"because": "restored", "to": asked}
        asyncio.run(holding.hold(administrators_dsn(address), role=HUB, operator=operator, detail=detail))

    return restore(cluster, stack.home, wanted, before_opening=hold, progress=progress)


async def _hub_sessions(address: StackAddress) -> int:
    database = await Database.open(administrators_dsn(address), name="truc restore", size=1)
    try:
        async with database.connection() as connection:
            return await holding.sessions_of(connection, HUB)
    finally:
        await database.close()


def _local(home: Path | None) -> LocalStack:
    stack = stack_of(home)
    if not isinstance(stack, LocalStack):
        raise BackupRefused(
            Code.GIVEN_SERVERS,
            f"somebody else runs this PostgreSQL, and backs it up; {PAGE} says what it needs / "
            f"PostgreSQL này do đơn vị khác vận hành và sao lưu; xem {PAGE}",
        )
    return stack


def _cluster(home: Path | None) -> Cluster:
    return _local(home).database
