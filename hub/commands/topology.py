"""`truc topology`: the broker as the registry wants it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, SettingsFile

if TYPE_CHECKING:
    from hub.backends.rabbitmq.drift import Drift

MANY: Final = 200
"""Above this people are told of kinds instead of single things, and how far it has got."""

app = typer.Typer(
    help="Exchanges, queues, policies and users of the broker.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("apply")
def apply(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Make the broker as the registry wants it; no queue, exchange or user is ever deleted.

    It may be broken off and called again: it goes on with what is missing.

    \b
    Example:
      truc topology apply
    """
    from hub.commands.topology_acts import apply_registry

    changes = asyncio.run(apply_registry(home, settings, _progress))
    if as_json:
        shown.emit(
            {"made": [str(each) for each in changes.made], "left": [str(each) for each in changes.left]}
        )
    else:
        _say_made(changes.made)
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


def _progress(mended: int, of: int) -> None:
    if of > MANY:
        typer.echo(f"đã sửa / mended: {mended:,} / {of:,}", err=True)


def _say_made(made: Sequence["Drift"]) -> None:
    if len(made) <= MANY:
        for each in made:
            shown.say(f"mended: {each}")
        return
    for (kind, finding), count in Counter((each.thing.kind, each.finding) for each in made).items():
        shown.say(f"mended: {count:,} × {kind} {finding}")
