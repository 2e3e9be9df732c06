"""Acts on files that survive a power cut, on local disks and on NFS."""

import errno
import hashlib
import io
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from hub.message.identifiers import Digest

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a file looked like; one that looks the same later was not written to meanwhile."""

    octets: int
    modified_at: int
    """Nanoseconds on the file server's clock: to be compared with itself only."""
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return how *found* looks."""
        return cls(octets=found.st_size, modified_at=found.st_mtime_ns, inode=found.st_ino)


def look_into(folder: Path) -> tuple[dict[str, Look], tuple[str, ...]]:
    """Return the regular files in *folder* and the names of everything else; links are not followed."""
    files: dict[str, Look] = {}
    others: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it vanished between the two calls
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    files[entry.name] = Look.of(found)
                else:
                    others.append(entry.name)
    return files, tuple(others)


def read_if_unchanged(path: Path, look: Look) -> bytes | None:
    """Return the content of *path*; None where it is gone or no longer looks as it did."""
    try:
        # A pipe would block, a link would lead elsewhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if Look.of(os.fstat(descriptor)) != look:
            return None
        content = file.read(look.octets + 1)
        return content if Look.of(os.fstat(descriptor)) == look and len(content) == look.octets else None


def digest_if_unchanged(path: Path, look: Look) -> Digest | None:
    """Return the SHA-256 of *path*, however large; None where it is gone or no longer looks as it did."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if Look.of(os.fstat(descriptor)) != look:
            return None
        digest = Digest(hashlib.file_digest(file, "sha256").digest())
        return digest if Look.of(os.fstat(descriptor)) == look else None


def make_folder(path: Path) -> None:
    """Have *path* and all above it, on disk."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write *path* so that a reader sees the old content or the new, also after a power cut."""
    draft = path.with_name(f".{path.name[:60]}.tmp")
    write_synced(draft, content)
    draft.replace(path)
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write *path* in a folder that nobody reads yet; the folder is synced later, once for all of it."""
    copy_synced(path, io.BytesIO(content))


def copy_synced(path: Path, source: IO[bytes]) -> None:
    """Write what *source* holds, however much, as `write_synced` does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
        file.flush()
        os.fsync(descriptor)


def move_durably(source: Path, target: Path) -> None:
    """Rename *source* within the file system; where it was and where it is both survive a power cut."""
    source.rename(target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in *folder* on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do it by themselves and say so like this
            raise
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Have no *folder*."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
