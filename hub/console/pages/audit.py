"""The audit page: what operators did, and how far the log is sealed."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hub.backends.postgres.audit_log import read_log_state
from hub.console.access import Seeing, unlimited
from hub.console.asked import MaybeInstant, MaybeNumber, MaybeText, as_entered
from hub.operations.actions import ActionFilter, list_actions

router = APIRouter(include_in_schema=False)
SHOWN = 50


@router.get("/audit")
async def show(
    visit: Seeing,
    operator: Annotated[MaybeText, Query()] = None,
    action: Annotated[MaybeText, Query()] = None,
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
        asked_since=as_entered(since),
        asked_until=as_entered(until),
        here_without_page=f"/audit?{urlencode(_query(wanted))}",
        state=await read_log_state(database),
        next_older_than=found[SHOWN - 1].action_id if len(found) > SHOWN else None,
    )


def _query(wanted: ActionFilter) -> dict[str, str]:
    found = {
        "operator": wanted.operator,
        "action": wanted.action,
        "since": as_entered(wanted.since),
        "until": as_entered(wanted.until),
    }
    return {name: value for name, value in found.items() if value}
