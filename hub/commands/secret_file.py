"""Files that only their owner can read."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return the secret in *path*; the first call makes one that nobody can guess."""
    if not path.exists():
        write(path, secrets.token_urlsafe(24))
    return path.read_text("utf-8")


def write(path: Path, content: str | bytes) -> bool:
    """Replace *path* in one step; False where it has that content already and was left alone."""
    encoded = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == encoded:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encoded)
    fresh.replace(path)
    return True
