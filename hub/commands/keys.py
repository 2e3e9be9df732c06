"""`truc keys`: the development CA of a local axis, and the keys that it certifies for agencies."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

app = typer.Typer(
    help="Keys of the development CA: show it, issue. Real certificates: `truc certificates`.",
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

    The key before it stays registered until it is retired or revoked (`truc certificates`).

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
