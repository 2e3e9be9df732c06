"""`truc invalid`: messages that nobody vouches for."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, SettingsFile
from hub.errors import OperationRefused

app = typer.Typer(
    help="Messages that nobody vouches for: list, show.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_messages(
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List invalid messages, newest first.

    \b
    Example:
      truc invalid list
    """
    from hub.commands.case_acts import read_kept

    found = asyncio.run(read_kept(home, settings, limit=limit))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (
            each.invalid_id,
            each.arrived_at,
            each.queue,
            each.claimed_by,
            len(each.body),
            each.times,
            each.reason,
        )
        for each in found
    ]
    columns = ("id", "arrived", "queue", "claims to be", "bytes", "times", "reason")
    shown.table("", columns, rows, nothing="there is no invalid message")


@app.command("show")
def show(
    invalid_id: Annotated[
        int, typer.Argument(metavar="ID", help="Number of the message.", show_default=False)
    ],
    save: Annotated[Path | None, typer.Option("--save", help="Write its bytes to this file.")] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one invalid message; its bytes are written to a file only where --save asks for it.

    \b
    Example:
      truc invalid show 3 --save strange.bin
    """
    from hub.commands.case_acts import read_kept

    found = asyncio.run(read_kept(home, settings, invalid_id=invalid_id))
    if not found:
        raise OperationRefused(f"there is no invalid message {invalid_id}; `truc invalid list` shows them")
    if save is not None:
        save.write_bytes(found[0].body)
    if as_json:
        shown.emit(found[0])
        return
    each = found[0]
    shown.pairs(
        f"invalid message {each.invalid_id}: {each.reason}",
        {"arrived": each.arrived_at, "queue": each.queue, "claims to be": each.claimed_by,
         "SHA-256": each.digest.hex(), "bytes": len(each.body), "times": each.times, "saved to": save},
    )  # fmt: skip
