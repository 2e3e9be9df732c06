"""Dead letters: root causes, their cases, one case, and what is done about them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from pydantic import BeforeValidator

from hub.backends.postgres.caseload import GroupFilter
from hub.backends.postgres.desk import CaseFilter
from hub.console.access import Deciding, Seeing, Visit, Working, local_path
from hub.console.asked import MaybeInstant, MaybeNumber, MaybeText, Number, Text, or_nothing
from hub.console.words import ACTS, moment_lines
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode, MailboxName, agency_key
from hub.operations.case_batch import Handled
from hub.operations.cases import CaseDesk

router = APIRouter(include_in_schema=False)
PAGE: Final = "/deadletters"
CASES: Final = f"{PAGE}/cases"
SHOWN: Final = 100
Cases = Annotated[list[Number], Form(alias="case", max_length=5000)]
Reason = Annotated[Text, Form(max_length=2000)]
Filter = Annotated[MaybeText, Query()]
MaybeForm = Annotated[MaybeText, Form()]
Back = Annotated[str, Form(alias="next", max_length=2000)]


class Put(StrEnum):
    """Whether cases are put off."""

    OFF = "off"
    NOT_OFF = "not_off"


@router.get(PAGE)
async def show_groups(visit: Seeing, mailbox: Filter = None, owner: Filter = None) -> Response:
    """Show the root causes of what could not be delivered, the most frequent first."""
    wanted = GroupFilter(mailbox=MailboxName(mailbox) if mailbox else None, owner=owner)
    groups = await visit.console.cases(visit.account).groups(wanted)
    return visit.page("deadletters.html", groups=groups, wanted=wanted)


@router.get(CASES)
async def show_cases(
    visit: Seeing,
    group: Filter = None,
    mailbox: Filter = None,
    sender: Filter = None,
    owner: Filter = None,
    cause: Filter = None,
    put: Annotated[Put | None, BeforeValidator(or_nothing)] = None,
    after: MaybeNumber = None,
) -> Response:
    """List open cases, the oldest first."""
    wanted = CaseFilter(
        group=group,
        mailbox=MailboxName(mailbox) if mailbox else None,
        sender=agency_key(AgencyCode(sender)) if sender else None,
        owner=owner,
        cause=cause,
        is_snoozed=None if put is None else put is Put.OFF,
    )
    found = await visit.console.cases(visit.account).find(wanted, limit=SHOWN + 1, after=after or 0)
    asked = {"group": group, "mailbox": mailbox, "sender": sender, "owner": owner, "cause": cause, "put": put}
    query = urlencode({name: value for name, value in asked.items() if value})
    return visit.page(
        "cases.html",
        cases=found[:SHOWN],
        asked=asked,
        query=query,
        next_after=found[SHOWN - 1].case_id if len(found) > SHOWN else None,
        at_most=visit.console.at_most,
    )


@router.get(f"{CASES}/{{case_id}}")
async def show_case(
    visit: Seeing, case_id: Number, *, every: Annotated[bool, Query(alias="all")] = False
) -> Response:
    """Show one case with all that is known about it."""
    found = await visit.console.cases(visit.account).show(case_id)
    lines = moment_lines(found.timeline, visit.say, every=every)
    return visit.page("case.html", file=found, case=found.case, lines=lines, every=every)


@router.post(f"{PAGE}/replay")
async def replay(visit: Working, cases: Cases, back: Back = PAGE, reason: MaybeForm = None) -> Response:
    """Send cases again."""
    return _told(visit, "replay", await _desk(visit).replay(cases, reason=reason), back)


@router.post(f"{PAGE}/reroute")
async def reroute(
    visit: Deciding,
    cases: Cases,
    mailbox: Reason,
    reason: Reason,
    back: Back = PAGE,
) -> Response:
    """Send cases again, to another mailbox."""
    detour = await visit.console.detour(MailboxName(mailbox))
    return _told(visit, "reroute", await _desk(visit).reroute(cases, detour, reason=reason), back)


@router.post(f"{PAGE}/discard")
async def discard(visit: Deciding, cases: Cases, reason: Reason, back: Back = PAGE) -> Response:
    """Give cases up; their senders are told, with a signature."""
    done = await _desk(visit).discard(cases, reason=reason, attest=visit.console.attest)
    return _told(visit, "discard", done, back)


@router.post(f"{PAGE}/restore")
async def restore(visit: Deciding, cases: Cases, reason: Reason, back: Back = PAGE) -> Response:
    """Take a discard back."""
    return _told(visit, "restore", await _desk(visit).restore(cases, reason=reason), back)


@router.post(f"{PAGE}/assign")
async def assign(visit: Working, cases: Cases, back: Back = PAGE, owner: MaybeForm = None) -> Response:
    """Give cases to somebody, or to nobody."""
    return _told(visit, "assign", await _desk(visit).assign(cases, owner), back)


@router.post(f"{PAGE}/snooze")
async def snooze(
    visit: Working,
    cases: Cases,
    back: Back = PAGE,
    until: Annotated[MaybeInstant, Form()] = None,
) -> Response:
    """Put cases off, or wake them."""
    wanted: datetime | None = until
    return _told(visit, "snooze", await _desk(visit).snooze(cases, wanted), back)


@router.post(f"{PAGE}/ticket")
async def link(visit: Working, cases: Cases, back: Back = PAGE, ticket: MaybeForm = None) -> Response:
    """Name the page where else cases are worked on."""
    return _told(visit, "ticket", await _desk(visit).link(cases, ticket), back)


@router.post(f"{PAGE}/note")
async def note(visit: Working, cases: Cases, text: Reason, back: Back = PAGE) -> Response:
    """Write something down."""
    return _told(visit, "note", await _desk(visit).note(cases, text), back)


def _desk(visit: Visit) -> CaseDesk:
    return visit.console.cases(visit.account)


def _told(visit: Visit, act: str, handled: Handled, wanted: str) -> Response:
    """Go back where the act came from; where cases were refused, say first which and why."""
    path = local_path(wanted)
    if handled.refused:
        status = 200 if handled.done else 409
        return visit.page("handled.html", status=status, handled=handled, what=ACTS[act], back=path)
    if not handled.done:
        raise OperationRefused("no case was chosen")
    return visit.redirect(_with_told(path, act, handled.done))


def _with_told(path: str, act: str, done: Sequence[int]) -> str:
    told = urlencode({"told": act, "count": len(done)})
    return f"{path}{'&' if '?' in path else '?'}{told}"
