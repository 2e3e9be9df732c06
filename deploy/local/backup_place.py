"""Where backups lie: one folder with the base backups, what is known of each, and the archive beside them."""

import fcntl
import json
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from deploy.local import archive
from deploy.local.address import StackError
from deploy.local.database import binary, run_as, unprivileged_user


class Code(StrEnum):
    """Why a backup or a restore was not done; `docs/how-to/back-up-and-restore.md` says what to do."""

    GIVEN_SERVERS = "BACKUP-1"
    NOT_RUNNING = "BACKUP-2"
    BUSY = "BACKUP-3"
    PLACE = "BACKUP-4"
    NOT_COPIED = "BACKUP-5"
    NOT_WHOLE = "BACKUP-6"
    NOT_ARCHIVED = "BACKUP-7"
    NO_BACKUP = "RESTORE-1"
    LIVE_DATA = "RESTORE-2"
    HUB_AT_WORK = "RESTORE-3"
    NOT_REACHED = "RESTORE-4"
    NOT_RECOVERED = "RESTORE-5"


class BackupRefused(StackError):
    """It was not done, and nothing that existed was changed; the code is published."""

    def __init__(self, code: Code, sentence: str) -> None:
        """Say why, and what to do instead."""
        super().__init__(f"{code}: {sentence}")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseBackup:
    """A verified copy of a whole cluster; with the archive it leads to any later instant."""

    name: str
    place: str
    started_at: datetime
    ended_at: datetime
    """The earliest instant that it can be restored to."""
    first_wal: str
    """The segment that its recovery begins with; everything before may go when no older backup is kept."""
    octets: int
    server: str

    @property
    def data(self) -> Path:
        """The copied data directory."""
        return Path(self.place) / "base" / self.name


def known(place: Path) -> tuple[BaseBackup, ...]:
    """Return the finished backups in *place*, oldest first."""
    records = sorted((place / "base").glob("*.toml"))
    return tuple(BaseBackup(**tomllib.loads(each.read_text("utf-8")), place=str(place)) for each in records)


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Hold *place* against a second backup or restore."""
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupRefused(Code.BUSY, f"another backup or restore is at work in {place}") from error
        yield


def write_record(backup: BaseBackup) -> None:
    """Make the backup one that is known; what has no record was never finished."""
    values = asdict(backup)
    del values["place"]  # it may be mounted elsewhere when it is needed
    lines = (
        f"{name} = {value.isoformat() if isinstance(value, datetime) else json.dumps(value)}\n"
        for name, value in values.items()
    )
    archive.write_whole(backup.data.with_name(f"{backup.name}.toml"), "".join(lines))


def forget(place: Path, keep: int) -> tuple[str, ...]:
    """Delete all but the newest *keep* backups, what was never finished, and the WAL that only those needed.

    Returns the names of the backups that went.
    """
    backups = known(place)
    gone, kept = backups[:-keep], backups[-keep:]
    for each in gone:
        each.data.with_name(f"{each.name}.toml").unlink()
    names = {each.name for each in kept}
    for folder in (place / "base").iterdir():
        if folder.is_dir() and folder.name not in names:
            shutil.rmtree(folder)
    run_as(
        unprivileged_user(),
        *(binary("pg_archivecleanup"), "-x", ".gz", archive.wal_in(place), kept[0].first_wal),
    )
    return tuple(each.name for each in gone)
