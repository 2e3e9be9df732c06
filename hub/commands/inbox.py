"""`truc inbox`: receive what the axis has for a mailbox, and answer it, as an agency's software does."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.options import AsJson, Home, Kit


def inbox(
    code: Annotated[str, typer.Argument(help="Code of the agency; a unit's mailbox is that of its LGSP.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until Ctrl-C.")] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Answer documents with 01 and 03; the default.")
    ] = False,
    refuse: Annotated[
        str | None,
        typer.Option("--refuse", metavar="REASON", help="Answer documents with 02 and this reason."),
    ] = None,
    hand_back: Annotated[
        str | None,
        typer.Option("--hand-back", metavar="REASON", help="Do not take documents: the axis tries again."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FOLDER", help="Write envelopes, attachments and receipts there."),
    ] = None,
    kit: Kit = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Receive documents, statuses and receipts, verify them, and answer documents with 01 and 03.

    Everything is dropped from the queue once it is safe in the mailbox's journal. With --json, one object in
    a line for each.

    \b
    Examples:
      truc inbox H14
      truc inbox H14 --follow --save van-ban-den
      truc inbox H14 --refuse "Không thuộc thẩm quyền"
    """
    if sum([accept, refuse is not None, hand_back is not None]) > 1:
        raise typer.BadParameter("--accept, --refuse and --hand-back exclude one another")
    from hub.commands.inbox_acts import Wanted, receive

    wanted = Wanted(follow=follow, refuse=refuse, hand_back=hand_back, save=save, as_json=as_json)
    asyncio.run(receive(home, kit, code, wanted))
