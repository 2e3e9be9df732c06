"""The audit page: what operators did, and how far the log is sealed."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hub.backends.postgres.audit_log import read_log_state
from hub.console.access import Seeing, unlimited
from hub.console.asked import MaybeInstant, MaybeNumber, MaybeText
from hub.console.languages import VIETNAM
from hub.operations.actions import ActionFilter, list_actions

router = APIRouter(include_in_schema=False)
SHOWN = 50


@router.get("/audit")
async def show(
    visit: Seeing,
    operator: Annotated[MaybeText, Query(max_length=200)] = None,
    action: Annotated[MaybeText, Query(max_length=100)] = None,
    since: MaybeInstant = None,
    until: MaybeInstant = None,
    older_than: MaybeNumber = None,
) -> Response:
    """List acts, the newest first; a head of the log can be noted here."""
    database = unlimited(visit).console.database
    wanted = ActionFilter(operator=operator, action=action, since=since, until=until)
    found = await list_actions(database, wanted, older_than=older_than, limit=SHOWN + 1)
    return visit.page(
        "audit.html",
        actions=found[:SHOWN],
        wanted=wanted,
        asked_since=_as_entered(since),
        asked_until=_as_entered(until),
        here_without_page=f"/audit?{urlencode(_query(wanted))}",
        state=await read_log_state(database),
        next_older_than=found[SHOWN - 1].action_id if len(found) > SHOWN else None,
    )


def _query(wanted: ActionFilter) -> dict[str, str]:
    found = {
        "operator": wanted.operator,
        "action": wanted.action,
        "since": _as_entered(wanted.since),
        "until": _as_entered(wanted.until),
    }
    return {name: value for name, value in found.items() if value}


def _as_entered(at: datetime | None) -> str:
    """Write *at* as a form's field takes it."""
    return at.astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M") if at is not None else ""
