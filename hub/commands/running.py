"""`truc run` and `truc serve`: hub processes in the foreground."""

import asyncio
from typing import Annotated

import typer

from hub.commands.options import Home, SettingsFile


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("run")(run)
    app.command("serve")(serve)


def run(
    home: Home = None,
    hubs: Annotated[int, typer.Option("--hubs", min=1, max=16, help="How many hub processes.")] = 1,
) -> None:
    """Keep the whole axis in the foreground until Ctrl-C: the stack, the hub, the console, what they log.

    \b
    Example:
      truc run --hubs 2
    """
    from hub.commands.foreground import keep_running

    raise typer.Exit(asyncio.run(keep_running(home, hubs)))


def serve(home: Home = None, settings: SettingsFile = None) -> None:
    """Run one hub process until it is told to stop (SIGTERM, SIGINT); it settles what is in hand first.

    \b
    Example:
      truc serve --settings /etc/truc/hub.toml
    """
    from hub.commands.serving import serve_until_stopped

    serve_until_stopped(home, settings)
