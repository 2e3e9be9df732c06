"""`truc topology`: the broker as the registry wants it."""

import asyncio

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, SettingsFile

app = typer.Typer(
    help="Exchanges, queues, policies and users of the broker.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("apply")
def apply(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Make the broker as the registry wants it; nothing is ever deleted but rights.

    \b
    Example:
      truc topology apply
    """
    from hub.commands.topology_acts import apply_registry

    changes = asyncio.run(apply_registry(home, settings))
    if as_json:
        shown.emit(
            {"made": [str(each) for each in changes.made], "left": [str(each) for each in changes.left]}
        )
    else:
        for each in changes.made:
            shown.say(f"mended: {each}")
        for each in changes.left:
            shown.say(f"needs a person: {each}")
        shown.say(f"{len(changes.made)} mended, {len(changes.left)} left")
    raise typer.Exit(ExitCode.FAILED if changes.left else ExitCode.DONE)


@app.command("check")
def check(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """List where the broker differs; exit code 1 where it does.

    \b
    Example:
      truc topology check
    """
    from hub.commands.topology_acts import read_drift

    found = asyncio.run(read_drift(home, settings))
    if as_json:
        shown.emit([str(each) for each in found])
    else:
        for each in found:
            shown.say(str(each))
        shown.say(
            f"{len(found)} differences; `truc topology apply` mends them"
            if found
            else "the broker is as it should be"
        )
    raise typer.Exit(ExitCode.FAILED if found else ExitCode.DONE)
