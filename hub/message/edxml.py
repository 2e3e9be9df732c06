"""What the hub reads out of a verified edXML envelope (QCVN 102:2016): headers and attachments as values."""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from hub.message.identifiers import AgencyCode, Digest, DocumentId, digest_of

EDXML_NAMESPACE: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
XMLDSIG_NAMESPACE: Final = "http://www.w3.org/2000/09/xmldsig#"


class MessageKind(StrEnum):
    """What a message is; the value of the AMQP `type` property."""

    DOCUMENT = "document"
    STATUS = "status"
    RECEIPT = "receipt"


class BusinessType(IntEnum):
    """`BussinessDocType`: what the sender wants done with the document."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACEMENT = 3


class StatusCode(StrEnum):
    """`StatusCode` of an edXML status message; 07–12 and 14 are not in use."""

    ARRIVED = "01"
    REFUSED = "02"
    ACCEPTED = "03"
    ASSIGNED = "04"
    PROCESSING = "05"
    FINISHED = "06"
    RECALL_REQUESTED = "13"
    CHANGE_ACCEPTED = "15"
    CHANGE_REFUSED = "16"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHeader:
    """Header of a document, as its sender wrote it."""

    sender: AgencyCode
    recipients: tuple[AgencyCode, ...]
    document_id: DocumentId
    code_number: str
    code_notation: str
    promulgated_on: date | None
    subject: str
    business_type: BusinessType
    priority: int
    """0 ordinary, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hỏa tốc hẹn giờ."""
    due_on: date | None
    secrecy: str | None
    """The secrecy level, when one is stated."""
    affects: tuple[DocumentId, ...] = ()
    """Documents that a recall, update or replacement is about (`Bussiness/DocumentId`, `ResponseFor`, …)."""

    @property
    def is_urgent(self) -> bool:
        """Whether QĐ 28/2018 Art. 6.2 wants it sent at once."""
        return self.priority >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHeader:
    """Header of a status message; it has no `To`."""

    sender: AgencyCode
    """`From`: who reports."""
    original_sender: AgencyCode
    """`ResponseFor/OrganId`: the sender of the document; with 13 the other way round, its recipient."""
    document_id: DocumentId
    status: StatusCode
    description: str


Header: TypeAlias = DocumentHeader | StatusHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file inside a verified envelope, decoded."""

    content_id: str
    """Without the `cid:` prefix, which senders write on one side only as often as not."""
    name: str
    content_type: str
    """What the bytes are, not what the sender called them."""
    content: bytes
    is_zip_container: bool
    """Whether the sender's software wrapped the one file in a ZIP, as the vendors' SDKs do."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of the content."""
        return digest_of(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeAttachment:
    """A file inside a large envelope, which nobody holds in memory."""

    content_id: str
    name: str
    content_type: str
    octets: int
    digest: Digest
    """SHA-256 of the content."""
    is_zip_container: bool
