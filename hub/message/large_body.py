"""What is known of a large body that a mailbox has checked in, as values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from hub.message.body_proof import PART_OCTETS
from hub.message.identifiers import Digest, MailboxName


class BodyState(StrEnum):
    """How far a large body is."""

    UPLOADING = "uploading"
    COMPLETE = "complete"
    """All of it is there, and has its digest."""
    LEAVING = "leaving"
    """Nobody may use it any more: it is being deleted."""
    EXPIRED = "expired"
    """Deleted; the message that claims it has outlived it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyKey:
    """Whose body it is, and which: what two mailboxes check in lies there twice, unseen by each other."""

    mailbox: MailboxName
    digest: Digest

    @property
    def name(self) -> str:
        """Where it lies in the blob store."""
        return f"bodies/{quote(self.mailbox, safe='')}/{self.digest.hex()}"

    def part(self, offset: int) -> str:
        """Return where the part that begins at *offset* lies until the whole is put together."""
        return f"uploads/{quote(self.mailbox, safe='')}/{self.digest.hex()}/{offset:012d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeEnvelope:
    """An envelope that lies in the blob store and is read from there."""

    octets: int
    read: Callable[[int, int], Iterator[bytes]]
    """Yields what is between two places, a piece at a time; raises `TemporaryFailure` where it is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIn:
    """A body as far as it has come."""

    key: BodyKey
    octets: int
    received: int
    state: BodyState

    @property
    def next_part(self) -> int:
        """How long the next part has to be; 0 where nothing is missing."""
        return min(PART_OCTETS, self.octets - self.received)

    @property
    def parts(self) -> tuple[str, ...]:
        """Where all parts of the whole lie."""
        return tuple(self.key.part(offset) for offset in range(0, self.octets, PART_OCTETS))
