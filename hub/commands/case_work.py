"""`truc deadletter replay`, `reroute`, `discard`, `restore`: what becomes of dead letters."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.case_options import Cases, Cause, Every, Group, Mailbox, Owner, Reason, Sender, Since
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who
from hub.errors import OperationRefused

if TYPE_CHECKING:
    from hub.operations.case_batch import Handled

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say which would pass today, and why others would not.")
]
Canary = Annotated[
    bool | None,
    typer.Option("--canary/--no-canary", help="One first, then ten, then the rest; so does any campaign."),
]
Rate = Annotated[
    int | None, typer.Option("--rate", min=1, help="At most so many in a minute, to each mailbox.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Work it off here, and stay until it ends or stops.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("replay")(replay)
    app.command("reroute")(reroute)
    app.command("discard")(discard)
    app.command("restore")(restore)


def replay(
    cases: Cases = None,
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
    group: Group = None,
    owner: Owner = None,
    every: Every = False,
    reason: Reason = None,
    dry_run: DryRun = False,
    canary: Canary = None,
    rate: Rate = None,
    wait: Wait = False,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again: some, those that options describe, or --all.

    Each goes out under its own delivery id, so that a recipient that has handled it drops it. With
    --dry-run, --canary, --rate or --wait it is a campaign (`truc campaigns`), which the console works off.

    \b
    Examples:
      truc deadletter replay 12 13
      truc deadletter replay --group 5b0c2f6ad1e9f034 --dry-run
      truc deadletter replay --mailbox H14 --canary --wait --reason "their server is back"
    """
    from hub.backends.postgres.campaigning import CampaignTerms
    from hub.commands.campaign_acts import dry_run_of, start_campaign
    from hub.commands.campaigns import tell
    from hub.commands.case_acts import case_filter, replay_cases

    wanted = case_filter(
        case_ids=cases,
        mailbox=mailbox,
        cause=cause,
        sender=sender,
        since=since,
        group=group,
        owner=owner,
        is_all=every,
        must_narrow=True,
    )
    by = who(operator)
    terms = CampaignTerms(reason=reason, is_canary=canary is not False, rate_per_minute=rate)
    if dry_run:
        tell(asyncio.run(dry_run_of(home, settings, by, wanted, terms)), as_json=as_json)
    elif canary is not None or rate is not None or wait:
        told = None if as_json else shown.say
        tell(
            asyncio.run(start_campaign(home, settings, by, wanted, terms, waits=wait, told=told)),
            as_json=as_json,
        )
    else:
        _report(asyncio.run(replay_cases(home, settings, by, wanted, reason)), "replayed", as_json=as_json)


def reroute(
    to: Annotated[str, typer.Option("--to", help="The mailbox to send to instead.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")],
    cases: Annotated[list[int], typer.Argument(metavar="CASE...", help="Numbers of cases.")],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, to another mailbox that has a mandate above the recipient.

    The document stays as it was signed: an overlay that the hub signs says who changed the route, and why.

    \b
    Example:
      truc deadletter reroute 12 --to H14 --reason "H14 receives for H14.02 since Monday"
    """
    from hub.commands.case_acts import reroute_cases

    handled = asyncio.run(reroute_cases(home, settings, who(operator), cases, to, reason))
    _report(handled, "rerouted", as_json=as_json)


def discard(
    reason: Annotated[str, typer.Option("--reason", help="Why; the sender reads it in a signed receipt.")],
    cases: Cases = None,
    mailbox: Mailbox = None,
    cause: Cause = None,
    sender: Sender = None,
    since: Since = None,
    group: Group = None,
    owner: Owner = None,
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
        group=group,
        owner=owner,
        is_all=every,
        must_narrow=True,
    )
    handled = asyncio.run(discard_cases(home, settings, who(operator), wanted, reason))
    _report(handled, "discarded", as_json=as_json)


def restore(
    cases: Annotated[list[int], typer.Argument(metavar="CASE...", help="Numbers of cases.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Take a discard back: the case is open again, and nothing is sent before it is replayed.

    \b
    Example:
      truc deadletter restore 12 --reason "the sender needs it after all"
    """
    from hub.commands.case_acts import restore_cases

    handled = asyncio.run(restore_cases(home, settings, who(operator), cases, reason))
    _report(handled, "restored", as_json=as_json)


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
