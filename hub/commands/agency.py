"""`truc agency`: who exists, and who is connected."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

app = typer.Typer(
    help="Agencies: enter, connect, list, rename, close; export, import.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(StrEnum):
    """What kind of endpoint is connected."""

    AGENCY = "agency"
    LGSP = "lgsp"


CodeArgument = Annotated[
    str, typer.Argument(help="The agency's code, in any of its forms.", show_default=False)
]


@app.command("add")
def add(
    code: CodeArgument,
    name: Annotated[str, typer.Argument(help="The agency's name.", show_default=False)],
    parent: Annotated[str | None, typer.Option("--parent", help="Code of the agency above it.")] = None,
    behind: Annotated[
        bool, typer.Option("--behind", help="Not connected itself: reached through the agency above it.")
    ] = False,
    kind: Annotated[Kind, typer.Option("--kind", help="What is connected.")] = Kind.AGENCY,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Enter an agency in the registry and connect it: mailbox, broker user, queue.

    On a local axis it gets a key of the development CA, too, and a kit.toml for its software.

    \b
    Examples:
      truc agency add 000.00.00.G22 "Văn phòng Chính phủ"
      truc agency add H41 "UBND tỉnh Nghệ An" --kind lgsp
      truc agency add H41.05 "Sở Nội vụ" --parent H41 --behind
    """
    from hub.commands.agency_acts import add_agency

    made = asyncio.run(
        add_agency(
            home,
            settings,
            who(operator),
            code=code,
            name=name,
            parent=parent,
            is_connected=not behind,
            kind=kind.value,
        )
    )
    if as_json:
        shown.emit(made)
    else:
        shown.pairs(f"{code} is in the registry", made)


@app.command("connect")
def connect(
    code: CodeArgument,
    kind: Annotated[Kind, typer.Option("--kind", help="What is connected.")] = Kind.AGENCY,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Connect an agency that is in the registry: it speaks and receives for itself and all below it.

    \b
    Example:
      truc agency connect H41.05
    """
    from hub.commands.agency_acts import connect_agency

    made = asyncio.run(connect_agency(home, settings, who(operator), code=code, kind=kind.value))
    if as_json:
        shown.emit(made)
    else:
        shown.pairs(f"{code} is connected", made)


@app.command("list")
def list_agencies(
    connected: Annotated[
        bool, typer.Option("--connected", help="Only those with a mailbox of their own.")
    ] = False,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List the registry as a tree.

    \b
    Example:
      truc agency list --connected
    """
    from hub.commands.agency_acts import read_registry

    entries = [each for each in asyncio.run(read_registry(home, settings)) if each.mailbox or not connected]
    if as_json:
        shown.emit(entries)
        return
    rows = [
        ("  " * (each.level - 1) + each.code, each.name, each.mailbox, each.mailbox_kind, each.certificates,
         each.closed_at and f"closed {shown.instant(each.closed_at)}")
        for each in entries
    ]  # fmt: skip
    columns = ("code", "name", "mailbox", "kind", "certificates", "")
    shown.table(
        "", columns, rows, nothing="the registry is empty; `truc agency add CODE NAME` enters an agency"
    )


@app.command("show")
def show(
    code: CodeArgument, home: Home = None, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """Show one agency, who speaks for it, and its certificates.

    \b
    Example:
      truc agency show H41.05
    """
    from hub.commands.agency_acts import read_agency

    found = asyncio.run(read_agency(home, settings, code))
    if as_json:
        shown.emit(found)
        return
    entry = found.agency
    shown.pairs(
        f"{entry.code}  {entry.name}",
        {
            "key": entry.key,
            "parent": entry.parent,
            "reached through": found.reached_through or "no mailbox: it cannot send or receive",
            "closed": entry.closed_at,
            "successor": entry.successor,
        },
    )
    rows = [
        (each.fingerprint.hex()[:16], each.subject, each.not_after, each.revoked_at)
        for each in found.certificates
    ]
    shown.table(
        "", ("certificate", "subject", "valid until", "revoked"), rows, nothing="no certificate is registered"
    )


@app.command("rename")
def rename(
    code: CodeArgument,
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Give an agency another name; its code, mailbox and certificates stay.

    \b
    Example:
      truc agency rename H41.05 "Sở Nội vụ tỉnh Nghệ An"
    """
    from hub.commands.agency_acts import rename_agency

    asyncio.run(rename_agency(home, settings, who(operator), code=code, name=name))
    if as_json:
        shown.emit({"agency": code, "name": name})
    else:
        shown.say(f"{code} is {name} now")


@app.command("close")
def close(
    code: CodeArgument,
    successor: Annotated[
        str | None, typer.Option("--successor", help="Code of the agency that follows it.")
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Close an agency: it can neither send nor receive any more; whoever writes to it is told its successor.

    \b
    Example:
      truc agency close H63 --successor H38
    """
    from hub.commands.agency_acts import close_agency

    asyncio.run(close_agency(home, settings, who(operator), code=code, successor=successor))
    if as_json:
        shown.emit({"agency": code, "closed": True, "successor": successor})
    else:
        shown.say(f"{code} is closed" + (f"; its successor is {successor}" if successor else ""))


@app.command("export")
def export(
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write; standard output where not given.")
    ] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Write the catalogue of agencies, open and closed: a line of JSON for each, whatever is asked for.

    Gateways that cannot ask the console keep their copies of it by this file (`catalogue.file`).

    \b
    Example:
      truc agency export --output catalogue.jsonl
    """
    from hub.commands.agency_lists import export_catalogue

    lines = tuple(asyncio.run(export_catalogue(home, settings)))
    if output is None:
        sys.stdout.writelines(lines)
        return
    unfinished = output.with_name(f".{output.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    unfinished.replace(output)  # whoever reads it sees the old list or the new one
    if as_json:
        shown.emit({"file": output, "agencies": len(lines)})
    else:
        shown.say(f"{len(lines)} agencies are in {output}")


@app.command("import")
def import_(
    file: Annotated[
        typer.FileText,
        typer.Argument(
            help="A line of JSON for each: code, name, parent; `-` reads them from standard input.",
            show_default=False,
            encoding="utf-8",
        ),
    ],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Enter many agencies at once, all or none, as units behind those that are connected.

    Parents may stand anywhere in the list. What gateways were asked to register is listed in this form
    (`truc-vxp --settings FILE applications`).

    \b
    Example:
      truc agency import new-units.jsonl
    """
    from hub.commands.agency_lists import import_agencies

    entered = asyncio.run(import_agencies(home, settings, who(operator), file.read()))
    if as_json:
        shown.emit(entered)
    else:
        shown.say(f"{entered.entered} agencies entered; {entered.were_there} were there before")
