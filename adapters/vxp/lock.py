"""One gateway per mailbox: a lock that the operating system lets go of when the process ends, however."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.errors import ConfigurationError

LOCK_FILE: Final = ".truc-vxp.lock"
_OURS: Final = 0o600


@contextmanager
def sole_gateway(folder: Path) -> Iterator[None]:
    """Hold *folder* for this process; raises `ConfigurationError` where another gateway works with it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, _OURS)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"thư mục {folder} đang được một cổng khác dùng / another gateway works with {folder}"
            ) from error
        yield
    finally:
        os.close(descriptor)
