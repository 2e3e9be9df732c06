"""What every adapter asks of the file system: to be on disk, and to say when there is no room."""

import errno
import os
from pathlib import Path


def is_full(error: OSError) -> bool:
    """Whether the disk, or a quota on it, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
