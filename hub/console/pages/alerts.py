"""What somebody had to hear of, what was told where, and whether it would arrive."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from hub.console.access import Seeing, Visit, Working, unlimited
from hub.operations.alerts import AlertDesk

router = APIRouter(include_in_schema=False, dependencies=[Depends(unlimited)])
SHOWN: Final = 200


@router.get("/alerts")
async def show(visit: Seeing, *, every: Annotated[bool, Query(alias="all")] = False) -> Response:
    """Show what is going on, or everything that ever was."""
    found = await _desk(visit).alerts(is_open=not every, limit=SHOWN)
    return visit.page("alerts.html", alerts=found, every=every, channels=visit.console.alert_channels)


@router.post("/alerts/test")
async def test(visit: Working) -> Response:
    """Have a hub process tell a test on every channel."""
    await _desk(visit).test(visit.console.alert_channels)
    return visit.redirect("/alerts?all=true&told=alert_test&count=1")


def _desk(visit: Visit) -> AlertDesk:
    return AlertDesk(visit.console.database, operator=visit.account.login, clock=visit.console.clock)
