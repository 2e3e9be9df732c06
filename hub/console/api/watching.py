"""How the axis is: now, who is connected, who is late, what alerts told."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field, PlainSerializer

from hub.console.access import Seeing, Visit, Working, unlimited
from hub.console.api.shapes import Resource
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import MaybeText, PageSize
from hub.message.alert import AlertKind
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import DeliveryId
from hub.message.lateness import Lateness
from hub.operations.alerts import AlertDesk
from hub.operations.connected import connected
from hub.operations.lateness import LateDesk
from hub.operations.overview import look

router = APIRouter(prefix=PREFIX, tags=["watching"], responses=PROBLEMS)
OF_NO_AGENCY: Final = [Depends(unlimited)]
Seconds: TypeAlias = Annotated[timedelta, PlainSerializer(timedelta.total_seconds, return_type=float)]
"""A number: a `duration` of JSON Schema (RFC 3339) has no fractions of seconds, ours have."""


class Minute(Resource):
    """What happened to documents in one minute."""

    at: datetime
    arrived: int
    refused: int
    consigned: int


class Failing(Resource):
    """A mailbox that gets nothing, or little, at present."""

    mailbox: str
    agency: str
    breaker: str
    failures: int
    failing_since: datetime | None
    parked_since: datetime | None
    parked_until: datetime | None
    parked_because: str | None
    waiting: int


class Now(Resource):
    """One look at the axis."""

    at: datetime
    minutes: Sequence[Minute] = Field(description="The last hour, the oldest minute first.")
    waiting: int
    failing: Sequence[Failing]
    open_cases: int
    invalid_messages: int
    unsealed_for: Seconds = Field(description="Age in seconds of the oldest event that is not sealed yet.")


class Depth(Resource):
    """What the broker counts in one queue; null where it does not say."""

    ready: int | None
    unsettled: int | None
    consumers: int | None


class Mailbox(Resource):
    """A connected mailbox, and how it is."""

    mailbox: str
    agency: str
    name: str
    kind: str
    connected_at: datetime
    closed_at: datetime | None
    breaker: str
    failing_since: datetime | None
    parked_until: datetime | None
    parked_because: str | None
    seen_at: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    mandates: Sequence[str]
    certified_until: datetime | None
    queue: Depth | None = None


class Late(Resource):
    """One document that is late at one recipient."""

    delivery_id: UUID
    message_id: UUID
    lateness: Lateness
    mailbox: str
    sender: str
    recipient: str
    state: DeliveryState
    document_id: str | None
    document_code: str | None
    subject: str | None
    due_on: date | None
    created_at: datetime
    consigned_at: datetime | None
    acknowledged_at: datetime | None


class LateCount(Resource):
    """How many deliveries are late at one recipient, by reason."""

    recipient: str
    name: str | None
    deliveries: int
    by_reason: dict[Lateness, int]
    oldest: datetime


class Alert(Resource):
    """An incident, and what was told of it where."""

    alert_id: int
    kind: AlertKind
    subject: str
    opened_at: datetime
    closed_at: datetime | None
    detail: dict[str, object]
    notices: Sequence[dict[str, object]]


class Tried(Resource):
    """The test of the channels that was begun: it is told as alerts are."""

    alert_id: int


@router.get("/now", dependencies=OF_NO_AGENCY)
async def show_now(visit: Seeing) -> Now:
    """Return how the axis is at this moment."""
    return Now.model_validate(await look(visit.console.database, visit.console.clock))


@router.get("/agencies")
async def list_agencies(visit: Seeing) -> list[Mailbox]:
    """Return the connected mailboxes with their queues, those that fail first."""
    found = await connected(visit.console.database, visit.console.management)
    seen = [each for each in found.mailboxes if visit.account.sees(each.agency, *each.mandates)]
    depths = {name: Depth.model_validate(depth) for name, depth in found.depths.items() if depth is not None}
    return [
        Mailbox.model_validate(each).model_copy(update={"queue": depths.get(each.mailbox)}) for each in seen
    ]


@router.get("/late")
async def find_late(
    visit: Seeing,
    recipient: Annotated[MaybeText, Query()] = None,
    lateness: Lateness | None = None,
    behind: UUID | None = None,
    limit: PageSize = 50,
) -> list[Late]:
    """Return late documents, the oldest first; `behind` the last delivery of a page is the next one."""
    desk = _late(visit)
    wanted = desk.filter(recipient=recipient, lateness=lateness, visible_to=visit.account.visible_to)
    last = DeliveryId(behind) if behind is not None else None
    return [Late.model_validate(each) for each in await desk.find(wanted, behind=last, limit=limit)]


@router.get("/late/agencies")
async def count_late(visit: Seeing) -> list[LateCount]:
    """Return the recipients where something is late, the worst first."""
    return [
        LateCount(
            recipient=each.recipient,
            name=each.name,
            deliveries=each.deliveries,
            by_reason={reason: count.deliveries for reason, count in each.counts.items()},
            oldest=min(count.oldest for count in each.counts.values()),
        )
        for each in await _late(visit).agencies(visit.account.visible_to)
    ]


@router.get("/alerts", dependencies=OF_NO_AGENCY)
async def list_alerts(visit: Seeing, *, is_open: bool = True, limit: PageSize = 50) -> list[Alert]:
    """Return alerts, the newest first."""
    found = await _alerts(visit).alerts(is_open=is_open, limit=limit)
    return [Alert.model_validate(each) for each in found]


@router.post("/alerts/test", dependencies=OF_NO_AGENCY, status_code=202)
async def try_alerts(visit: Working) -> Tried:
    """Have a hub process tell a test on every channel; its alert shows what came of it."""
    return Tried(alert_id=await _alerts(visit).test(visit.console.alert_channels))


def _late(visit: Visit) -> LateDesk:
    return LateDesk(visit.console.database, visit.console.clock)


def _alerts(visit: Visit) -> AlertDesk:
    return AlertDesk(visit.console.database, operator=visit.account.login, clock=visit.console.clock)
