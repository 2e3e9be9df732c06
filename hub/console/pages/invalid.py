"""Invalid messages: why, and what they begin with, as text and nothing else."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hub.console.access import Seeing, unlimited
from hub.console.asked import MaybeNumber, MaybeText, Number, attachment
from hub.operations import invalid

router = APIRouter(include_in_schema=False)
SHOWN = 50


@router.get("/invalid")
async def show_all(
    visit: Seeing,
    reason: Annotated[MaybeText, Query()] = None,
    older_than: MaybeNumber = None,
) -> Response:
    """List them, the newest first."""
    database = unlimited(visit).console.database
    found = await invalid.list_messages(database, reason=reason, older_than=older_than, limit=SHOWN + 1)
    return visit.page(
        "invalid.html",
        messages=found[:SHOWN],
        reason=reason or "",
        next_older_than=found[SHOWN - 1].invalid_id if len(found) > SHOWN else None,
    )


@router.get("/invalid/{invalid_id}")
async def show(visit: Seeing, invalid_id: Number) -> Response:
    """Show one, with the beginning of its bytes."""
    found = await invalid.show(unlimited(visit).console.database, invalid_id)
    return visit.page("invalid_message.html", message=found, previewed=invalid.PREVIEWED)


@router.get("/invalid/{invalid_id}/bytes")
async def take_bytes(visit: Seeing, invalid_id: Number) -> Response:
    """Hand out its bytes, to be looked at elsewhere."""
    octets = await invalid.exact_bytes(unlimited(visit).console.database, invalid_id)
    name = f"invalid-{invalid_id}.bin"
    return Response(octets, media_type="application/octet-stream", headers=attachment(name))
