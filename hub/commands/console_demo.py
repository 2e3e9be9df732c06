"""`truc console-demo`: a living console to look at."""

import asyncio
from typing import Annotated, Final

import typer

from hub.commands.options import Home

FOLDER: Final = "console-demo"


def console_demo(
    home: Home = None,
    documents: Annotated[
        int, typer.Option("--documents", min=100, max=50_000, help="How many are sent before you look.")
    ] = 3000,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of the console; 0 takes a free one.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Another number makes another world.")] = 1954,
) -> None:
    """Fill an axis of its own with documents and failures, and show its console until Ctrl-C.

    A dozen agencies exchange thousands of documents; some reject, crash, sleep or are down. It prints the
    address and an account of each role. Everything is made anew each time, in the folder `console-demo` of
    the home, and stops with Ctrl-C.

    \b
    Example:
      truc console-demo
      truc console-demo --port 8080 --documents 10000
    """
    from hub.commands.console_demonstration.story import play
    from hub.commands.place import home_of

    asyncio.run(play(home_of(home) / FOLDER, documents=documents, port=port, seed=seed))
