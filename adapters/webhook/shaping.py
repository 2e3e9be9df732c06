"""Statuses and receipts of the kit in the shapes that the agency's program reads."""

import base64
from uuid import UUID

from adapters.kit.delivery import ArrivedReceipt, ArrivedStatus
from adapters.webhook.shapes import (
    EnvelopeShape,
    ReceiptShape,
    SignedReceiptShape,
    StatusShape,
    SubjectShape,
    ViolationShape,
)
from hub.message.identifiers import digest_of
from hub.message.receipt import Receipt


def enclosed(body: bytes) -> EnvelopeShape:
    """Return *body* as it travels inside an event."""
    return EnvelopeShape(
        octets=len(body), sha256=digest_of(body).hex(), content=base64.b64encode(body).decode("ascii")
    )


def status_shape(
    arrived: ArrivedStatus, *, submission: str | None, about_delivery: UUID | None
) -> StatusShape:
    """Return what another agency reports."""
    header = arrived.header
    return StatusShape(
        delivery_id=arrived.delivery_id,
        sender=header.sender,
        status=header.status.value,
        description=header.description,
        document_id=header.document_id,
        submission=submission,
        about_delivery=about_delivery,
        envelope=enclosed(arrived.body),
    )


def signed_receipt_shape(arrived: ArrivedReceipt) -> SignedReceiptShape:
    """Return a receipt with its evidence."""
    return SignedReceiptShape(**receipt_shape(arrived.receipt).model_dump(), envelope=enclosed(arrived.body))


def receipt_shape(receipt: Receipt) -> ReceiptShape:
    """Return what a receipt says."""
    return ReceiptShape(
        receipt_id=receipt.receipt_id,
        event=receipt.event.value,
        issued_at=receipt.issued_at,
        submission=receipt.submission_id,
        document_id=receipt.document_id,
        sha256=receipt.digest.hex(),
        recipients=[
            SubjectShape(
                recipient=each.recipient, delivery_id=each.delivery_id, already_had_it=each.already_had_it
            )
            for each in receipt.subjects
        ],
        violations=[ViolationShape(code=each.code, vi=each.vi, en=each.en) for each in receipt.violations],
        failure=receipt.failure.value if receipt.failure is not None else None,
        cause=receipt.cause,
    )
