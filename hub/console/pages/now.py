"""How the axis is at this moment, kept fresh while somebody looks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import Response, StreamingResponse

from hub.console.access import Seeing, Visit, unlimited
from hub.console.chart import Chart, chart
from hub.errors import TemporaryFailure
from hub.operations.overview import Overview, look

router = APIRouter(include_in_schema=False, dependencies=[Depends(unlimited)])
FRESH_FOR: Final = timedelta(seconds=3)
"""However many look, the database is asked once in so long."""
BETWEEN: Final = timedelta(seconds=5)
STREAM: Final = timedelta(minutes=5)
"""Then the browser comes again, and has to be let in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page draws."""

    seen: Overview
    arrived: Chart
    consigned: Chart


class SharedLook:
    """One look at the axis for everybody who looks at the same time."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self._lock = asyncio.Lock()
        self._seen: Overview | None = None

    async def at(self, visit: Visit) -> Overview:
        """Return how the axis is, or was a moment ago."""
        async with self._lock:
            if self._seen is None or visit.console.clock.now() - self._seen.at >= FRESH_FOR:
                self._seen = await look(visit.console.database, visit.console.clock)
            return self._seen


async def shared_look(visit: Seeing) -> Overview:
    """Return what is shown now."""
    state = visit.request.app.state
    if not hasattr(state, "shared_look"):
        state.shared_look = SharedLook()
    shared: SharedLook = state.shared_look
    return await shared.at(visit)


@router.get("/now")
async def show(visit: Seeing, seen: Annotated[Overview, Depends(shared_look)]) -> Response:
    """Show the figures; the page asks for fresh ones by itself."""
    return visit.page("now.html", shown=_shown(seen))


@router.get("/now/stream")
async def stream(visit: Seeing) -> Response:
    """Send fresh figures as server-sent events, until the browser has to come again."""
    return StreamingResponse(_events(visit), media_type="text/event-stream")


async def _events(visit: Visit) -> AsyncIterator[str]:
    for _ in range(STREAM // BETWEEN):
        await asyncio.sleep(BETWEEN.total_seconds())
        try:
            shown = _shown(await shared_look(visit))
        except TemporaryFailure:
            # The figures on the page say of when they are; the browser asks again.
            return
        page = visit.console.templates.render("now_figures.html", visit.language, {"shown": shown})
        lines = "".join(f"data: {line}\n" for line in page.splitlines())
        yield f"event: figures\n{lines}\n"


def _shown(seen: Overview) -> Shown:
    return Shown(
        seen=seen,
        arrived=chart([each.arrived for each in seen.minutes]),
        consigned=chart([each.consigned for each in seen.minutes]),
    )
