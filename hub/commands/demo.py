"""`truc demo`: the main story, on the real stack."""

import asyncio

import typer

from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home


def demo(home: Home = None, as_json: AsJson = False) -> None:
    """Play the main story: three agencies, real documents, a refusal, a failure and its repair.

    Starts the local stack and a hub of its own, checks everything it shows, and exits with 1 where anything
    differs from what it expects. It may be played again on the same stack.

    \b
    Example:
      truc demo
    """
    from hub.commands.demonstration.story import play

    went_well = asyncio.run(play(home, as_json=as_json))
    raise typer.Exit(ExitCode.DONE if went_well else ExitCode.FAILED)
