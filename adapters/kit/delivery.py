"""What a mailbox receives, and what a handler answers: all values."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from typing import Self, TypeAlias

from adapters.kit.octets import InMemory, Octets
from hub.message.edxml import Attachment, DocumentHeader, StatusCode, StatusHeader
from hub.message.identifiers import AgencyKey, DeliveryId, Digest, MessageId, SheetId, digest_of
from hub.message.receipt import Receipt
from hub.message.signature_facts import PLAIN, SignatureFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Consignment:
    """What the axis wrote beside the signed bytes: which delivery this is, for whom, in which order."""

    delivery_id: DeliveryId
    """The same through all retries, restarts and replays; a handler idempotent by it has one effect."""
    attempt: int
    message_id: MessageId | None
    """None for receipts about several messages."""
    sender: AgencyKey | None
    """None for receipts: they come from the hub itself."""
    recipient: AgencyKey
    """The unit meant, which may be one behind this mailbox."""
    lane: str
    lane_number: int
    """Place in the order of acceptance on the lane (sender, recipient, urgency)."""
    correlation_id: str
    is_redelivered: bool = False
    """Whether the broker has handed it out before, to this process or to another that did not settle it.

    Only such a one may come after a higher number of its lane on the first attempt.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedAttachment:
    """A file inside a verified envelope, decoded."""

    content_id: str
    name: str
    content_type: str
    """What the octets are, not what the sender called them."""
    is_zip_container: bool
    """Whether the sender's software wrapped the one file in a ZIP, as the vendors' SDKs do."""
    stored: Octets

    @classmethod
    def of(cls, attachment: Attachment) -> Self:
        """Return an *attachment* that was read as a whole."""
        return cls(
            content_id=attachment.content_id,
            name=attachment.name,
            content_type=attachment.content_type,
            is_zip_container=attachment.is_zip_container,
            stored=InMemory(content=attachment.content),
        )

    @property
    def content(self) -> bytes:
        """All of it, read at once: for what is small, or where there is memory for it."""
        return self.stored.read()

    @property
    def octets(self) -> int:
        """How long it is."""
        return self.stored.octets

    @property
    def digest(self) -> Digest:
        """SHA-256 of it."""
        return self.stored.digest

    def open(self) -> BytesIO | BufferedReader:
        """Return it as a file to read from, however large; readable until the handler has returned."""
        return self.stored.open()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A document whose signature held: everything was read from the bytes that it covers."""

    consignment: Consignment
    header: DocumentHeader
    attachments: tuple[ReceivedAttachment, ...]
    envelope: Octets
    """The sender's exact bytes: the evidence to keep."""
    signature: SignatureFacts = PLAIN
    """What the signature says beside holding: when it was made, and under which mandate."""

    @property
    def body(self) -> bytes:
        """The sender's exact bytes, read at once: for what is small, or where there is memory for it."""
        return self.envelope.read()

    @property
    def octets(self) -> int:
        """How many bytes the sender's envelope has."""
        return self.envelope.octets

    @property
    def digest(self) -> Digest:
        """SHA-256 of the sender's exact bytes."""
        return self.envelope.digest

    def open(self) -> BytesIO | BufferedReader:
        """Return the sender's exact bytes as a file to read from; readable until the handler has returned."""
        return self.envelope.open()

    @property
    def delivery_id(self) -> DeliveryId:
        """Name of this delivery."""
        return self.consignment.delivery_id

    @property
    def recipient(self) -> AgencyKey:
        """The unit meant."""
        return self.consignment.recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedStatus:
    """A status message from another agency whose signature held."""

    consignment: Consignment
    header: StatusHeader
    body: bytes

    @property
    def digest(self) -> Digest:
        """SHA-256 of the sender's exact bytes."""
        return digest_of(self.body)

    @property
    def delivery_id(self) -> DeliveryId:
        """Name of the delivery that brought the status, not of the one it is about."""
        return self.consignment.delivery_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedReceipt:
    """A receipt whose signature is the hub's."""

    consignment: Consignment
    receipt: Receipt
    body: bytes
    """The exact bytes that were signed, with every receipt on the same sheet: the evidence to keep."""
    sheet_id: SheetId
    """Name of that sheet: of the first receipt on it, and so its own where it is alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedSheet:
    """Receipts under one signature, the hub's; each is handled by itself."""

    consignment: Consignment
    receipts: tuple[Receipt, ...]
    body: bytes
    digest: Digest
    """SHA-256 of *body*: what the journal keeps it under."""

    def each(self) -> Iterator[ArrivedReceipt]:
        """Return the receipts as a handler gets them."""
        sheet_id = SheetId(self.receipts[0].receipt_id)
        for receipt in self.receipts:
            yield ArrivedReceipt(
                consignment=self.consignment, receipt=receipt, body=self.body, sheet_id=sheet_id
            )


Arrival: TypeAlias = Delivery | ArrivedStatus | ArrivedReceipt
"""What a handler gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The document is in the agency's hands; the sender is told with these statuses, in this order."""

    statuses: tuple[StatusCode, ...] | None = None
    """None for the mailbox's setting, which is 01; empty for none, where a later `report` tells."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The agency does not take the document, for good; the sender is told with status 02 and the reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Not now: the delivery goes back to the axis, which offers it again later or calls an operator."""

    reason: str


Answer: TypeAlias = Accepted | Refused | Retry
