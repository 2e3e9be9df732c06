"""Who is connected, and how each is: those that fail or are parked first."""

from fastapi import APIRouter
from fastapi.responses import Response

from hub.console.access import Seeing
from hub.operations.connected import connected

router = APIRouter(include_in_schema=False)


@router.get("/agencies")
async def show(visit: Seeing) -> Response:
    """Show every mailbox that the account may see, with its queue where the broker tells."""
    found = await connected(visit.console.database, visit.console.management)
    mailboxes = [each for each in found.mailboxes if visit.account.sees(each.agency, *each.mandates)]
    return visit.page("agencies.html", found=found, mailboxes=mailboxes, now=visit.console.clock.now())
