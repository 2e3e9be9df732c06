"""What a mailbox receives, and what a handler answers: all values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hub.message.edxml import Attachment, DocumentHeader, StatusCode, StatusHeader
from hub.message.identifiers import AgencyKey, DeliveryId, Digest, MessageId, SheetId
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
class Delivery:
    """A document whose signature held: everything was read from the bytes that it covers."""

    consignment: Consignment
    header: DocumentHeader
    attachments: tuple[Attachment, ...]
    body: bytes
    """The sender's exact bytes: the evidence to keep."""
    signature: SignatureFacts = PLAIN
    """What the signature says beside holding: when it was made, and under which mandate."""

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
