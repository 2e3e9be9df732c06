"""What agencies hold and the database may not know: all values.

A receipt proves itself by the hub's signature, a document or status by its sender's. What a kit merely noted
(what it received, and as which delivery) is its own word: it tells things apart, and gets nothing accepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

from hub.errors import ConfigurationError
from hub.message.claim import ClaimCheck
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    MailboxName,
    MessageId,
    SubmissionId,
)
from hub.message.receipt import Receipt

_PIECE: Final = 1024 * 1024
USUAL_LARGEST: Final = 12_000_000
"""Octets of what the database itself keeps, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Something that a mailbox signed and the broker took from it."""

    mailbox: MailboxName
    submission_id: SubmissionId
    kind: MessageKind
    digest: Digest
    about: DeliveryId | None
    is_decided: bool
    """Whether a receipt told the sender what became of it."""
    at: datetime
    file: Path

    def body(self, *, largest: int = USUAL_LARGEST) -> bytes:
        """Return the exact bytes, or the claim check for them where they are more than *largest*.

        Raises `ConfigurationError` where the file holds others.
        """
        try:
            octets = self.file.stat().st_size
            with self.file.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
            content = self.file.read_bytes() if octets <= largest else None
        except OSError as error:
            raise ConfigurationError(f"{self.file} is named in the list and cannot be read") from error
        if digest != self.digest:
            raise ConfigurationError(f"{self.file} does not hold the bytes that its list names")
        return ClaimCheck(digest=self.digest, octets=octets).as_body() if content is None else content

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield what is between two places, a piece at a time."""
        with self.file.open("rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(_PIECE, end - start))):
                start += len(piece)
                yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A delivery that a mailbox took from its queue, as it noted itself."""

    mailbox: MailboxName
    delivery_id: DeliveryId
    kind: MessageKind
    attempt: int
    is_rejected: bool
    """Given back to the axis on that attempt."""
    digest: Digest
    message_id: MessageId
    sender: AgencyKey
    recipient: AgencyKey
    is_urgent: bool
    lane_number: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Bytes that the hub signed, and the delivery that brought them."""

    digest: Digest
    body: bytes = field(repr=False)
    delivery_id: DeliveryId
    mailbox: MailboxName
    receipts: tuple[Receipt, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A receipt of the hub in an agency's hands."""

    receipt: Receipt
    sheet: Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that was handed in."""

    exported_at: dict[MailboxName, datetime] = field(default_factory=dict)
    since: dict[MailboxName, datetime] = field(default_factory=dict)
    """Where only a part of the journal was exported: what happened from then on."""
    sent: list[Sent] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """What was handed in and proves nothing."""
