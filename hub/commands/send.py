"""`truc send`: hand a document to the axis, as an agency's software does."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Kit


def send(
    file: Annotated[
        Path,
        typer.Argument(help="An .edxml envelope, or a file to enclose in one.", exists=True, dir_okay=False),
    ],
    sender: Annotated[str, typer.Option("--as", metavar="CODE", help="Who sends.", show_default=False)],
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="CODE", help="A recipient; may be repeated.")
    ] = None,
    number: Annotated[
        str, typer.Option("--number", help="The document's number, as in 12/VPCP-TH.")
    ] = "1/CV",
    subject: Annotated[
        str | None, typer.Option("--subject", help="Trích yếu; the file's name if absent.")
    ] = None,
    document_id: Annotated[
        str | None, typer.Option("--document-id", help="Its DocumentId; made up if absent.")
    ] = None,
    priority: Annotated[int, typer.Option("--priority", min=0, max=4, help="0 ordinary … 3 hỏa tốc.")] = 0,
    signer: Annotated[
        str, typer.Option("--signer", help="Who signed the document itself.")
    ] = "Nguyễn Văn An",
    wait: Annotated[
        float,
        typer.Option("--wait", metavar="SECONDS", help="Wait for the decision, while `truc inbox` receives."),
    ] = 0.0,
    kit: Kit = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Sign a document with the agency's key and submit it; returns once the broker has confirmed.

    An envelope that is signed already goes out as it is. Any other file needs --to, and is enclosed in a new
    envelope. The decision comes as a signed receipt: `truc inbox` shows it.

    \b
    Examples:
      truc send cong-van.edxml --as 000.00.00.G22
      truc send cong-van.pdf --as G22 --to H14 --to H41.05 --number 12/VPCP-TH --subject "V/v báo cáo"
    """
    from hub.commands.send_acts import Letter, send_file

    letter = Letter(
        file=file, sender=sender, recipients=tuple(to or ()), number=number, subject=subject or file.stem,
        document_id=document_id, priority=priority, signer=signer,
    )  # fmt: skip
    sent = asyncio.run(send_file(home, kit, letter, wait=wait))
    if as_json:
        shown.emit(sent)
        return
    shown.say(f"the broker has it; submission {sent.submission_id}")
    if sent.decision is not None:
        shown.say(f"the axis says: {sent.decision}")
    shown.say(
        f"next: `truc inbox {sender}` shows the receipt, `truc trace {sent.submission_id}` the whole life"
    )
