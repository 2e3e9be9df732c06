"""What the actors of a campaign write down: an append-only file of JSON lines for each process.

A line is synced before the actor does what it speaks about (`Submitted`, `Answered`, `GaveBack`) or after it
is safe (`Confirmed`, `Effected`, `ReceiptArrived`, `StatusArrived`), so that a line which a crash kept from
being written can only make the checker ask for less, never accuse the hub of what it did not do. The checker
reads these lines and nothing of the hub.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from hub.message.edxml import StatusCode
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent


def now() -> datetime:
    """Return the instant that a line carries where its writer names no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A document is about to be published for the first time; written before that."""

    submission_id: SubmissionId
    digest: str
    """SHA-256 of the signed bytes, in hexadecimal: what receipts and effects name."""
    sender: AgencyKey
    mailbox: MailboxName
    document_id: DocumentId
    recipients: tuple[AgencyKey, ...]
    is_valid: bool = True
    """Whether the hub ought to accept it."""
    is_urgent: bool = False
    content: str = ""
    """Equal for submissions with equal business content; empty where nobody sends the same again."""
    octets: int = 0
    at: datetime = field(default_factory=now)
    kind: Literal["submitted"] = "submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The broker has confirmed a submission; written afterwards."""

    submission_id: SubmissionId
    at: datetime = field(default_factory=now)
    kind: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One delivery that a receipt speaks about."""

    recipient: AgencyKey
    delivery_id: DeliveryId | None = None
    lane_number: int | None = None
    attempt: int | None = None
    already_had_it: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptArrived:
    """A receipt arrived whose signature is the hub's; the same one may stand here several times."""

    receipt_id: ReceiptId
    event: ReceiptEvent
    issued_at: datetime
    mailbox: MailboxName
    submission_id: SubmissionId
    message_id: MessageId
    digest: str
    subjects: tuple[Subject, ...] = ()
    codes: tuple[str, ...] = ()
    """What a refusal names."""
    failure: FailureKind | None = None
    cause: str | None = None
    episode: int = 1
    supersedes: ReceiptId | None = None
    at: datetime = field(default_factory=now)
    kind: Literal["receipt"] = "receipt"

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        """Return the line for a receipt that the kit has verified."""
        return cls(
            receipt_id=receipt.receipt_id,
            event=receipt.event,
            issued_at=receipt.issued_at,
            mailbox=receipt.mailbox,
            submission_id=receipt.submission_id,
            message_id=receipt.message_id,
            digest=receipt.digest.hex(),
            subjects=tuple(
                Subject(
                    recipient=each.recipient,
                    delivery_id=each.delivery_id,
                    lane_number=each.lane_number,
                    attempt=each.attempt,
                    already_had_it=each.already_had_it,
                )
                for each in receipt.subjects
            ),
            codes=tuple(each.code.value for each in receipt.violations),
            failure=receipt.failure,
            cause=receipt.cause,
            episode=receipt.episode,
            supersedes=receipt.supersedes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusArrived:
    """A status of a recipient arrived at the sender."""

    delivery_id: DeliveryId
    """Of the status itself, not of the document that it is about."""
    reported_by: AgencyKey
    document_id: DocumentId
    code: StatusCode
    at: datetime = field(default_factory=now)
    kind: Literal["status"] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A handler call began."""

    delivery_id: DeliveryId
    recipient: AgencyKey
    attempt: int
    consumer: str
    at: datetime = field(default_factory=now)
    kind: Literal["offered"] = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effected:
    """An effect is durable with its recipient: one line for each, also where one delivery had two."""

    delivery_id: DeliveryId
    sender: AgencyKey
    recipient: AgencyKey
    document_id: DocumentId
    digest: str
    """SHA-256 of the bytes that arrived, in hexadecimal."""
    lane: str
    lane_number: int
    attempt: int
    consumer: str
    """The process that did it."""
    ordinal: int
    """Place among the effects of its recipient's mailbox, in the order of their commits."""
    is_redelivered: bool = False
    """Whether the broker said that it had handed the delivery out before."""
    handler: Literal["journal", "idempotent"] = "journal"
    """Written in the kit's own commit, or elsewhere under the delivery id as a key."""
    at: datetime = field(default_factory=now)
    """When the effect was done, by the recipient's clock; no later than its commit."""
    kind: Literal["effected"] = "effected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A recipient is about to answer a delivery with a signed status; written before it can go out."""

    delivery_id: DeliveryId
    recipient: AgencyKey
    code: StatusCode
    attempt: int = 1
    at: datetime = field(default_factory=now)
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveBack:
    """A recipient is about to give a delivery back, or to die of it."""

    delivery_id: DeliveryId
    recipient: AgencyKey
    attempt: int
    how: Literal["retry", "raised", "crashed"]
    consumer: str = ""
    at: datetime = field(default_factory=now)
    kind: Literal["gave_back"] = "gave_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process begins to consume from a mailbox; several may share one."""

    consumer: str
    mailbox: MailboxName
    at: datetime = field(default_factory=now)
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """The nemesis did something, or has just undone it."""

    what: str
    """`limited` (a mailbox's queue got a length limit) and `unrouted` (it was deleted) excuse what follows
    from them; anything else is for stories, and for the order between consumers of one mailbox."""
    target: str
    """A mailbox for those two."""
    at: datetime = field(default_factory=now)
    kind: Literal["disturbed"] = "disturbed"


Entry: TypeAlias = (
    Submitted
    | Confirmed
    | ReceiptArrived
    | StatusArrived
    | Offered
    | Effected
    | Answered
    | GaveBack
    | Started
    | Disturbed
)
_LINE: Final[TypeAdapter[Entry]] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


class LedgerDamaged(Exception):
    """A line in the middle of a ledger cannot be read: nothing may be concluded from such a file."""


class Ledger:
    """One process's ledger; what `append` returned for survives a power cut."""

    def __init__(self, path: Path) -> None:
        """Open or create *path*, whose one writer this process is; a torn last line is cut off."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        whole = path.read_bytes()
        os.ftruncate(self._descriptor, whole.rfind(b"\n") + 1)

    def append(self, *entries: Entry) -> None:
        """Write *entries* with one sync; blocks for as long as the disk takes."""
        if entries:
            os.write(self._descriptor, b"".join(_LINE.dump_json(each) + b"\n" for each in entries))
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def read_ledger(path: Path) -> Iterator[Entry]:
    """Yield what stands in the ledger; a last line that a crash cut short is left out.

    Raises `LedgerDamaged` for any other line that is not an entry.
    """
    *lines, _torn = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield _LINE.validate_json(line)
        except ValidationError as error:
            raise LedgerDamaged(f"{path.name}, line {number}: {line[:120]!r}") from error


def read_ledgers(folder: Path, pattern: str = "**/*.ledger") -> Mapping[str, tuple[Entry, ...]]:
    """Return every ledger below *folder* by its path there."""
    return {str(each.relative_to(folder)): tuple(read_ledger(each)) for each in sorted(folder.glob(pattern))}


def merged(ledgers: Iterable[Iterable[Entry]]) -> tuple[Entry, ...]:
    """Return all entries as one story, in the order of their instants; laws do not rely on that order."""
    return tuple(sorted((entry for ledger in ledgers for entry in ledger), key=lambda entry: entry.at))
