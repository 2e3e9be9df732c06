"""Dead letters: root causes, cases, and what is done about them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from hub.backends.postgres.caseload import GroupFilter
from hub.backends.postgres.desk import CaseFilter
from hub.console.access import Deciding, Seeing, Visit, Working
from hub.console.api.shapes import Cases, CasesWithReason, Hex, Moment, Resource
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import LARGEST_NUMBER, Instant, MaybeText, Number, PageSize, Text
from hub.message.identifiers import MailboxName, agency_key
from hub.operations.case_batch import Handled as HandledCases
from hub.operations.cases import CaseDesk

router = APIRouter(prefix=f"{PREFIX}/deadletters", tags=["dead letters"], responses=PROBLEMS)
Filter = Annotated[MaybeText, Query()]


class Group(Resource):
    """Open cases with one root cause."""

    group_key: str
    cause_code: str
    cause_rule: str | None
    mailbox: str | None
    certificate: Hex | None
    signed_by: str | None
    cause: str
    open: int
    snoozed: int
    oldest_at: datetime
    newest_at: datetime
    recipients: int
    times_back: int
    told: str | None


class Case(Resource):
    """A dead letter as operators work on it."""

    case_id: int
    group_key: str
    cause_code: str
    cause_rule: str | None
    cause: str
    opened_at: datetime
    outcome: str | None
    closed_at: datetime | None
    mailbox: str | None
    delivery_id: UUID | None
    message_id: UUID | None
    sender: str | None
    recipient: str | None
    document_id: str | None
    document_code: str | None
    subject: str | None
    state: str | None
    attempt: int | None
    owner: str | None
    snoozed_until: datetime | None
    ticket: str | None
    times_back: int
    told: str | None


class Note(Resource):
    """What an operator wrote down."""

    note_id: int
    case_id: int
    at: datetime
    operator: str
    text: str


class CaseFile(Resource):
    """A case with all that is known about its delivery."""

    case: Case
    notes: list[Note]
    timeline: list[Moment]


class Refusal(Resource):
    """A case that was left as it is, and why."""

    case_id: int
    reason: str


class Handled(Resource):
    """What became of the cases that were meant."""

    done: list[int]
    refused: list[Refusal]


class Replay(Cases):
    """Which cases go out again."""

    reason: Annotated[Text, Field(max_length=2000)] | None = None


class Reroute(CasesWithReason):
    """Which cases go out again, and to which mailbox."""

    mailbox: Annotated[Text, Field(min_length=1, max_length=64)]


class Assignment(Cases):
    """Whose the cases are; null for nobody."""

    owner: Annotated[Text, Field(max_length=128)] | None


class Snooze(Cases):
    """Until when the cases are put off; null to wake them."""

    until: Instant | None


class Ticket(Cases):
    """Where else the cases are worked on (https); null for nowhere."""

    ticket: Annotated[Text, Field(max_length=2000)] | None


class NewNote(Cases):
    """What is to be written down."""

    text: Annotated[Text, Field(min_length=1, max_length=10_000)]


@router.get("/groups")
async def show_groups(visit: Seeing, mailbox: Filter = None, owner: Filter = None) -> list[Group]:
    """Return the root causes of open cases, the most frequent first."""
    wanted = GroupFilter(mailbox=MailboxName(mailbox) if mailbox else None, owner=owner)
    return [Group.model_validate(each) for each in await _desk(visit).groups(wanted)]


@router.get("")
async def find(
    visit: Seeing,
    group: Filter = None,
    mailbox: Filter = None,
    sender: Filter = None,
    owner: Filter = None,
    cause: Filter = None,
    since: Instant | None = None,
    is_snoozed: bool | None = None,
    is_open: bool = True,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER)] = 0,
    limit: PageSize = 50,
) -> list[Case]:
    """Return cases, the oldest first; ask with `after` for those behind the last one."""
    wanted = CaseFilter(
        group=group,
        mailbox=MailboxName(mailbox) if mailbox else None,
        sender=agency_key(sender) if sender else None,
        owner=owner,
        cause=cause,
        since=since,
        is_snoozed=is_snoozed,
        is_open=is_open,
    )
    found = await _desk(visit).find(wanted, limit=limit, after=after)
    return [Case.model_validate(each) for each in found]


@router.get("/{case_id:int}")
async def show(visit: Seeing, case_id: Number) -> CaseFile:
    """Return one case with its notes and the life of its delivery."""
    return CaseFile.model_validate(await _desk(visit).show(case_id))


@router.post("/replay")
async def replay(visit: Working, order: Replay) -> Handled:
    """Send cases again, each once, under its own delivery id."""
    return _told(await _desk(visit).replay(order.cases, reason=order.reason))


@router.post("/reroute")
async def reroute(visit: Deciding, order: Reroute) -> Handled:
    """Send cases again to another mailbox, by a signed overlay."""
    detour = await visit.console.detour(MailboxName(order.mailbox))
    return _told(await _desk(visit).reroute(order.cases, detour, reason=order.reason))


@router.post("/discard")
async def discard(visit: Deciding, order: CasesWithReason) -> Handled:
    """Give cases up; each sender gets a signed failure."""
    return _told(await _desk(visit).discard(order.cases, reason=order.reason, attest=visit.console.attest))


@router.post("/restore")
async def restore(visit: Deciding, order: CasesWithReason) -> Handled:
    """Take discards back."""
    return _told(await _desk(visit).restore(order.cases, reason=order.reason))


@router.post("/assign")
async def assign(visit: Working, order: Assignment) -> Handled:
    """Give cases to somebody, or to nobody."""
    return _told(await _desk(visit).assign(order.cases, order.owner))


@router.post("/snooze")
async def snooze(visit: Working, order: Snooze) -> Handled:
    """Put cases off, or wake them."""
    return _told(await _desk(visit).snooze(order.cases, order.until))


@router.post("/ticket")
async def link(visit: Working, order: Ticket) -> Handled:
    """Name the page where else cases are worked on."""
    return _told(await _desk(visit).link(order.cases, order.ticket))


@router.post("/note")
async def note(visit: Working, order: NewNote) -> Handled:
    """Write something down about cases."""
    return _told(await _desk(visit).note(order.cases, order.text))


def _desk(visit: Visit) -> CaseDesk:
    return visit.console.cases(visit.account)


def _told(handled: HandledCases) -> Handled:
    return Handled.model_validate(handled)
