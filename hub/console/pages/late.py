"""Who is late: by agency, as a list, and as a file."""

from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BeforeValidator

from hub.backends.postgres.lateness import LateFilter
from hub.console.access import Seeing, Visit
from hub.console.asked import MaybeText, attachment, or_nothing
from hub.message.identifiers import DeliveryId
from hub.message.lateness import Lateness
from hub.operations.lateness import LateDesk

router = APIRouter(include_in_schema=False)
SHOWN: Final = 100
Recipient = Annotated[MaybeText, Query()]
Why = Annotated[Annotated[Lateness | None, BeforeValidator(or_nothing)], Query()]


@router.get("/late")
async def show(
    visit: Seeing, recipient: Recipient = None, lateness: Why = None, behind: UUID | None = None
) -> Response:
    """Show who is late, and what is late there."""
    desk, wanted = _desk(visit, recipient, lateness)
    found = await desk.find(
        wanted, behind=DeliveryId(behind) if behind is not None else None, limit=SHOWN + 1
    )
    query = {name: value for name, value in (("recipient", recipient), ("lateness", lateness)) if value}
    return visit.page(
        "late.html",
        agencies=await desk.agencies(visit.account.visible_to),
        kinds=list(Lateness),
        deliveries=found[:SHOWN],
        recipient=recipient or "",
        lateness=lateness,
        query=urlencode(query),
        next_behind=found[SHOWN - 1].delivery_id if len(found) > SHOWN else None,
    )


@router.get("/late.csv")
async def take(visit: Seeing, recipient: Recipient = None, lateness: Why = None) -> Response:
    """Hand out the list as CSV, as long as it is."""
    desk, wanted = _desk(visit, recipient, lateness)
    return StreamingResponse(
        desk.export(wanted), media_type="text/csv; charset=utf-8", headers=attachment("late.csv")
    )


def _desk(visit: Visit, recipient: str | None, lateness: Lateness | None) -> tuple[LateDesk, LateFilter]:
    desk = LateDesk(visit.console.database, visit.console.clock)
    return desk, desk.filter(recipient=recipient, lateness=lateness, visible_to=visit.account.visible_to)
