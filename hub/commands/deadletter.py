"""`truc deadletter`: what could not be delivered, and what an operator does about it."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import case_care, case_work, shown
from hub.commands.case_options import Cause, Group, Mailbox, Owner, Sender, Since
from hub.commands.options import AsJson, Home, SettingsFile

if TYPE_CHECKING:
    from hub.operations.cases import CaseFile

app = typer.Typer(
    help="Dead letters: groups, list, show, replay, reroute, discard, restore, assign, note, snooze, ticket.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
case_work.add_to(app)
case_care.add_to(app)


@app.command("groups")
def groups(
    mailbox: Mailbox = None,
    sender: Sender = None,
    owner: Owner = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the root causes of the open cases, the most frequent first.

    \b
    Example:
      truc deadletter groups --mailbox H14
    """
    from hub.commands.case_acts import find_groups

    found = asyncio.run(find_groups(home, settings, mailbox=mailbox, sender=sender, owner=owner))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.group_key, each.open, each.snoozed or None, each.cause_code, each.cause_rule, each.mailbox,
         each.signed_by, each.recipients, each.times_back or None, each.oldest_at, each.newest_at,
         each.told)
        for each in found
    ]  # fmt: skip
    columns = ("group", "open", "put off", "cause", "rule", "mailbox", "signed by", "recipients", "came back",
               "oldest", "newest", "recipient says")  # fmt: skip
    shown.table("", columns, rows, nothing="no dead letter waits")


@app.command("list")
def list_cases(
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
    group: Group = None,
    owner: Owner = None,
    after: Annotated[int, typer.Option("--after", help="Only those behind this number: the next page.")] = 0,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first.

    \b
    Example:
      truc deadletter list --mailbox H14 --since 2026-01-15
    """
    from hub.commands.case_acts import case_filter, find_cases

    wanted = case_filter(
        mailbox=mailbox,
        cause=cause,
        sender=sender,
        since=since,
        group=group,
        owner=owner,
        is_open=not closed,
    )
    found = asyncio.run(find_cases(home, settings, wanted, limit=limit, after=after))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.case_id, each.opened_at, each.mailbox or each.queue, each.sender, each.recipient,
         each.document_code or each.kind, each.attempt, each.cause, each.group_key,
         each.owner, each.snoozed_until, each.outcome, each.told)
        for each in found
    ]  # fmt: skip
    columns = ("case", "opened", "mailbox", "from", "to", "document", "attempts", "cause", "group",
               "owner", "put off until", "outcome", "recipient says")  # fmt: skip
    shown.table(
        "",
        columns,
        rows,
        nothing="no such dead letter is known"
        if closed
        else "no such dead letter waits; --closed shows those that are done",
    )


@app.command("show")
def show(
    case: Annotated[int, typer.Argument(help="Number of the case.", show_default=False)],
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with every attempt.

    \b
    Example:
      truc deadletter show 12
    """
    from hub.commands.case_acts import show_case

    found = asyncio.run(show_case(home, settings, case))
    if as_json:
        shown.emit(found)
    else:
        _tell(found)


def _tell(found: "CaseFile") -> None:
    of = found.case
    shown.pairs(
        f"case {of.case_id}: {of.cause}",
        {
            "opened": of.opened_at,
            "recipient says": of.told,
            "came back": f"{of.times_back} times before" if of.times_back else None,
            "outcome": of.outcome,
            "closed": of.closed_at,
            "owner": of.owner,
            "put off until": of.snoozed_until,
            "ticket": of.ticket,
            "group": of.group_key,
            "document": of.document_id,
            "number": of.document_code,
            "subject": of.subject,
            "from": of.sender,
            "to": of.recipient,
            "mailbox": of.mailbox or of.queue,
            "state": of.state,
            "delivery": of.delivery_id,
            "message": of.message_id,
        },
    )
    rows = [
        (each.attempt, each.episode, each.at, each.outcome, each.told or each.note) for each in found.attempts
    ]
    shown.table("", ("attempt", "episode", "at", "outcome", "note"), rows, nothing="nothing was tried")
    if found.notes:
        notes = [(each.at, each.operator, each.text) for each in found.notes]
        shown.table("", ("noted", "by", ""), notes)
