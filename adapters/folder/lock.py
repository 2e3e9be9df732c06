"""One adapter per folder: a lock that the operating system lets go of when the process ends, however."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.errors import ConfigurationError

LOCK_FILE: Final = ".truc-folder.lock"


@contextmanager
def sole_adapter(root: Path) -> Iterator[None]:
    """Hold *root* for this process; raises `ConfigurationError` where another adapter works on it."""
    descriptor = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "?"
            raise ConfigurationError(
                f"thư mục {root} đang được một bộ nối khác dùng ({holder}); mỗi thư mục chỉ một bộ nối / "
                f"another adapter works on {root} ({holder}); one folder has one adapter"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} pid {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
