"""What the agency's program reads, as JSON: in what we POST to it and in what our server answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

_SHAPE = ConfigDict(frozen=True)
Hex = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256, in hexadecimal digits.")]


class EnvelopeShape(BaseModel):
    """The exact bytes that were signed: the evidence to keep."""

    model_config = _SHAPE

    octets: int
    sha256: Hex
    url: str | None = Field(default=None, description="Where they can be fetched, with a token.")
    content: str | None = Field(default=None, description="The bytes in base64, where they are enclosed.")


class AttachmentShape(BaseModel):
    """A file of the document, decoded."""

    model_config = _SHAPE

    number: int = Field(description="Its place among the attachments, from 1.")
    name: str = Field(description="What the sender calls it; make it safe before you use it as a file name.")
    content_type: str = Field(description="What its bytes are, whatever the sender says.")
    octets: int
    sha256: Hex
    url: str


class DocumentShape(BaseModel):
    """What the document says of itself."""

    model_config = _SHAPE

    document_id: str
    number: str
    notation: str
    promulgated_on: date | None
    subject: str
    business_type: int = Field(description="0 new, 1 recall, 2 update, 3 replacement.")
    priority: int = Field(description="0 ordinary to 4, most urgent.")
    due_on: date | None
    secrecy: str | None
    recipients: list[str]
    affects: list[str] = Field(description="The documents that a recall, update or replacement is about.")


class DeliveryShape(BaseModel):
    """A document for one recipient; its signature held."""

    model_config = _SHAPE

    delivery_id: UUID = Field(description="The same whenever it is offered: have one effect for each.")
    arrived_at: datetime
    sender: str
    recipient: str = Field(description="The unit that is meant.")
    lane_number: int = Field(description="Its place in the order from this sender to this recipient.")
    signature: dict[str, object] = Field(description="Profile, times and mandate that the signature states.")
    document: DocumentShape
    envelope: EnvelopeShape
    attachments: list[AttachmentShape]


class StatusShape(BaseModel):
    """What another agency reports about a document."""

    model_config = _SHAPE

    delivery_id: UUID = Field(description="Of the status itself.")
    sender: str
    status: str
    description: str
    document_id: str
    submission: str | None = Field(description="What you sent, where it is about that.")
    about_delivery: UUID | None = Field(description="What you received, where it is about that.")
    envelope: EnvelopeShape


class SubjectShape(BaseModel):
    """One recipient that a receipt speaks about."""

    model_config = _SHAPE

    recipient: str
    delivery_id: UUID | None
    already_had_it: bool


class ViolationShape(BaseModel):
    """One reason for which the axis refused."""

    model_config = _SHAPE

    code: str
    vi: str
    en: str


class ReceiptShape(BaseModel):
    """What the axis attests about a submission."""

    model_config = _SHAPE

    receipt_id: UUID
    event: str = Field(description="As in ETSI EN 319 522: SubmissionAcceptance, ContentHandover, …")
    issued_at: datetime
    submission: str
    document_id: str | None
    sha256: Hex
    recipients: list[SubjectShape]
    violations: list[ViolationShape]
    failure: str | None
    cause: str | None


class SignedReceiptShape(ReceiptShape):
    """A receipt with the signed sheet that it stands on."""

    envelope: EnvelopeShape


class DocumentEvent(BaseModel):
    """POSTed for each document."""

    model_config = _SHAPE

    type: Literal["document.delivered"] = "document.delivered"
    timestamp: datetime
    data: DeliveryShape


class StatusEvent(BaseModel):
    """POSTed for each status of another agency."""

    model_config = _SHAPE

    type: Literal["status.received"] = "status.received"
    timestamp: datetime
    data: StatusShape


class ReceiptEvent(BaseModel):
    """POSTed for each receipt of the axis."""

    model_config = _SHAPE

    type: Literal["receipt.issued"] = "receipt.issued"
    timestamp: datetime
    data: SignedReceiptShape
