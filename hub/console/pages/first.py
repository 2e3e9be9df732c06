"""Where one arrives."""

from fastapi import APIRouter
from fastapi.responses import Response

from hub.console.access import Seeing
from hub.console.navigation import places_for

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_first(visit: Seeing) -> Response:
    """Go on to the first page that the account may see."""
    return visit.redirect(places_for(visit.account)[0].path)
