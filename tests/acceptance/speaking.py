"""What agencies say on this floor: fresh documents and statuses, and who says them."""

from datetime import timedelta
from uuid import uuid4

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from hub.message.receipt import Receipt
from hub.signature.signing import sign_envelope
from tests.support.envelopes import DocumentBuilder, a_document, a_status
from tests.support.raw_agency import Arrived, RawAgency, key_of


def a_letter(sender: LocalAgency, *recipients: LocalAgency) -> DocumentBuilder:
    """Return a document that nobody has sent before."""
    return (
        a_document()
        .from_(sender.code)
        .to(*(each.code for each in recipients))
        .identified_by(f"{sender.code},2026/05/30,{uuid4()}")
    )


def an_hour_later(letter: DocumentBuilder) -> DocumentBuilder:
    """Return the same content in other bytes: it leaves the sender's software again."""
    return letter.with_(at=letter.draft.at + timedelta(hours=1))


async def report(
    raw: RawAgency,
    document: Arrived,
    status: StatusCode,
    *,
    by: LocalAgency,
    sent_by: LocalAgency,
    description: str = "Văn thư đã xem",
) -> bytes:
    """Say what became of *document*; return the signed bytes that went out."""
    said = a_status().from_(by.code).for_(str(document.document_id), sent_by=sent_by.code)
    body = sign_envelope(said.saying(status, description).unsigned(), key_of(by))
    await raw.submit(body, kind="status", about=document.delivery_id)
    return body


def codes(receipt: Receipt) -> list[str]:
    """Return the codes of a refusal, in their order."""
    return [each.code.value for each in receipt.violations]
