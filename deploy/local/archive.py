"""The continuous archive of a cluster: every WAL segment, kept durably, once, and within a minute.

PostgreSQL itself keeps what could not be archived and tries again, over any number of restarts: nothing of
ours has to run for it.
"""

import shlex
from pathlib import Path
from typing import Final

TIMEOUT_SECONDS: Final = 60
"""A segment is closed after so long even where it is not full: what a lost disk may cost at most."""
NOWHERE: Final = "true"
"""Archiving can only be switched on by a restart, but pointed somewhere at any moment: so it is always on."""
PLACE_FILE: Final = "backups-in"
ARCHIVE_SCRIPT: Final = "archive-wal"
RESTORE_SCRIPT: Final = "restore-wal"

_ARCHIVE: Final = """\
# Written by `truc backup`. Keeps the WAL file $1 as $2: whole or not at all, and nothing in its place.
set -eu
archive={archive}
if [ -e "$archive/$2.gz" ]; then
    gzip -dc -- "$archive/$2.gz" | cmp -s - "$1"
    exit
fi
gzip -1 -n -c -- "$1" >"$archive/.$2.unfinished"
sync -- "$archive/.$2.unfinished"
mv -- "$archive/.$2.unfinished" "$archive/$2.gz"
sync -- "$archive"
"""
_RESTORE: Final = """\
# Written by `truc restore`. Brings the WAL file $1 back as $2: from the archive, or from what was left.
set -eu
if [ -e {archive}/"$1.gz" ]; then
    gzip -dc -- {archive}/"$1.gz" >"$2.unfinished"
    mv -- "$2.unfinished" "$2"
    exit
fi
test -e {left}/"$1"
cp -- {left}/"$1" "$2"
"""


def archiving(folder: Path) -> dict[str, object]:
    """Return the settings with which the cluster in *folder* archives: nowhere until a backup was made."""
    is_wanted = (folder / PLACE_FILE).exists()
    script = command(folder / ARCHIVE_SCRIPT, "%p", "%f")
    return {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": script if is_wanted else NOWHERE,
        "archive_timeout": TIMEOUT_SECONDS if is_wanted else 0,
    }


def command(script: Path, *places: str) -> str:
    """Return the shell command that runs *script* on what PostgreSQL puts in *places*."""
    return " ".join(["sh", shlex.quote(str(script)).replace("%", "%%"), *(f'"{each}"' for each in places)])


def quoted(value: object) -> str:
    """Write *value* as PostgreSQL's configuration files want it."""
    escaped = str(value).replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def place_of(folder: Path) -> Path | None:
    """Return where the backups of the cluster in *folder* go; None where there never was one."""
    try:
        return Path((folder / PLACE_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None


def wal_in(place: Path) -> Path:
    """Return the folder of the archived segments."""
    return place / "wal"


def archive_script(place: Path) -> str:
    """Write the script that keeps a segment in *place*."""
    return _ARCHIVE.format(archive=shlex.quote(str(wal_in(place))))


def restore_script(place: Path, left: Path) -> str:
    """Write the script that finds a segment in *place*, or in *left*, the `pg_wal` of the cluster before."""
    return _RESTORE.format(archive=shlex.quote(str(wal_in(place))), left=shlex.quote(str(left)))


def write_whole(path: Path, text: str) -> None:
    """Replace *path* in one step; everybody may read it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, "utf-8")
    fresh.chmod(0o644)
    fresh.replace(path)
