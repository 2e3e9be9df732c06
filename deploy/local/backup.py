"""Base backups of a cluster of our own: copied while it works, then verified; the archive leads on."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from deploy.local import archive, process
from deploy.local.address import LOOPBACK, StackError, StackRecord, write_private
from deploy.local.administrator import ask, let_role
from deploy.local.backup_place import BackupRefused, BaseBackup, Code, alone, forget, write_record
from deploy.local.database import Database, binary, give_to, make_private_folder, run_as, unprivileged_user

ROLE: Final = "truc_backup"
"""May copy the cluster and nothing else, and may log in only while a backup runs."""
MAY_COPY: Final = "nosuperuser replication connection limit 3"
LONGEST_COPY: Final = timedelta(days=2)
"""The role's password ends by itself then, should nobody be left to end it."""
ARCHIVED_SECONDS: Final = 60.0
_LABEL: Final = "backup_label"

Progress = Callable[[str], None]


def take(
    database: Database, *, into: Path | None, keep: int, progress: Progress
) -> tuple[BaseBackup, Sequence[str]]:
    """Copy the running cluster, verify the copy, see that its WAL is archived, and forget old backups.

    Returns the backup and the names of those that went. From the first backup on every WAL segment is
    archived beside it, also over restarts. Raises `BackupRefused`; then everything older is as it was.
    """
    if database.pid is None:
        raise BackupRefused(Code.NOT_RUNNING, "the database does not run: `truc up` starts it")
    place = _prepare(database, into)
    with alone(place):
        _archive_into(database, place)
        backup = _copy(database, place, progress)
        await_archived(database, place, progress)
        write_record(backup)
        return backup, forget(place, keep)


def await_archived(database: Database, place: Path, progress: Progress) -> None:
    """Return once everything that was committed before this call lies in the archive."""
    segment = ask(database.record, "select pg_walfile_name(pg_switch_wal()) as name")["name"]
    progress(f"waiting for {segment} in the archive")
    kept = archive.wal_in(place) / f"{segment}.gz"
    if not process.holds(kept.exists, seconds=ARCHIVED_SECONDS):
        raise BackupRefused(
            Code.NOT_ARCHIVED,
            f"{segment} is not in {archive.wal_in(place)} after {ARCHIVED_SECONDS:.0f} seconds: the end of "
            f"the database's log says why:\n{process.last_lines(database.log)}",
        )


def _prepare(database: Database, into: Path | None) -> Path:
    """Make the place that was asked for, or go on in the one that is in use."""
    place = (into or archive.place_of(database.folder) or database.folder / "backups").absolute()
    user = unprivileged_user()
    try:
        for folder in (place, archive.wal_in(place), place / "base"):
            make_private_folder(folder, user)
        run_as(user, "test", "-w", place)
    except (StackError, OSError) as error:
        raise BackupRefused(
            Code.PLACE, f"{place} cannot be used, {user or 'this user'} must reach it: {error}"
        ) from error
    return place


def _archive_into(database: Database, place: Path) -> None:
    """Let the cluster archive into *place* from now on."""
    archive.write_whole(database.folder / archive.ARCHIVE_SCRIPT, archive.archive_script(place))
    archive.write_whole(database.folder / archive.PLACE_FILE, str(place))
    database.reload()
    if ask(database.record, "show archive_mode")["archive_mode"] != "on":
        raise BackupRefused(
            Code.NOT_ARCHIVED,
            "an earlier version, which did not archive, started this database: `truc down`, then `truc up`",
        )


def _copy(database: Database, place: Path, progress: Progress) -> BaseBackup:
    started_at = datetime.now(UTC)
    name = f"{started_at:%Y%m%dT%H%M%S.%fZ}"  # two of a small database fit into one second
    unfinished = place / "base" / ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with _login(database) as environment:
        _stream(_copy_command(database.record, unfinished, name), environment, progress)
    progress("verifying the checksum of every file")
    try:
        run_as(unprivileged_user(), binary("pg_verifybackup"), "--quiet", unfinished)
    except StackError as error:
        raise BackupRefused(Code.NOT_WHOLE, f"the copy does not verify: {error}") from error
    unfinished.rename(place / "base" / name)
    return _described(database, place, name, started_at)


def _described(database: Database, place: Path, name: str, started_at: datetime) -> BaseBackup:
    data = place / "base" / name
    return BaseBackup(
        name=name,
        place=str(place),
        started_at=started_at,
        ended_at=ask(database.record, "select now() as at")["at"],
        first_wal=_first_wal(data / _LABEL),
        octets=sum(file.stat().st_size for file in data.rglob("*") if file.is_file()),
        server=(data / "PG_VERSION").read_text("ascii").strip(),
    )


def _copy_command(record: StackRecord, folder: Path, name: str) -> list[str | Path]:
    return [
        binary("pg_basebackup"),
        *("--host", LOOPBACK, "--port", str(record.postgres_port), "--username", ROLE, "--no-password"),
        *("--pgdata", folder, "--label", f"truc {name}", "--checkpoint", "fast", "--wal-method", "stream"),
        *("--manifest-checksums", "SHA256", "--progress"),
    ]


@contextmanager
def _login(database: Database) -> Iterator[dict[str, str]]:
    """Let the role in with a password that nobody keeps, and only as long as the block runs."""
    password = secrets.token_urlsafe(24)
    file = database.folder / "backup.pgpass"
    until = (datetime.now(UTC) + LONGEST_COPY).isoformat()
    let_role(database.record, ROLE, f"{MAY_COPY} login valid until '{until}'", password)
    write_private(file, f"{LOOPBACK}:{database.record.postgres_port}:*:{ROLE}:{password}\n")
    give_to(file, unprivileged_user())
    try:
        yield {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "PGPASSFILE": str(file),
            **_trust(database),
        }
    finally:
        file.unlink(missing_ok=True)
        let_role(database.record, ROLE, f"{MAY_COPY} nologin", secrets.token_urlsafe(24))


def _trust(database: Database) -> dict[str, str]:
    """Let libpq verify the server where it speaks TLS."""
    if not database.record.postgres_ca:
        return {}
    return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(database.folder / "ca.pem")}


def _stream(command: Sequence[str | Path], environment: dict[str, str], progress: Progress) -> None:
    """Run *command* as the database's user and pass on what it says about how far it is."""
    user = unprivileged_user()
    told = [""]
    with subprocess.Popen(
        [str(part) for part in command],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,  # which makes lines of carriage returns, too
        user=user,
        group=user and process.group_of(user),
        extra_groups=user and (),
    ) as child:
        spoken = 0.0
        for line in child.stderr or ():
            told.append(line.strip())
            if time.monotonic() - spoken >= 1:
                progress(told[-1])
                spoken = time.monotonic()
    if child.returncode:
        raise BackupRefused(Code.NOT_COPIED, "pg_basebackup failed: " + "\n".join(told[-5:]))


def _first_wal(label: Path) -> str:
    """Read `START WAL LOCATION: 0/2000028 (file 000000010000000000000002)`."""
    line = next(
        each for each in label.read_text("utf-8").splitlines() if each.startswith("START WAL LOCATION")
    )
    return line.partition("(file ")[2].rstrip(")")
