"""One adapter per folder: a lock that the operating system lets go of when the process ends, however."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.errors import ConfigurationError

_MODE: Final = 0o666
_LONGEST: Final = 200


@contextmanager
def sole_adapter(folder: Path, lock_file: str) -> Iterator[None]:
    """Hold *folder* for this process; raises `ConfigurationError` where another adapter works on it."""
    descriptor = _opened(folder / lock_file)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, _LONGEST).decode("utf-8", "replace").strip() or "?"
            raise ConfigurationError(
                f"thư mục {folder} đang được một bộ nối khác dùng ({holder}); mỗi thư mục chỉ một bộ nối / "
                f"another adapter works on {folder} ({holder}); one folder has one adapter"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} pid {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _opened(file: Path) -> int:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT, _MODE)
    except OSError as error:
        raise ConfigurationError(
            f"không dùng được thư mục {file.parent} / the folder {file.parent} cannot be used: "
            f"{error.strerror}"
        ) from error
