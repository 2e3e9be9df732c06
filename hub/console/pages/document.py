"""One document: its whole life, and what was signed about it to take along."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BeforeValidator

from hub.backends.postgres.searching import DocumentFilter
from hub.console.access import Seeing, Visit
from hub.console.asked import MaybeInstant, MaybeText, as_entered, attachment, or_nothing, streamed
from hub.console.words import moment_lines
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import MessageId, ReceiptId, agency_key
from hub.operations import document
from hub.operations.search import search

router = APIRouter(include_in_schema=False)
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asked for, as the form has it."""

    name: Annotated[MaybeText, Query()] = None
    """An exact name, or words."""
    sender: Annotated[MaybeText, Query()] = None
    recipient: Annotated[MaybeText, Query()] = None
    since: MaybeInstant = None
    until: MaybeInstant = None
    state: Annotated[DeliveryState | None, BeforeValidator(or_nothing)] = None
    older_than: UUID | None = None

    def is_name_only(self) -> bool:
        """Whether it may be the name of one document."""
        rest = (self.sender, self.recipient, self.since, self.until, self.state, self.older_than)
        return self.name is not None and not any(rest)

    def wanted(self, visit: Visit) -> DocumentFilter:
        """Return what is looked for in the index."""
        return DocumentFilter(
            text=self.name,
            sender=agency_key(self.sender) if self.sender else None,
            recipient=agency_key(self.recipient) if self.recipient else None,
            since=self.since,
            until=self.until,
            states=(self.state,) if self.state is not None else None,
            visible_to=visit.account.visible_to,
        )

    def address(self) -> str:
        """Return where the same question is asked again, from the first page on."""
        asked = {
            "name": self.name,
            "sender": self.sender,
            "recipient": self.recipient,
            "since": as_entered(self.since),
            "until": as_entered(self.until),
            "state": self.state.value if self.state is not None else None,
        }
        return f"/documents?{urlencode({name: value for name, value in asked.items() if value})}"


@router.get("/documents")
async def find(visit: Seeing, question: Annotated[Question, Depends()]) -> Response:
    """Show the one document that is called so; else those that have these words, the newest first."""
    named: tuple[MessageId, ...] = ()
    if question.name is not None and question.is_name_only():
        named = await document.find(visit.console.database, question.name.strip(), visit.account)
        if len(named) == 1:
            return visit.redirect(f"/documents/{named[0]}")
    older_than = MessageId(question.older_than) if question.older_than is not None else None
    found = await search(visit.console.database, question.wanted(visit), older_than=older_than)
    return visit.page(
        "documents.html",
        question=question,
        since=as_entered(question.since),
        until=as_entered(question.until),
        states=list(DeliveryState),
        named=named,
        found=found,
    )


@router.get("/documents/{message_id}")
async def show(
    visit: Seeing, message_id: UUID, *, every: Annotated[bool, Query(alias="all")] = False
) -> Response:
    """Show the life of one document; every line of it, or those that say something new."""
    found = await document.read(visit.console.database, MessageId(message_id), visit.account)
    lines = moment_lines(found.moments, visit.say, every=every)
    return visit.page("document.html", dossier=found.dossier, lines=lines, every=every)


@router.get("/documents/{message_id}/bytes")
async def take_bytes(visit: Seeing, message_id: UUID) -> Response:
    """Hand out the exact bytes that were accepted."""
    console = visit.console
    original = await document.exact_bytes(
        console.database, MessageId(message_id), visit.account, console.originals
    )
    return streamed(original, f"{message_id}.edxml")


@router.get("/documents/{message_id}/receipts/{receipt_id}")
async def take_receipt(visit: Seeing, message_id: UUID, receipt_id: UUID) -> Response:
    """Hand out the signed sheet on which a receipt stands."""
    octets = await document.receipt(
        visit.console.database, MessageId(message_id), ReceiptId(receipt_id), visit.account
    )
    return Response(octets, media_type=BYTES, headers=attachment(f"receipt-{receipt_id}.xml"))


@router.get("/documents/{message_id}/evidence")
async def take_evidence(visit: Seeing, message_id: UUID) -> Response:
    """Hand out the file that proves the document's life without the axis."""
    console = visit.console
    found = await document.evidence(console.database, MessageId(message_id), visit.account, console.originals)
    return Response(found.octets, media_type=BYTES, headers=attachment(f"evidence-{message_id}.zip"))
