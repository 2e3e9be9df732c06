"""What is in force, to be read and not changed."""

from fastapi import APIRouter
from fastapi.responses import Response

from hub.console.access import Seeing, unlimited

router = APIRouter(include_in_schema=False)


@router.get("/settings")
async def show(visit: Seeing) -> Response:
    """Show every setting of this process; of secrets only whether they are set."""
    return visit.page("settings.html", settings=unlimited(visit).console.settings)
