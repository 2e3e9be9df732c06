"""`truc evidence`: one file that proves what became of a document, and whether such a file holds."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home, SettingsFile

app = typer.Typer(help="Evidence: export it, verify it.", no_args_is_help=True, rich_markup_mode=None)


@app.command("export")
def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Name of a message, delivery, receipt, submission or document; the beginning of a digest.",
            show_default=False,
        ),
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FILE", help="The file to write.", show_default="evidence-MESSAGE.zip"
        ),
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Write one file with everything that was signed about a document, and what it was judged by.

    \b
    Example:
      truc evidence export "000.00.00.G22,2026/01/15,12/VPCP-TH"
    """
    from hub.commands.evidence_acts import export_to

    file, found = asyncio.run(export_to(home, settings, name, into))
    if as_json:
        shown.emit({"file": str(file), "message_id": found.message_id, "members": found.members})
        return
    shown.say(f"{file}: {len(found.members)} members, {len(found.octets)} bytes / bằng chứng đã được ghi")
    shown.say(f"verify / kiểm tra: truc evidence verify {file} --anchors PEM --hub PEM")


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A file of evidence.", show_default=False)],
    anchors: Annotated[
        list[Path],
        typer.Option("--anchors", metavar="PEM", help="The trust anchors, from a source of your own."),
    ],
    hub: Annotated[
        list[Path] | None,
        typer.Option(
            "--hub",
            metavar="PEM",
            help="The hub's certificates, from a source of your own.",
            show_default=False,
        ),
    ] = None,
    stamps: Annotated[
        list[Path] | None,
        typer.Option(
            "--stamps",
            metavar="PEM",
            help="The anchors of time stamps, from a source of your own.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a file of evidence, offline and without the axis; exit code 1 where something is broken.

    The same as `python -m hub.evidence`, which needs nothing of the hub.

    \b
    Example:
      truc evidence verify evidence.zip --anchors anchors.pem --hub hub.pem
    """
    from hub.commands.evidence_acts import judge_file
    from hub.evidence.__main__ import as_json as written_as_json
    from hub.evidence.__main__ import as_text

    judgement = judge_file(file, anchors, hub or [], stamps or [])
    shown.say((written_as_json if as_json else as_text)(judgement).rstrip("\n"))
    raise typer.Exit(ExitCode.DONE if judgement.holds else ExitCode.FAILED)
