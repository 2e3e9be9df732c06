"""Octets that were received: in memory, or in a file where they are many; whoever reads need not know."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from hub.message.identifiers import Digest, digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class InMemory:
    """Few octets."""

    content: bytes = field(repr=False)

    @property
    def octets(self) -> int:
        """How many they are."""
        return len(self.content)

    @property
    def digest(self) -> Digest:
        """SHA-256 of them."""
        return digest_of(self.content)

    @property
    def head(self) -> bytes:
        """As they begin: enough to tell what they are."""
        return self.content

    def read(self) -> bytes:
        """Return all of them."""
        return self.content

    def open(self) -> io.BytesIO | io.BufferedReader:
        """Return them as a file to read from; the caller closes it."""
        return io.BytesIO(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFile:
    """Many octets, in a file of the kit's own that lasts until the delivery is handed over."""

    path: Path
    octets: int
    digest: Digest
    head: bytes = field(repr=False)

    def read(self) -> bytes:
        """Return all of them: only where there is memory for it."""
        return self.path.read_bytes()

    def open(self) -> io.BytesIO | io.BufferedReader:
        """Return them as a file to read from; the caller closes it."""
        return self.path.open("rb")


Octets: TypeAlias = InMemory | InFile
