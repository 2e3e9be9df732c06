"""What intake decided, made without XML: `a_submission().to("H41").saying(b"...")`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self
from uuid import uuid4

from lxml import etree

from hub.errors import RejectionCode, Violation
from hub.message.decision import Admit, Refuse
from hub.message.edxml import BusinessType, DocumentHeader, Header, StatusCode, StatusHeader
from hub.message.identifiers import (
    AgencyCode,
    AgencyKey,
    DeliveryId,
    DocumentId,
    Fingerprint,
    MailboxName,
    SubmissionId,
    digest_of,
)
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import ReceiptSheet, write_sheets
from hub.message.receipt_xml import read_receipts
from hub.message.refusal import violation
from hub.message.stages import AuthorizedMessage, ReceivedMessage, Route, ValidMessage, VerifiedMessage

_TREE = etree.fromstring("<edXML/>")


async def plain_pen(receipts: Sequence[Receipt]) -> list[ReceiptSheet]:
    """Write receipts without signing them; each writing is another, as a signature's would be."""
    return [
        replace(sheet, body=b"<!-- %s -->%s" % (uuid4().hex.encode(), sheet.body))
        for sheet in write_sheets(receipts)
    ]


async def plain_seal(documents: Sequence[bytes]) -> list[bytes]:
    """Leave documents of the hub unsigned."""
    return list(documents)


def read_all(body: bytes) -> tuple[Receipt, ...]:
    return read_receipts(etree.fromstring(body))


def read(body: bytes) -> Receipt:
    (receipt,) = read_all(body)
    return receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission in the making; every step returns a new one."""

    sender: str = "G22"
    mailbox: str = "G22"
    submission_id: str = field(default_factory=lambda: uuid4().hex)
    transport_id: str = field(default_factory=lambda: uuid4().hex)
    document_id: str = field(default_factory=lambda: f"G22/{uuid4().hex}")
    content: str = "công văn"
    envelope: str = field(default_factory=lambda: uuid4().hex)
    """Makes the bytes differ while the content is the same, as signing again does."""
    recipients: tuple[str, ...] = ("H41",)
    mailboxes: tuple[str, ...] = ()
    priority: int = 0
    subject: str = "Về việc thử"
    code: tuple[str, str] = ("1", "CV")
    due_on: date | None = None
    business_type: BusinessType = BusinessType.NEW
    claimed_delivery: DeliveryId | None = None
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def with_(self, **fields: object) -> Self:
        return replace(self, **fields)

    def to(self, *recipients: str, through: tuple[str, ...] = ()) -> Self:
        return replace(self, recipients=recipients, mailboxes=through)

    @property
    def body(self) -> bytes:
        said = (self.sender, self.document_id, self.content, self.envelope, str(int(self.business_type)))
        return "\n".join((*said, *self.recipients)).encode()

    def received(self) -> ReceivedMessage:
        return ReceivedMessage(
            body=self.body,
            digest=digest_of(self.body),
            mailbox=MailboxName(self.mailbox),
            submission_id=SubmissionId(self.submission_id),
            transport_id=self.transport_id,
            reported_delivery=self.claimed_delivery,
            received_at=self.received_at,
        )

    def admitted(self) -> Admit:
        routes = tuple(
            Route(recipient=AgencyKey(recipient), mailbox=MailboxName(mailbox))
            for recipient, mailbox in zip(self.recipients, self.mailboxes or self.recipients, strict=True)
        )
        return self._admit(self._header(), routes)

    def refused(self, *violations: Violation) -> Refuse:
        broken = violations or (violation(RejectionCode.NO_ATTACHMENT, path="/edXML", rule="rule"),)
        return Refuse(
            received=self.received(),
            violations=broken,
            sender=AgencyKey(self.sender),
            header=self._header(),
        )

    def refused_unread(self) -> Refuse:
        broken = violation(RejectionCode.NO_SIGNATURE, path="/edXML", rule="rule")
        return Refuse(received=self.received(), violations=(broken,))

    def status(self, code: StatusCode, *, by: str, through: str | None = None) -> Admit:
        """Report as *by* on this document; with 13, as its sender to *by*."""
        reporter, other = (self.sender, by) if code is StatusCode.RECALL_REQUESTED else (by, self.sender)
        report = replace(
            self,
            mailbox=through or reporter,
            submission_id=uuid4().hex,
            transport_id=uuid4().hex,
            envelope=uuid4().hex,
            content=f"status {code.value} by {by}",
            received_at=self.received_at,
        )
        header = StatusHeader(
            sender=AgencyCode(reporter),
            original_sender=AgencyCode(other),
            document_id=DocumentId(self.document_id),
            status=code,
            description="đã xem",
        )
        return report._admit(header, (Route(recipient=AgencyKey(other), mailbox=MailboxName(other)),))

    def _header(self) -> DocumentHeader:
        return DocumentHeader(
            sender=AgencyCode(self.sender),
            recipients=tuple(AgencyCode(recipient) for recipient in self.recipients),
            document_id=DocumentId(self.document_id),
            code_number=self.code[0],
            code_notation=self.code[1],
            promulgated_on=None,
            subject=self.subject,
            business_type=self.business_type,
            priority=self.priority,
            due_on=self.due_on,
            secrecy=None,
        )

    def _admit(self, header: Header, routes: tuple[Route, ...]) -> Admit:
        verified = VerifiedMessage(
            received=self.received(), signed_tree=_TREE, signed_by=Fingerprint(b"\x01" * 32)
        )
        said = f"{self.sender} {self.document_id} {self.content} {self.business_type}".encode()
        valid = ValidMessage(verified=verified, header=header, attachments=(), content_digest=digest_of(said))
        return Admit(
            authorized=AuthorizedMessage(valid=valid, sender=AgencyKey(header.sender), routes=routes)
        )


def a_submission(**fields: object) -> Submission:
    return Submission().with_(**fields)


def again(submission: Submission) -> Submission:
    """Publish the very same bytes once more."""
    return submission.with_(transport_id=uuid4().hex)


def signed_again(submission: Submission) -> Submission:
    """Submit the same content in a new envelope."""
    return again(submission).with_(submission_id=uuid4().hex, envelope=uuid4().hex)


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)
