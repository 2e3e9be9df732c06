"""`truc deadletter`: what could not be delivered, and what an operator does about it."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who
from hub.errors import OperationRefused

if TYPE_CHECKING:
    from hub.operations.case_batch import Handled

app = typer.Typer(
    help="Dead letters: list, show, replay, discard.", no_args_is_help=True, rich_markup_mode=None
)
Cases: TypeAlias = Annotated[
    list[int] | None, typer.Argument(metavar="[CASE]...", help="Numbers of cases.", show_default=False)
]
Mailbox: TypeAlias = Annotated[str | None, typer.Option("--mailbox", help="Only those for this mailbox.")]
Cause: TypeAlias = Annotated[
    str | None, typer.Option("--cause", help="Only those whose cause has these words.")
]
Sender: TypeAlias = Annotated[str | None, typer.Option("--sender", help="Only those from this agency.")]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option("--since", help="Only those opened since then (Vietnam time where no zone is given)."),
]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="All open cases.")]


@app.command("list")
def list_cases(
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
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

    wanted = case_filter(mailbox=mailbox, cause=cause, sender=sender, since=since, is_open=not closed)
    found = asyncio.run(find_cases(home, settings, wanted, limit=limit))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.case_id, each.opened_at, each.mailbox or each.queue, each.sender, each.recipient,
         each.document_code or each.kind, each.attempt, each.cause, each.outcome)
        for each in found
    ]  # fmt: skip
    columns = ("case", "opened", "mailbox", "from", "to", "document", "attempts", "cause", "outcome")
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
        return
    of = found.case
    shown.pairs(
        f"case {of.case_id}: {of.cause}",
        {
            "opened": of.opened_at,
            "outcome": of.outcome,
            "closed": of.closed_at,
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
    rows = [(each.attempt, each.episode, each.at, each.outcome, each.note) for each in found.attempts]
    shown.table("", ("attempt", "episode", "at", "outcome", "note"), rows, nothing="nothing was tried")


@app.command("replay")
def replay(
    cases: Cases = None,
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
    every: Every = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; it stands in the evidence.")] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again: some, those that options describe, or --all.

    Each goes out under its own delivery id, so that a recipient that has handled it drops it.

    \b
    Examples:
      truc deadletter replay 12 13
      truc deadletter replay --mailbox H14 --reason "their server is back"
    """
    from hub.commands.case_acts import case_filter, replay_cases

    wanted = case_filter(
        case_ids=cases,
        mailbox=mailbox,
        cause=cause,
        sender=sender,
        since=since,
        is_all=every,
        must_narrow=True,
    )
    _report(
        asyncio.run(replay_cases(home, settings, who(operator), wanted, reason)), "replayed", as_json=as_json
    )


@app.command("discard")
def discard(
    reason: Annotated[str, typer.Option("--reason", help="Why; the sender reads it in a signed receipt.")],
    cases: Cases = None,
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
    every: Every = False,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up for good; each sender gets a signed failure with the reason.

    \b
    Example:
      truc deadletter discard 12 --reason "sent by mistake, the sender agrees"
    """
    from hub.commands.case_acts import case_filter, discard_cases

    wanted = case_filter(
        case_ids=cases,
        mailbox=mailbox,
        cause=cause,
        sender=sender,
        since=since,
        is_all=every,
        must_narrow=True,
    )
    _report(
        asyncio.run(discard_cases(home, settings, who(operator), wanted, reason)),
        "discarded",
        as_json=as_json,
    )


def _report(handled: "Handled", verb: str, *, as_json: bool) -> None:
    if as_json:
        shown.emit(handled)
    elif not handled.done and not handled.refused:
        shown.say("no such dead letter waits")
    else:
        shown.say(f"{verb}: {len(handled.done)}" + (f" ({_numbers(handled.done)})" if handled.done else ""))
    if not handled.refused:
        return
    if as_json:
        raise typer.Exit(ExitCode.FAILED)
    told = "\n".join(f"  case {each.case_id}: {each.reason}" for each in handled.refused[:20])
    raise OperationRefused(f"left as they are: {len(handled.refused)}\n{told}")


def _numbers(cases: tuple[int, ...]) -> str:
    shown_ones = ", ".join(str(each) for each in cases[:10])
    return shown_ones + (", …" if len(cases) > 10 else "")  # noqa: PLR2004 - as many as fit into a line
