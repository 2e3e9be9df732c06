"""What agencies hold and the database may not know: read from the folders that their kits exported.

A receipt proves itself by the hub's signature, a document or status by its sender's. What a kit merely noted
(what it received, and as which delivery) is its own word: it tells things apart, and gets nothing accepted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.errors import ConfigurationError, MessageRejected
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    Fingerprint,
    MailboxName,
    MessageId,
    SubmissionId,
    digest_of,
)
from hub.message.properties import URGENT
from hub.message.receipt import Receipt
from hub.signature.certificates import TrustAnchors
from hub.signature.receipts import verify_receipts

LIST: Final = "evidence.jsonl"
VERSION: Final = 1


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

    def body(self) -> bytes:
        """Read the exact bytes; raises `ConfigurationError` where the file holds others."""
        content = self.file.read_bytes()
        if digest_of(content) != self.digest:
            raise ConfigurationError(f"{self.file} does not hold the bytes that its list names")
        return content


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


_Hex: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _MailboxLine(_Line):
    what: Literal["mailbox"]
    mailbox: str
    version: int
    exported_at: AwareDatetime
    since: AwareDatetime | None = None


class _SentLine(_Line):
    what: Literal["sent"]
    submission_id: str
    kind: MessageKind
    digest: _Hex
    about_delivery: UUID | None
    state: str
    journalled_at: AwareDatetime


class _ReceivedLine(_Line):
    what: Literal["received"]
    delivery_id: UUID
    kind: str
    attempt: int
    state: str
    digest: _Hex | Literal[""]
    message_id: UUID | None
    sender: str | None
    recipient: str | None
    lane: str | None
    lane_number: int | None
    received_at: AwareDatetime


class _ReceiptLine(_Line):
    what: Literal["receipt"]
    delivery_id: UUID
    sheet: _Hex
    received_at: AwareDatetime


_LINE: Final[TypeAdapter[_MailboxLine | _SentLine | _ReceivedLine | _ReceiptLine]] = TypeAdapter(
    Annotated[_MailboxLine | _SentLine | _ReceivedLine | _ReceiptLine, Field(discriminator="what")]
)
_PUBLISHED: Final = frozenset({"confirmed", "accepted", "refused"})
_DECIDED: Final = frozenset({"accepted", "refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTrust:
    """By what a receipt is known to be the hub's own."""

    anchors: TrustAnchors
    certificates: frozenset[Fingerprint]


def read_evidence(folders: Collection[Path], trust: HubTrust) -> Evidence:
    """Read what was exported into *folders* or below them, and verify every receipt.

    Raises `ConfigurationError` where a folder holds no evidence or cannot be read.
    """
    evidence = Evidence()
    for folder in folders:
        lists = sorted(folder.rglob(LIST))
        if not lists:
            raise ConfigurationError(f"there is no {LIST} in {folder} or below it")
        for each in lists:
            _read_one(each, trust, evidence)
    return evidence


def _read_one(path: Path, trust: HubTrust, evidence: Evidence) -> None:
    head, *lines = _lines(path)
    if not isinstance(head, _MailboxLine) or head.version != VERSION:
        raise ConfigurationError(f"{path} does not begin as evidence of version {VERSION} does")
    mailbox = MailboxName(head.mailbox)
    evidence.exported_at[mailbox] = max(head.exported_at, evidence.exported_at.get(mailbox, head.exported_at))
    if head.since is not None:
        evidence.since[mailbox] = head.since
    sheets: dict[str, _ReceiptLine] = {}
    for line in lines:
        match line:
            case _SentLine() if line.state in _PUBLISHED:
                evidence.sent.append(_sent(line, mailbox, path.parent))
            case _ReceivedLine() if (received := _received(line, mailbox)) is not None:
                evidence.received.append(received)
            case _ReceiptLine():
                sheets.setdefault(line.sheet, line)
            case _:
                pass
    for line in sheets.values():
        _read_sheet(path.parent / "sheets" / f"{line.sheet}.xml", line, mailbox, trust, evidence)


def _lines(path: Path) -> Sequence[_MailboxLine | _SentLine | _ReceivedLine | _ReceiptLine]:
    try:
        return [_LINE.validate_json(line) for line in path.read_bytes().splitlines()]
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{path} is not a list of evidence: {error}") from error


def _sent(line: _SentLine, mailbox: MailboxName, folder: Path) -> Sent:
    return Sent(
        mailbox=mailbox,
        submission_id=SubmissionId(line.submission_id),
        kind=line.kind,
        digest=Digest(bytes.fromhex(line.digest)),
        about=DeliveryId(line.about_delivery) if line.about_delivery is not None else None,
        is_decided=line.state in _DECIDED,
        at=line.journalled_at,
        file=folder / "sent" / f"{line.digest}.edxml",
    )


def _received(line: _ReceivedLine, mailbox: MailboxName) -> Received | None:
    """Return what the line says; None for something of which not even the name could be believed."""
    if line.message_id is None or line.sender is None or line.recipient is None or not line.digest:
        return None
    return Received(
        mailbox=mailbox,
        delivery_id=DeliveryId(line.delivery_id),
        kind=MessageKind(line.kind),
        attempt=line.attempt,
        is_rejected=line.state == "rejected",
        digest=Digest(bytes.fromhex(line.digest)),
        message_id=MessageId(line.message_id),
        sender=AgencyKey(line.sender),
        recipient=AgencyKey(line.recipient),
        is_urgent=line.lane == URGENT,
        lane_number=line.lane_number or 0,
        at=line.received_at,
    )


def _read_sheet(
    file: Path, line: _ReceiptLine, mailbox: MailboxName, trust: HubTrust, evidence: Evidence
) -> None:
    body = file.read_bytes()
    try:
        receipts = verify_receipts(
            body, anchors=trust.anchors, hub_certificates=trust.certificates, at=line.received_at
        )
    except MessageRejected as rejection:
        evidence.doubts.append(f"{file} is no receipt of this hub: {rejection}")
        return
    sheet = Sheet(
        digest=digest_of(body),
        body=body,
        delivery_id=DeliveryId(line.delivery_id),
        mailbox=mailbox,
        receipts=receipts,
        at=line.received_at,
    )
    for receipt in receipts:
        if receipt.mailbox == mailbox:
            evidence.held.append(Held(receipt=receipt, sheet=sheet))
        else:
            evidence.doubts.append(f"{file} was issued to {receipt.mailbox}, and {mailbox} handed it in")
