"""Documents and statuses to send, as values; what is None is left out of the envelope."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from hub.message.edxml import BusinessType, StatusCode
from hub.message.identifiers import AgencyCode, DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A sending or receiving agency and how to reach it."""

    code: str
    name: str | None = None
    in_charge: str | None = None
    address: str | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The clerk to ask."""

    department: str | None = None
    name: str | None = None
    email: str | None = None
    mobile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed the document itself."""

    full_name: str
    position: str | None = None
    competence: str | None = None
    """TM., KT., TL., TUQ., Q."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentDraft:
    """A file to enclose: its *content*, or where it lies."""

    name: str
    content: bytes = b""
    file: Path | None = None
    """Instead of the content: it is read while the envelope is written, and never held in memory."""
    content_id: str | None = None
    """Its place among the attachments where nothing is given."""
    content_type: str | None = None
    """What its first bytes say where nothing is given."""
    description: str | None = None
    zipped: bool = False
    """Wrapped as vendors' SDKs wrap the types that they do not know."""

    def __post_init__(self) -> None:
        """Refuse a draft with two contents."""
        if self.file is not None and self.content:
            msg = f"{self.name} is given as content and as a file: say one of the two"
            raise ValueError(msg)

    @property
    def octets(self) -> int:
        """How long the file is."""
        return len(self.content) if self.file is None else self.file.stat().st_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A document that this one answers, or that a recall is about."""

    sender: AgencyCode
    document_id: DocumentId
    code: str = ""
    promulgated_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverChange:
    """In an update: an agency that was added to or removed from the recipients."""

    code: AgencyCode
    is_added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A document that a replacement replaces, and for whom."""

    document_id: DocumentId
    recipients: tuple[AgencyCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """A document to send; what is None is left out."""

    sender: Party
    recipients: tuple[Party, ...]
    document_id: DocumentId
    code_number: str
    code_notation: str
    promulgated_on: date
    subject: str
    signer: Signer
    at: datetime
    """When it leaves the sender's software; aware."""
    attachments: tuple[AttachmentDraft, ...] = ()
    place: str = "Hà Nội"
    type_number: int = 2
    type_name: str | None = "Công văn"
    content: str | None = None
    due_on: date | None = None
    priority: int = 0
    sphere: str | None = None
    pages: int | None = None
    copies: int | None = None
    appendixes: tuple[str, ...] = ()
    answers: tuple[Answered, ...] = ()
    steering_type: int = 1
    to_places: tuple[str, ...] = ()
    business_type: BusinessType | None = BusinessType.NEW
    """None leaves `Bussiness` out, as some senders do."""
    reason: str | None = None
    affects: DocumentId | None = None
    """The document that is recalled or updated."""
    receiver_changes: tuple[ReceiverChange, ...] = ()
    replaces: tuple[Replaced, ...] = ()
    with_paper: bool = False
    staff: Staff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDraft:
    """A status to send: what became of a document."""

    sender: Party
    original_sender: AgencyCode
    """Who sent the document; with 13, who received it."""
    document_id: DocumentId
    status: StatusCode
    description: str
    at: datetime
    code: str = ""
    promulgated_on: date | None = None
    staff: Staff | None = None
