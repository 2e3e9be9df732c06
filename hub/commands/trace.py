"""`truc trace`: the whole life of a document."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, SettingsFile
from hub.errors import OperationRefused
from hub.message.identifiers import document_code

if TYPE_CHECKING:
    from hub.operations.trace import Trace


def trace(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Name of a message, delivery, receipt, submission or document; the beginning of a digest.",
            show_default=False,
        ),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Every line of the record, also those that say the same.")
    ] = False,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole life of a document as one timeline, in Vietnam time.

    \b
    Examples:
      truc trace "000.00.00.G22,2026/01/15,12/VPCP-TH"
      truc trace 9f2c41d0
    """
    found = asyncio.run(_read(name, home, settings))
    if not found:
        raise OperationRefused(
            f"nothing on this axis is called {name}; check the name, or the axis (--settings)"
        )
    if as_json:
        shown.emit(found)
        return
    for each in found:
        show(each, every=every)


def show(found: "Trace", *, every: bool = False) -> None:
    """Write one life for a person; *every* line of it, or those that say something new."""
    message = found.dossier.message
    shown.pairs(
        f"{message.kind} {message.document_id or ''}".rstrip(),
        {
            "verdict": message.verdict,
            "sender": message.sender,
            "number": document_code(message.code_number, message.code_notation),
            "subject": message.subject,
            "message": message.message_id,
            "submission": message.submission_id,
            "SHA-256": message.digest.hex(),
        },
    )
    rows = [
        (each.recipient, each.mailbox, each.state, each.attempt,
         f"{each.lane_number}{' urgent' if each.is_urgent else ''}",
         each.not_before or each.consigned_at, each.delivery_id)
        for each in found.dossier.deliveries
        if each.kind == "document"
    ]  # fmt: skip
    columns = ("recipient", "mailbox", "state", "attempt", "lane", "waits for / consigned", "delivery")
    if rows:
        shown.say("")
        shown.table("", columns, rows)
    shown.say("")
    moments = [
        (shown.instant(each.at, with_date=False), each.source, each.what, each.recipient, each.detail)
        for each in found.moments
        if every or not each.is_repetition
    ]
    shown.table(
        f"{found.moments[0].at.astimezone(shown.VIETNAM):%d.%m.%Y} (+07:00)",
        ("at", "", "what", "recipient", ""),
        moments,
    )


async def _read(name: str, home: "Home", settings: "SettingsFile") -> "tuple[Trace, ...]":
    from hub.commands.place import load_settings, operators_database
    from hub.operations.trace import trace as read_trace

    async with operators_database(load_settings(home, settings)) as database:
        return await read_trace(database, name)
