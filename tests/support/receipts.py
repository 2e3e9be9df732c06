"""Receipts to test with, one of each kind that differs in shape."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hub.errors import RejectionCode
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
    digest_of,
)
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent, ReceiptSubject
from hub.message.refusal import violation


def a_receipt() -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(UUID(int=1)),
        event=ReceiptEvent.SUBMISSION_ACCEPTANCE,
        issued_at=datetime(2026, 5, 30, 2, 15, 4, 120_000, UTC),
        mailbox=MailboxName("H41"),
        submission_id=SubmissionId("h41-17"),
        message_id=MessageId(UUID(int=2)),
        digest=digest_of(b"the submitted bytes"),
        sender=AgencyKey("H41.07"),
        document_id=DocumentId("H41.07,2026/05/30,12/TB-UBND"),
        subjects=(
            ReceiptSubject(recipient=AgencyKey("G22"), delivery_id=DeliveryId(UUID(int=3)), lane_number=17),
            ReceiptSubject(recipient=AgencyKey("H29.14"), attempt=2, already_had_it=True),
        ),
    )


def another(receipt: Receipt, number: int = 10) -> Receipt:
    """Say the same as *receipt* under another name."""
    return replace(receipt, receipt_id=ReceiptId(UUID(int=number)))


def a_refusal() -> Receipt:
    broken = (
        violation(RejectionCode.NO_SIGNATURE, path="/edXML", rule="XMLDSIG 1.1 §4.1"),
        violation(RejectionCode.UNKNOWN_RECIPIENT, path="/To[2]", rule="recipients", recipient="H99 <&>"),
    )
    refusal = replace(a_receipt(), event=ReceiptEvent.SUBMISSION_REJECTION, subjects=(), violations=broken)
    return replace(refusal, sender=None, document_id=None)


def a_failure() -> Receipt:
    return replace(
        a_receipt(),
        event=ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
        failure=FailureKind.UNKNOWN,
        cause="",
        episode=2,
        supersedes=ReceiptId(UUID(int=9)),
    )
