"""One document: its whole life, and what was signed about it to take along."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hub.console.access import Seeing
from hub.console.asked import MaybeText, attachment
from hub.console.words import moment_lines
from hub.message.identifiers import MessageId, ReceiptId
from hub.operations import document

router = APIRouter(include_in_schema=False)
BYTES = "application/octet-stream"


@router.get("/documents")
async def find(visit: Seeing, name: Annotated[MaybeText, Query(max_length=500)] = None) -> Response:
    """Find a document by any of its names; where only one is meant, show it."""
    found = await document.find(visit.console.database, name.strip(), visit.account) if name else ()
    if len(found) == 1:
        return visit.redirect(f"/documents/{found[0]}")
    return visit.page("documents.html", name=name or "", found=found)


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
    octets = await document.exact_bytes(visit.console.database, MessageId(message_id), visit.account)
    return Response(octets, media_type=BYTES, headers=attachment(f"{message_id}.edxml"))


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
    found = await document.evidence(visit.console.database, MessageId(message_id), visit.account)
    return Response(found.octets, media_type=BYTES, headers=attachment(f"evidence-{message_id}.zip"))
