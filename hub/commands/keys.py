"""`truc keys`: the development CA, agencies' keys, and the certificates that the axis accepts."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

app = typer.Typer(
    help="Keys and certificates: the development CA, issuing, registering, revoking.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
CodeArgument = Annotated[str, typer.Argument(help="The agency's code.", show_default=False)]


class KeyType(StrEnum):
    """What kind of key is made."""

    RSA = "rsa"
    EC = "ec"


@app.command("authority")
def authority(home: Home = None, as_json: AsJson = False) -> None:
    """Show the development CA of the local axis; the first call makes it. Never for real agencies.

    \b
    Example:
      truc keys authority
    """
    from hub.commands.key_acts import read_authority

    found = read_authority(home)
    if as_json:
        shown.emit(found)
    else:
        shown.pairs("development CA, for demonstrations and tests only", found)


@app.command("issue")
def issue(
    code: CodeArgument,
    key_type: Annotated[KeyType, typer.Option("--type", help="RSA 2048 or ECDSA P-256.")] = KeyType.RSA,
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Make a new key for an agency, certify it with the development CA, and register the certificate.

    The key before it stays registered until it is revoked.

    \b
    Example:
      truc keys issue H14 --type ec
    """
    from hub.commands.key_acts import issue_key

    made = asyncio.run(issue_key(home, settings, who(operator), code, key_type.value))
    if as_json:
        shown.emit(made)
    else:
        shown.pairs(f"{code} has a new key", made)


@app.command("register")
def register(
    code: CodeArgument,
    certificate: Annotated[
        Path, typer.Argument(help="Certificate in PEM form.", exists=True, dir_okay=False)
    ],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Register a signing certificate for an agency: what it signs is accepted from now on.

    \b
    Example:
      truc keys register H14 caobang.pem
    """
    from hub.commands.key_acts import register_certificate

    found = asyncio.run(register_certificate(home, settings, who(operator), code, certificate))
    if as_json:
        shown.emit(found)
    else:
        shown.pairs(f"the certificate is registered for {code}", found)


@app.command("list")
def list_certificates(
    code: Annotated[str | None, typer.Argument(help="The agency's code; all where none is given.")] = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List the registered certificates.

    \b
    Example:
      truc keys list H14
    """
    from hub.commands.key_acts import read_certificates

    found = asyncio.run(read_certificates(home, settings, code))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (each.fingerprint.hex()[:16], each.agency, each.subject, each.not_after, each.revoked_at)
        for each in found
    ]
    columns = ("fingerprint", "agency", "subject", "valid until", "revoked")
    shown.table("", columns, rows, nothing="no certificate is registered; `truc keys register` registers one")


@app.command("revoke")
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="First characters of its fingerprint, at least 8.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the evidence.")],
    home: Home = None,
    settings: SettingsFile = None,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate: what it signs is refused from now on.

    \b
    Example:
      truc keys revoke 3f9a0c2e --reason "token lost"
    """
    from hub.commands.key_acts import revoke_certificate

    revoked = asyncio.run(revoke_certificate(home, settings, who(operator), fingerprint, reason))
    if as_json:
        shown.emit({"revoked": revoked})
    else:
        shown.say(f"the certificate {revoked.hex()} is revoked")
