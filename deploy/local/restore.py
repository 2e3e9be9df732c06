"""Point-in-time restore of a cluster of our own: recovered beside the old one, then exchanged with it."""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local import archive, process
from deploy.local.address import StackAddress, StackError
from deploy.local.administrator import ask
from deploy.local.backup import Progress
from deploy.local.backup_place import BackupRefused, BaseBackup, Code, alone, known
from deploy.local.database import REPLACED, Database, give_to, make_private_folder, run_as, unprivileged_user
from deploy.local.ports import free_ports

RESTORING: Final = "restoring"
POLL_SECONDS: Final = 0.5
TOO_EARLY: Final = "recovery ended before configured recovery target was reached"

_RECOVERY: Final = """\
# Written by `truc restore`; PostgreSQL reads it after postgresql.conf.
archive_command = ''
restore_command = {restore_command}
recovery_target_timeline = {timeline}
recovery_target_action = 'promote'
"""
"""The new timeline reaches the archive after the exchange: a restore that fails leaves no trace there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A cluster that is as it was at one instant, and runs."""

    backup: BaseBackup
    target: datetime | None
    """None for the latest instant that the archive and what was left lead to."""
    reached_at: datetime | None
    """When the last transaction in it was committed; None where there was none after the backup."""
    timeline: int
    replaced: Path | None
    """Where the data directory before it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to restore."""

    target: datetime | None
    place: Path | None = None
    name: str | None = None
    """Of the backup; the newest that ended before the target."""
    timeline: str = "latest"
    may_replace: bool = False


def restore(
    database: Database,
    home: Path,
    wanted: Wanted,
    *,
    before_opening: Callable[[StackAddress], None],
    progress: Progress,
) -> Restored:
    """Recover a backup to an instant beside the present cluster, exchange the two, and start the new one.

    The old data directory gets another name and is never deleted. *before_opening* is called while only its
    caller knows where the recovered cluster listens. Raises `BackupRefused`; then the old one is as it was.
    """
    place = wanted.place or archive.place_of(database.folder) or database.folder / "backups"
    backup = choose(place, wanted)
    if database.data.exists() and not wanted.may_replace:
        raise BackupRefused(
            Code.LIVE_DATA,
            f"{database.data} holds a cluster: --replace puts the restored one in its place, "
            "and keeps the old one under another name",
        )
    with _stack_alone(home), alone(place):
        database.stop()
        fresh = _unpacked(database, backup, wanted, progress)
        try:
            reached_at, timeline = _recovered(fresh, before_opening, progress)
        finally:
            fresh.stop()
        replaced = _exchanged(database, fresh)
        database.start()
    return Restored(
        backup=backup, target=wanted.target, reached_at=reached_at, timeline=timeline, replaced=replaced
    )


def choose(place: Path, wanted: Wanted) -> BaseBackup:
    """Return the backup to begin with; raises `BackupRefused` where there is none."""
    backups = known(place)
    fitting = [
        each
        for each in backups
        if wanted.name in {None, each.name} and (wanted.target is None or each.ended_at <= wanted.target)
    ]
    if not fitting:
        names = ", ".join(f"{each.name} (from {each.ended_at:%Y-%m-%d %H:%M:%S} UTC)" for each in backups)
        raise BackupRefused(
            Code.NO_BACKUP,
            f"no backup in {place} leads to that instant; there is: {names or 'none at all'}",
        )
    return fitting[-1]


@contextmanager
def _stack_alone(home: Path) -> Iterator[None]:
    """Hold *home* as `truc up` and `truc down` do: neither may meddle."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpacked(database: Database, backup: BaseBackup, wanted: Wanted, progress: Progress) -> Database:
    """Copy the backup into a folder of its own and say there how it is to be recovered."""
    user = unprivileged_user()
    folder = database.folder / RESTORING
    if folder.exists():  # an earlier try, which nobody uses
        _of(database, folder).stop()
        shutil.rmtree(folder)
    make_private_folder(database.folder, user)
    make_private_folder(folder, user)
    fresh = _of(database, folder)
    progress(f"copying the backup {backup.name} ({backup.octets / 1e6:.0f} MB)")
    run_as(user, "cp", "--archive", backup.data, fresh.data)
    script = folder / archive.RESTORE_SCRIPT
    archive.write_whole(script, archive.restore_script(Path(backup.place), database.data / "pg_wal"))
    settings = _RECOVERY.format(
        restore_command=archive.quoted(archive.command(script, "%f", "%p")),
        timeline=archive.quoted(wanted.timeline),
    )
    if wanted.target is not None:
        settings += f"recovery_target_time = {archive.quoted(wanted.target.astimezone(UTC).isoformat(' '))}\n"
    for name, text in (("postgresql.auto.conf", settings), ("recovery.signal", "")):
        (fresh.data / name).write_text(text, "utf-8")
        give_to(fresh.data / name, user)
    return fresh


def _of(database: Database, folder: Path) -> Database:
    (port,) = free_ports(1)
    return Database(folder, replace(database.record, postgres_port=port))


def _recovered(
    fresh: Database, before_opening: Callable[[StackAddress], None], progress: Progress
) -> tuple[datetime | None, int]:
    progress("recovering")
    try:
        fresh.start()
        while not _has_ended(fresh, progress):
            time.sleep(POLL_SECONDS)
        row = ask(fresh.record, _REACHED)
        before_opening(fresh.record.address())
    except StackError as error:
        raise _refusal(fresh, error) from error
    return row["at"], row["timeline"]


_REACHED: Final = """
select pg_last_xact_replay_timestamp() as at,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as timeline
"""


def _has_ended(fresh: Database, progress: Progress) -> bool:
    row = ask(fresh.record, "select pg_is_in_recovery() as is_on, pg_last_xact_replay_timestamp() as at")
    if row["is_on"] and row["at"] is not None:
        progress(f"recovered to {row['at']:%Y-%m-%d %H:%M:%S} UTC")
    return not row["is_on"]


def _refusal(fresh: Database, error: StackError) -> BackupRefused:
    log = process.last_lines(fresh.log)
    if TOO_EARLY in log:
        return BackupRefused(
            Code.NOT_REACHED,
            "nothing that was committed after that instant is in the archive, so it cannot be told from the "
            "end of it: `--to latest` restores all that there is",
        )
    return BackupRefused(Code.NOT_RECOVERED, f"the recovery failed, the old data are as they were: {error}")


def _exchanged(database: Database, fresh: Database) -> Path | None:
    """Put the recovered data where the old were; whoever is cut short here, no data are lost or made anew."""
    (fresh.data / "postgresql.auto.conf").write_text("", "utf-8")
    replaced = None
    if database.data.exists():
        replaced = database.folder / f"{REPLACED}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        database.data.rename(replaced)
    fresh.data.rename(database.data)
    shutil.rmtree(fresh.folder)
    return replaced
