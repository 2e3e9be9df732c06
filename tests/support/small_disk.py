"""A disk of a few hundred megabytes that can be filled and freed: a tmpfs, which only root may mount."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_CHUNK = b"\0" * 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDisk:
    """What is mounted at `folder`."""

    folder: Path

    @property
    def free_octets(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self) -> None:
        """Leave not one block to anybody."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(_CHUNK):
                pass

    def free(self) -> None:
        """Give everything back."""
        self._filler.unlink(missing_ok=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


@contextmanager
def small_disk(folder: Path, *, megabytes: int, owner: str | None = None) -> Iterator[SmallDisk]:
    """Mount one at *folder*; skips the test, and says why, where that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("a full disk needs a disk of its own: only root may mount a tmpfs")
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=0700"
    if owner is not None:
        entry = pwd.getpwnam(owner)
        options += f",uid={entry.pw_uid},gid={entry.pw_gid}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a full disk needs a disk of its own, and none can be mounted: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder=folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()
