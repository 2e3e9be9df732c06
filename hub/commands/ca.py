"""`truc ca`: a development CA that publishes CRLs, answers OCSP and stamps time; never for real agencies."""

from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.keys import KeyType
from hub.commands.options import AsJson

app = typer.Typer(
    help="A development CA: certificates, revocation, CRLs, OCSP, time stamps. For tests only.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the CA.", show_default=False)]


@app.command("create")
def create(
    folder: Folder,
    name: Annotated[str, typer.Option("--name", help="Its name.")] = "Truc Test CA",
    port: Annotated[int, typer.Option("--port", help="Where it will serve; 0 takes a free port.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a new CA: root, issuing CA, OCSP responder and TSA, their keys encrypted.

    \b
    Example:
      truc ca create /tmp/ca --port 8301
    """
    from deploy.local.ports import free_ports
    from hub.commands.ca_folder import AuthorityFolder

    chosen = port or free_ports(1)[0]
    made = AuthorityFolder.create(folder.absolute(), name=name, address=f"http://127.0.0.1:{chosen}")
    facts = {
        "trust anchor": made.anchor_file,
        "address": made.read().address,
        "password of its keys": made.password_file,
        "next": f"truc ca serve {folder}",
    }
    if as_json:
        shown.emit(facts)
    else:
        shown.pairs(f"{name}, for tests only", facts)


@app.command("issue")
def issue(
    folder: Folder,
    code: Annotated[str, typer.Argument(help="The agency's code.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The agency's name.", show_default=False)],
    key_type: Annotated[KeyType, typer.Option("--type", help="RSA 2048 or ECDSA P-256.")] = KeyType.EC,
    days: Annotated[int, typer.Option("--days", min=1, help="How long it is valid.")] = 3 * 365,
    as_json: AsJson = False,
) -> None:
    """Make a key for an agency and certify it; `truc certificates import` registers it.

    \b
    Example:
      truc ca issue /tmp/ca H14 "UBND tỉnh Cao Bằng" --days 90
    """
    from datetime import timedelta

    from hub.commands.ca_folder import AuthorityFolder
    from hub.message.identifiers import AgencyCode

    ca = AuthorityFolder(folder=folder.absolute())
    entry, file = ca.issue(AgencyCode(code), name, key_type=key_type.value, lifetime=timedelta(days=days))
    facts = {
        "serial": entry.serial,
        "subject": entry.subject,
        "valid until": entry.not_after,
        "key, certificate, chain": file,
        "password": ca.password_file,
    }
    if as_json:
        shown.emit(facts)
    else:
        shown.pairs(f"{code} has a certificate of {ca.read().name}", facts)


@app.command("list")
def list_issued(folder: Folder, as_json: AsJson = False) -> None:
    """List what the CA has issued.

    \b
    Example:
      truc ca list /tmp/ca
    """
    from hub.commands.ca_folder import AuthorityFolder

    issued = AuthorityFolder(folder=folder.absolute()).read().issued
    if as_json:
        shown.emit([each.model_dump() for each in issued])
        return
    rows = [(each.serial, each.subject, each.not_after, each.revoked_at, each.reason) for each in issued]
    shown.table("", ("serial", "subject", "valid until", "revoked", "reason"), rows)


@app.command("revoke")
def revoke(
    folder: Folder,
    serial: Annotated[str, typer.Argument(help="First characters of its serial number, hexadecimal.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Of RFC 5280: keyCompromise, superseded, cessationOfOperation, …")
    ] = "unspecified",
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate: from the next CRL and OCSP response on everybody can know.

    \b
    Example:
      truc ca revoke /tmp/ca 5f3a91 --reason keyCompromise
    """
    from hub.commands.ca_folder import REASONS, AuthorityFolder
    from hub.errors import OperationRefused

    if reason not in REASONS:
        raise OperationRefused(f"{reason} is no reason of RFC 5280: {', '.join(sorted(REASONS))}")
    revoked = AuthorityFolder(folder=folder.absolute()).revoke(serial, reason)
    if as_json:
        shown.emit(revoked.model_dump())
    else:
        shown.say(f"{revoked.subject} is revoked; hubs learn it within their revocation_interval")


@app.command("serve")
def serve(folder: Folder) -> None:
    """Publish CRLs, answer OCSP and stamp time on 127.0.0.1 until Ctrl-C.

    \b
    Example:
      truc ca serve /tmp/ca
    """
    import asyncio

    from hub.commands.ca_folder import AuthorityFolder
    from hub.commands.ca_server import server

    ca = AuthorityFolder(folder=folder.absolute())
    serving, listener = server(ca)
    shown.say(f"{ca.read().name} serves on {ca.read().address}")
    asyncio.run(serving.serve(sockets=[listener]))
