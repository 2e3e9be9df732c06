"""Reads the folders that kits exported (`adapters.kit.evidence`), and verifies every receipt in them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, TypeVar
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
from hub.operations.reconcile_evidence import Evidence, Held, Received, Sent, Sheet
from hub.signature.certificates import TrustAnchors
from hub.signature.receipts import verify_receipts

T = TypeVar("T")
LIST: Final = "evidence.jsonl"
VERSION: Final = 1

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


_AnyLine: TypeAlias = _MailboxLine | _SentLine | _ReceivedLine | _ReceiptLine
_LINE: Final[TypeAdapter[_AnyLine]] = TypeAdapter(Annotated[_AnyLine, Field(discriminator="what")])
_PUBLISHED: Final = frozenset({"confirmed", "accepted", "refused"})
_DECIDED: Final = frozenset({"accepted", "refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTrust:
    """By what a receipt is known to be the hub's own."""

    anchors: TrustAnchors
    certificates: frozenset[Fingerprint]


def read_evidence(folders: Collection[Path], trust: HubTrust) -> Evidence:
    """Read what was exported into *folders* or below them, and verify every receipt.

    Of several exports of one mailbox the later one counts where they differ. Raises `ConfigurationError`
    where a folder holds no evidence or cannot be read.
    """
    exports = []
    for folder in folders:
        if not (lists := sorted(folder.rglob(LIST))):
            raise ConfigurationError(f"there is no {LIST} in {folder} or below it")
        exports += [_open(each) for each in lists]
    evidence = Evidence()
    for export in sorted(exports, key=lambda each: each.head.exported_at):
        _read(export, trust, evidence)
    return replace(
        evidence,
        sent=_once(evidence.sent, lambda each: (each.mailbox, each.submission_id)),
        received=_once(evidence.received, lambda each: (each.mailbox, each.delivery_id)),
        held=_once(evidence.held, lambda each: each.receipt.receipt_id),
    )


def _once(things: Sequence[T], name: Callable[[T], object]) -> list[T]:
    """Keep the last of those that are called the same."""
    return list({name(each): each for each in things}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    folder: Path
    head: _MailboxLine
    lines: "Sequence[_AnyLine]"


def _open(path: Path) -> _Export:
    lines = _lines(path)
    head = lines[0] if lines else None
    if not isinstance(head, _MailboxLine) or head.version != VERSION:
        raise ConfigurationError(f"{path} does not begin as evidence of version {VERSION} does")
    return _Export(folder=path.parent, head=head, lines=lines[1:])


def _read(export: _Export, trust: HubTrust, evidence: Evidence) -> None:
    head, folder = export.head, export.folder
    mailbox = MailboxName(head.mailbox)
    evidence.exported_at[mailbox] = head.exported_at
    evidence.since.pop(mailbox, None)
    if head.since is not None:
        evidence.since[mailbox] = head.since
    sheets: dict[str, _ReceiptLine] = {}
    for line in export.lines:
        match line:
            case _SentLine() if line.state in _PUBLISHED:
                evidence.sent.append(_sent(line, mailbox, folder))
            case _ReceivedLine() if (received := _received(line, mailbox)) is not None:
                evidence.received.append(received)
            case _ReceiptLine():
                sheets.setdefault(line.sheet, line)
            case _:
                pass
    for line in sheets.values():
        _read_sheet(folder / "sheets" / f"{line.sheet}.xml", line, mailbox, trust, evidence)


def _lines(path: Path) -> Sequence[_AnyLine]:
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
    try:
        body = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} is named in the list and cannot be read: {error}") from error
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
