"""What belongs to no agency: invalid messages, what operators did, the sealed log, settings."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Field

from hub.backends.postgres.audit_log import read_log_state
from hub.console.access import Seeing, unlimited
from hub.console.api.shapes import FILE, Hex, Resource, file
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import Instant, MaybeText, Number, PageSize
from hub.operations import invalid
from hub.operations.actions import ActionFilter, list_actions

router = APIRouter(prefix=PREFIX, tags=["records"], responses=PROBLEMS, dependencies=[Depends(unlimited)])


class Invalid(Resource):
    """A message that nobody vouches for."""

    invalid_id: int
    queue: str
    digest: Hex
    octets: int
    claimed_by: str | None
    reason: str
    arrived_at: datetime
    times: int


class InvalidWithPreview(Invalid):
    """The same with its beginning."""

    preview: str = Field(description="At most 4 kB of it as text; what acts on terminals is made visible.")


class Action(Resource):
    """One act of an operator."""

    action_id: int
    at: datetime
    operator: str
    action: str
    case_id: int | None
    reason: str | None
    detail: dict[str, object] | None


class LogState(Resource):
    """How far the log of events is sealed."""

    sealed: int
    event_id: int = Field(description="The last that is sealed; 0 where none is.")
    link: Hex | None = Field(
        description="Head of the chain: kept elsewhere, it shows what was altered since."
    )
    lag_seconds: float


class Setting(Resource):
    """One setting in force; of a secret only whether it is set."""

    name: str
    value: str | None
    is_set: bool
    is_default: bool
    meaning: str


@router.get("/invalid")
async def find_invalid(
    visit: Seeing,
    reason: Annotated[MaybeText, Query()] = None,
    older_than: Number | None = None,
    limit: PageSize = 50,
) -> list[Invalid]:
    """Return invalid messages, the newest first."""
    database = visit.console.database
    found = await invalid.list_messages(database, reason=reason, older_than=older_than, limit=limit)
    return [Invalid.model_validate(each) for each in found]


@router.get("/invalid/{invalid_id}")
async def show_invalid(visit: Seeing, invalid_id: Number) -> InvalidWithPreview:
    """Return one invalid message with its beginning."""
    return InvalidWithPreview.model_validate(await invalid.show(visit.console.database, invalid_id))


@router.get("/invalid/{invalid_id}/bytes", response_class=Response, responses=FILE)
async def take_invalid(visit: Seeing, invalid_id: Number) -> Response:
    """Return its octets as they came."""
    octets = await invalid.exact_bytes(visit.console.database, invalid_id)
    return file(octets, f"invalid-{invalid_id}.bin")


@router.get("/audit/actions")
async def find_actions(
    visit: Seeing,
    operator: Annotated[MaybeText, Query()] = None,
    action: Annotated[MaybeText, Query(description="How the act's name begins.")] = None,
    since: Instant | None = None,
    until: Instant | None = None,
    older_than: Number | None = None,
    limit: PageSize = 50,
) -> list[Action]:
    """Return what operators did, the newest first."""
    wanted = ActionFilter(operator=operator, action=action, since=since, until=until)
    found = await list_actions(visit.console.database, wanted, older_than=older_than, limit=limit)
    return [Action.model_validate(each) for each in found]


@router.get("/audit/log")
async def show_log(visit: Seeing) -> LogState:
    """Return how far the log is sealed, and its head."""
    return LogState.model_validate(await read_log_state(visit.console.database))


@router.get("/settings")
async def show_settings(visit: Seeing) -> list[Setting]:
    """Return the settings of the console's process."""
    return [Setting.model_validate(each) for each in visit.console.settings]
