"""A drop as it was read, at the moment at which it was complete."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.folder.complaint import Complaint
from hub.message.identifiers import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFile:
    """One file; its content is left out where the drop is refused anyway."""

    name: str
    digest: Digest
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A complete drop: to be sent, or to be refused for *complaint*."""

    name: str
    """Of the file that leads it."""
    files: Sequence[TakenFile]
    """All of it, the leader first."""
    marker: TakenFile | None = None
    """It leaves `out/` with the files and says nothing about them."""
    complaint: Complaint | None = None
