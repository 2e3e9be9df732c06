"""`truc campaigns`: many dead letters at once, decided by people and worked off step by step."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

if TYPE_CHECKING:
    from hub.backends.postgres.campaigning import Campaign
    from hub.operations.campaigns import CampaignFile

app = typer.Typer(
    help="Campaigns over dead letters: list, show, start, confirm, pause, resume, cancel.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Number = Annotated[int, typer.Argument(metavar="CAMPAIGN", help="Number of it.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help="Work it off here, and stay until it ends or stops.")]


@app.command("list")
def list_campaigns(
    is_open: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first.

    \b
    Example:
      truc campaigns list --open
    """
    from hub.commands.campaign_acts import find_campaigns

    found = asyncio.run(find_campaigns(home, settings, is_open=is_open, limit=limit))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.campaign_id, each.kind, each.state, each.items, each.would_pass, each.sent, each.done,
         each.refused, each.failed_again, each.asked_by, each.confirmed_by, each.created_at, each.ended_at)
        for each in found
    ]  # fmt: skip
    columns = ("campaign", "kind", "state", "cases", "would pass", "sent", "done", "left", "failed again",
               "asked by", "confirmed by", "since", "ended")  # fmt: skip
    shown.table("", columns, rows, nothing="there is no campaign")


@app.command("show")
def show(campaign: Number, home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show how far a campaign has got, and why some cases would not pass or failed again.

    \b
    Example:
      truc campaigns show 3
    """
    from hub.commands.campaign_acts import show_campaign

    tell(asyncio.run(show_campaign(home, settings, campaign)), as_json=as_json)


@app.command("start")
def start(
    campaign: Number,
    wait: Wait = False,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Let a judged campaign go on; above a number of cases (second_person_above) somebody else confirms it.

    \b
    Example:
      truc campaigns start 3 --wait
    """
    _decide("start", campaign, home, settings, operator, waits=wait, as_json=as_json)


@app.command("confirm")
def confirm(
    campaign: Number,
    wait: Wait = False,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Agree, as the second person, to a campaign that somebody else asked for and started.

    \b
    Example:
      truc campaigns confirm 3 --operator Hoa
    """
    _decide("confirm", campaign, home, settings, operator, waits=wait, as_json=as_json)


@app.command("pause")
def pause(
    campaign: Number,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Let nothing more go out, for the time being.

    \b
    Example:
      truc campaigns pause 3
    """
    _decide("pause", campaign, home, settings, operator, waits=False, as_json=as_json)


@app.command("resume")
def resume(
    campaign: Number,
    wait: Wait = False,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Go on where a campaign was paused or stopped; what failed again gets another try.

    \b
    Example:
      truc campaigns resume 3 --wait
    """
    _decide("resume", campaign, home, settings, operator, waits=wait, as_json=as_json)


@app.command("cancel")
def cancel(
    campaign: Number,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """End a campaign; what has not gone out stays as it is.

    \b
    Example:
      truc campaigns cancel 3
    """
    _decide("cancel", campaign, home, settings, operator, waits=False, as_json=as_json)


def _decide(
    act: str,
    campaign: int,
    home: Home,
    settings: SettingsFile,
    operator: Operator,
    *,
    waits: bool,
    as_json: bool,
) -> None:
    from hub.commands.campaign_acts import decide

    told = None if as_json else shown.say
    found = asyncio.run(decide(home, settings, who(operator), campaign, act, waits=waits, told=told))
    tell(found, as_json=as_json)


def tell(found: "CampaignFile", *, as_json: bool) -> None:
    """Write a campaign for a person or a program."""
    if as_json:
        shown.emit(found)
        return
    of = found.campaign
    shown.pairs(
        f"campaign {of.campaign_id}: {of.kind.value}, {of.state.value}",
        {
            "cases": of.items,
            "would pass": f"{of.would_pass} yes, {of.judged - of.would_pass} no"
            + (f", {of.items - of.judged} not judged yet" if of.judged < of.items else ""),
            "gone out": of.sent or None,
            "done": of.done or None,
            "failed again": of.failed_again or None,
            "to the mailbox": of.new_mailbox,
            "a minute": of.rate_per_minute,
            "reason": of.reason,
            "asked by": of.asked_by,
            "started by": of.started_by,
            "confirmed by": of.confirmed_by,
            "stopped because": of.stopped_because,
            "next": _next(of),
        },
    )
    if found.reasons:
        rows = [(each.count, each.state, each.why, each.example) for each in found.reasons]
        shown.table("", ("cases", "", "why", "for example"), rows)


def _next(of: "Campaign") -> str | None:
    """Say what somebody has to do for it to go on."""
    return {
        "ready": f"truc campaigns start {of.campaign_id}",
        "awaiting_second": f"truc campaigns confirm {of.campaign_id}, by somebody else than {of.asked_by}",
        "paused": f"truc campaigns resume {of.campaign_id}",
        "stopped": f"truc campaigns resume {of.campaign_id}, once the cause is mended",
    }.get(of.state.value)
