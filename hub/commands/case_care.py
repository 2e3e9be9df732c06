"""`truc deadletter assign`, `note`, `snooze`, `ticket`: who works on dead letters, and what they know."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who
from hub.errors import OperationRefused

if TYPE_CHECKING:
    from hub.operations.case_batch import Handled

Numbers = Annotated[
    list[int], typer.Argument(metavar="CASE...", help="Numbers of cases.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("assign")(assign)
    app.command("note")(note)
    app.command("snooze")(snooze)
    app.command("ticket")(ticket)


def assign(
    cases: Numbers,
    to: Annotated[str | None, typer.Option("--to", help="Who works on them; nobody where left out.")] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Give cases to somebody; what comes back after a replay is theirs, too.

    \b
    Example:
      truc deadletter assign 12 13 --to Minh
    """
    from hub.commands.case_acts import assign_cases

    handled = asyncio.run(assign_cases(home, settings, who(operator), cases, to))
    _report(handled, f"{to} has" if to else "nobody has", as_json=as_json)


def note(
    cases: Numbers,
    text: Annotated[str, typer.Option("--text", help="What is known.", show_default=False)],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Write something down about cases; it is read with every later case of the same deliveries.

    \b
    Example:
      truc deadletter note 12 --text "their disk is full, they call back"
    """
    from hub.commands.case_acts import note_cases

    handled = asyncio.run(note_cases(home, settings, who(operator), cases, text))
    _report(handled, "noted on", as_json=as_json)


def snooze(
    cases: Numbers,
    until: Annotated[
        datetime | None,
        typer.Option("--until", help="Till when (Vietnam time where no zone is given); left out, they wake."),
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Put cases off; until then groups count them apart and campaigns leave them out.

    \b
    Example:
      truc deadletter snooze 12 13 --until 2026-12-01
    """
    from hub.commands.case_acts import snooze_cases

    handled = asyncio.run(snooze_cases(home, settings, who(operator), cases, until))
    _report(handled, "put off" if until is not None else "awake", as_json=as_json)


def ticket(
    cases: Numbers,
    url: Annotated[
        str | None, typer.Option("--url", help="Address (https) of the ticket; none where left out.")
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Name where else cases are worked on.

    \b
    Example:
      truc deadletter ticket 12 --url https://helpdesk.example.gov.vn/4711
    """
    from hub.commands.case_acts import link_cases

    handled = asyncio.run(link_cases(home, settings, who(operator), cases, url))
    _report(handled, "linked" if url else "not linked any more", as_json=as_json)


def _report(handled: "Handled", verb: str, *, as_json: bool) -> None:
    if as_json:
        shown.emit(handled)
    else:
        shown.say(f"{verb}: {', '.join(map(str, handled.done)) or 'none'}")
    if handled.refused:
        unknown = ", ".join(str(each.case_id) for each in handled.refused)
        raise OperationRefused(
            f"there is no case {unknown}; `truc deadletter list` shows those that are open"
        )
