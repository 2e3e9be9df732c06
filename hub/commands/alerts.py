"""`truc alerts`: what somebody has to hear of, and whether it arrives."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

if TYPE_CHECKING:
    from hub.backends.postgres.alerting import KnownAlert

app = typer.Typer(
    help="Alerts: list them, try whether they arrive.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List the incidents that are going on, newest first.

    \b
    Example:
      truc alerts list --all
    """
    from hub.commands.alert_acts import list_alerts

    found = asyncio.run(list_alerts(home, settings, is_open=not every, limit=limit))
    if as_json:
        shown.emit(found)
        return
    columns = ("id", "kind", "subject", "since", "until", "detail", "told")
    shown.table(
        "",
        columns,
        [
            (each.alert_id, each.kind.value, each.subject, each.opened_at, each.closed_at,
             ", ".join(f"{name} {value}" for name, value in each.detail.items()), _told(each))
            for each in found
        ],
        nothing="nothing is wrong that alerts look for",
    )  # fmt: skip


@app.command("test")
def try_out(
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Try every channel that the settings name; exit code 1 where one did not take it.

    A running hub process sends it, as it sends alerts.

    \b
    Example:
      truc alerts test
    """
    from hub.commands.alert_acts import try_channels

    found = asyncio.run(try_channels(home, settings, who(operator)))
    is_sent = all(each["sent_at"] for each in found.notices)
    if as_json:
        shown.emit({"sent": is_sent, "alert": found})
    else:
        rows = [
            (each["channel"], each["sent_at"] or "not sent", each["last_error"]) for each in found.notices
        ]
        shown.table("", ("channel", "sent", "what went wrong"), rows)
        if not is_sent and not any(each["attempts"] for each in found.notices):
            shown.say("no hub process has taken it: `truc run` (or `truc serve`) starts one")
    raise typer.Exit(ExitCode.DONE if is_sent else ExitCode.FAILED)


def _told(alert: "KnownAlert") -> str:
    return ", ".join(
        f"{each['channel']} {each['moment']}: {'sent' if each['sent_at'] else each['last_error'] or 'waits'}"
        for each in alert.notices
    )
