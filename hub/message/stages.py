"""One type for each step that a message has passed: skipping a step does not type-check."""

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from hub.message.edxml import Attachment, Header, LargeAttachment
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    Fingerprint,
    MailboxName,
    SubmissionId,
)
from hub.message.large_body import LargeEnvelope
from hub.message.signature_facts import PLAIN, SignatureFacts
from hub.message.skimming import Skimmed
from hub.message.trust import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """Bytes that a vouched-for mailbox submitted; nothing in them has been looked at."""

    body: bytes
    digest: Digest
    mailbox: MailboxName
    """The broker user, vouched for by the broker."""
    submission_id: SubmissionId
    transport_id: str
    """AMQP `message_id` of this publish attempt; empty where the sender set none."""
    reported_delivery: DeliveryId | None
    """The delivery that a status claims to be about; a claim, not yet a fact."""
    received_at: datetime
    large: LargeEnvelope | None = None
    """The envelope itself, where `body` is a claim check for it; the digest is the envelope's."""

    @property
    def octets(self) -> int:
        """How long the envelope is."""
        return len(self.body) if self.large is None else self.large.octets


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    """Well-formed XML without anything dangerous in it; it has no sender to be tempted by."""

    received: ReceivedMessage
    tree: etree._Element
    """Of a large envelope: of its skeleton."""
    skimmed: Skimmed | None = None
    """Of a large envelope: what its skeleton does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedMessage:
    """The signature holds; header and attachments were read from the very bytes that it covers."""

    received: ReceivedMessage
    signed_tree: etree._Element
    """The tree parsed back from the canonical bytes that the signature covers (no `ds:Signature` in it)."""
    signed_by: Fingerprint
    signature: SignatureFacts = PLAIN
    validation: Validation | None = None
    """The verdict on the signing certificate; None only where a message is made up for an examination."""
    skimmed: Skimmed | None = None
    """Of a large envelope: what its skeleton, which `signed_tree` is, does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidMessage:
    """Schema and rules of intake hold; header and attachments are what the verified bytes say."""

    verified: VerifiedMessage
    header: Header
    attachments: tuple[Attachment | LargeAttachment, ...]
    content_digest: Digest
    """SHA-256 over the header's business fields and the decoded attachments: the same content has the same
    digest, however its XML is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How one recipient is reached."""

    recipient: AgencyKey
    mailbox: MailboxName


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedMessage:
    """The connection may speak for the sender, and every recipient is reached through an open mailbox.

    A status has one route, to the other party of the document that it reports on.
    """

    valid: ValidMessage
    sender: AgencyKey
    routes: tuple[Route, ...]
