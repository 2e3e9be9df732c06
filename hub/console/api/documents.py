"""Documents: searched, shown, taken along."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from hub.backends.postgres.searching import DocumentFilter
from hub.console.access import Seeing
from hub.console.api.shapes import FILE, Hex, Moment, Resource, file
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import Instant, MaybeText, PageSize, Text, streamed
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import MessageId, ReceiptId, agency_key
from hub.operations import document
from hub.operations.search import search

router = APIRouter(prefix=f"{PREFIX}/documents", tags=["documents"], responses=PROBLEMS)
Code = Annotated[MaybeText, Query()]


class Found(Resource):
    """One line of a search result."""

    message_id: UUID
    is_refused: bool
    mailbox: str
    sender: str | None
    document_id: str | None
    document_code: str | None
    subject: str | None
    priority: int | None
    received_at: datetime
    recipients: list[tuple[str, DeliveryState]] = Field(description="The first of them, with their state.")
    has_more_recipients: bool


class FoundPage(Resource):
    """Some of what was found, the newest first."""

    documents: list[Found]
    next_older_than: UUID | None = Field(
        description="Ask with `older_than` for the next page; null at the end."
    )


class Names(Resource):
    """The messages that a name means."""

    messages: list[UUID]


class Message(Resource):
    """A message as it was decided about."""

    message_id: UUID
    kind: str
    verdict: str
    mailbox: str
    submission_id: str
    digest: Hex
    octets: int
    sender: str | None
    document_id: str | None
    business_type: int | None
    priority: int | None
    code_number: str | None
    code_notation: str | None
    subject: str | None
    received_at: datetime
    decided_at: datetime


class Delivery(Resource):
    """A delivery where it stands."""

    delivery_id: UUID
    message_id: UUID | None
    kind: str
    mailbox: str
    sender: str | None
    recipient: str
    state: str
    attempt: int
    episode: int
    lane_number: int
    is_urgent: bool
    created_at: datetime
    consigned_at: datetime | None
    acknowledged_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime | None
    not_before: datetime | None


class Receipt(Resource):
    """A receipt that was issued."""

    receipt_id: UUID
    event: str
    mailbox: str
    issued_at: datetime
    supersedes: UUID | None
    stamped_at: datetime | None
    deliveries: list[UUID]


class Life(Resource):
    """A document and all that became of it."""

    message: Message
    deliveries: list[Delivery]
    receipts: list[Receipt]
    timeline: list[Moment]


@router.get("")
async def find(
    visit: Seeing,
    text: Annotated[MaybeText, Query(description="Words of subject, number or DocumentId.")] = None,
    sender: Code = None,
    recipient: Code = None,
    since: Instant | None = None,
    until: Instant | None = None,
    state: DeliveryState | None = None,
    refused: bool | None = None,
    older_than: UUID | None = None,
    limit: PageSize = 50,
) -> FoundPage:
    """Find documents by what they say and who exchanged them, the newest first."""
    wanted = DocumentFilter(
        text=text,
        sender=agency_key(sender) if sender else None,
        recipient=agency_key(recipient) if recipient else None,
        since=since,
        until=until,
        states=(state,) if state is not None else None,
        is_refused=refused,
        visible_to=visit.account.visible_to,
    )
    before = MessageId(older_than) if older_than is not None else None
    page = await search(visit.console.database, wanted, older_than=before, limit=limit)
    return FoundPage.model_validate(page)


@router.get("/named")
async def find_named(visit: Seeing, name: Annotated[Text, Query(min_length=1, max_length=500)]) -> Names:
    """Find by an exact name: of a message, delivery, receipt, submission or document, or a digest."""
    found = await document.find(visit.console.database, name, visit.account)
    return Names(messages=list(found))


@router.get("/{message_id}")
async def show(visit: Seeing, message_id: UUID) -> Life:
    """Return the whole life of one document."""
    found = await document.read(visit.console.database, MessageId(message_id), visit.account)
    return Life(
        message=Message.model_validate(found.dossier.message),
        deliveries=[Delivery.model_validate(each) for each in found.dossier.deliveries],
        receipts=[Receipt.model_validate(each) for each in found.dossier.receipts],
        timeline=[Moment.model_validate(each) for each in found.moments],
    )


@router.get("/{message_id}/bytes", response_class=Response, responses=FILE)
async def take_bytes(visit: Seeing, message_id: UUID) -> Response:
    """Return the exact octets that were accepted."""
    console = visit.console
    original = await document.exact_bytes(
        console.database, MessageId(message_id), visit.account, console.originals
    )
    return streamed(original, f"{message_id}.edxml")


@router.get("/{message_id}/receipts/{receipt_id}", response_class=Response, responses=FILE)
async def take_receipt(visit: Seeing, message_id: UUID, receipt_id: UUID) -> Response:
    """Return the signed sheet on which a receipt stands."""
    octets = await document.receipt(
        visit.console.database, MessageId(message_id), ReceiptId(receipt_id), visit.account
    )
    return file(octets, f"receipt-{receipt_id}.xml")


@router.get("/{message_id}/evidence", response_class=Response, responses=FILE)
async def take_evidence(visit: Seeing, message_id: UUID) -> Response:
    """Return the file that proves the document's life without the axis."""
    console = visit.console
    found = await document.evidence(console.database, MessageId(message_id), visit.account, console.originals)
    return file(found.octets, f"evidence-{message_id}.zip")
