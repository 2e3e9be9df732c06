"""`truc accounts`: who may log in to the console."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands import shown
from hub.commands.options import AsJson, Home, Operator, SettingsFile, who

if TYPE_CHECKING:
    from hub.operations.rights import Role

app = typer.Typer(
    help="Accounts of the console: add, list, role, agencies, password, disable, enable, token, revoke.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="Whose account.", show_default=False)]
RoleName = Annotated[
    str, typer.Option("--role", help="viewer, operator, supervisor or administrator.", show_default=False)
]
Agencies = Annotated[
    list[str] | None,
    typer.Option("--agency", help="Limit it to this agency and those below; may be repeated."),
]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]


@app.command("list")
def list_accounts(home: Home = None, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """List every account, also those that are disabled.

    \b
    Example:
      truc accounts list
    """
    from hub.commands.account_acts import read_accounts

    found = asyncio.run(read_accounts(home, settings))
    if as_json:
        shown.emit(found)
        return
    rows = [
        (
            each.login,
            each.display_name,
            each.role,
            "all" if each.agencies is None else ", ".join(each.agencies),
            ", ".join(("password",) * each.has_password + ("OpenID",) * bool(each.oidc_subject)),
            each.created_at,
            each.disabled_at,
        )
        for each in found
    ]
    columns = ("login", "name", "role", "agencies", "comes in by", "since", "disabled")
    shown.table("", columns, rows, nothing="there is no account yet: `truc accounts add LOGIN --role …`")


@app.command("add")
def add(
    login: Login,
    role: RoleName,
    name: Annotated[str, typer.Option("--name", help="Who it is; the login where not given.")] = "",
    agencies: Agencies = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Comes in by OpenID as this subject, without a password.")
    ] = None,
    from_input: FromInput = False,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; its password is asked for, or read from standard input.

    \b
    Example:
      truc accounts add lan --role operator --name "Nguyễn Thị Lan"
    """
    from hub.commands.account_acts import Wanted, add_account

    password = None if subject is not None else _password(from_input=from_input)
    wanted = Wanted(
        login=login, name=name, role=_role(role), password=password, subject=subject, agencies=agencies
    )
    asyncio.run(add_account(home, settings, who(operator), wanted))
    _tell({"login": login, "role": role}, f"{login} may log in as {role}", as_json=as_json)


@app.command("role")
def set_role(
    login: Login,
    role: Annotated[str, typer.Argument(metavar="ROLE", show_default=False)],
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Change what an account may do; its sessions see it with their next request.

    \b
    Example:
      truc accounts role lan supervisor
    """
    from hub.commands.account_acts import act

    wanted = _role(role)
    asyncio.run(act(home, settings, who(operator), lambda desk: desk.set_role(login, wanted)))
    _tell({"login": login, "role": role}, f"{login} is {role}", as_json=as_json)


@app.command("agencies")
def set_agencies(
    login: Login,
    agencies: Agencies = None,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Limit an account to agencies with all below them; without --agency nothing limits it.

    \b
    Example:
      truc accounts agencies lan --agency H14 --agency G09
    """
    from hub.commands.account_acts import act, keys_of

    keys = keys_of(agencies)
    asyncio.run(act(home, settings, who(operator), lambda desk: desk.set_agencies(login, keys)))
    limits = ", ".join(keys) if keys is not None else "all agencies"
    _tell({"login": login, "agencies": keys}, f"{login} works for {limits}", as_json=as_json)


@app.command("password")
def set_password(
    login: Login,
    from_input: FromInput = False,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Give an account another password, and end its sessions.

    \b
    Example:
      truc accounts password lan
    """
    from hub.commands.account_acts import act

    password = _password(from_input=from_input)
    asyncio.run(act(home, settings, who(operator), lambda desk: desk.set_password(login, password)))
    _tell({"login": login}, f"{login} has another password, and is logged out everywhere", as_json=as_json)


@app.command("disable")
def disable(
    login: Login,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep an account out from now on, with its sessions and tokens.

    \b
    Example:
      truc accounts disable lan
    """
    from hub.commands.account_acts import act

    asyncio.run(act(home, settings, who(operator), lambda desk: desk.disable(login)))
    told = f"{login} is out; `truc accounts enable {login}` lets it in again"
    _tell({"login": login, "disabled": True}, told, as_json=as_json)


@app.command("enable")
def enable(
    login: Login,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Let an account in again.

    \b
    Example:
      truc accounts enable lan
    """
    from hub.commands.account_acts import act

    asyncio.run(act(home, settings, who(operator), lambda desk: desk.enable(login)))
    _tell({"login": login, "disabled": False}, f"{login} may log in again", as_json=as_json)


@app.command("token")
def token(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="What uses the token.", show_default=False)],
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it holds.")] = 90,
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Give an account a token for the REST API; it is written this once.

    \b
    Example:
      truc accounts token monitor --name nagios > token
    """
    from hub.commands.account_acts import issue_token

    issued = asyncio.run(issue_token(home, settings, who(operator), login, name, days))
    if as_json:
        shown.emit({"name": issued.name, "token": issued.token, "expires_at": issued.expires_at})
        return
    shown.say(issued.token)


@app.command("revoke")
def revoke(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="What the token is called.", show_default=False)],
    operator: Operator = None,
    home: Home = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a token of the REST API back.

    \b
    Example:
      truc accounts revoke monitor --name nagios
    """
    from hub.commands.account_acts import act

    asyncio.run(act(home, settings, who(operator), lambda desk: desk.revoke_token(login, name=name)))
    told = f"the token {name} of {login} is worth nothing any more"
    _tell({"login": login, "token": name}, told, as_json=as_json)


def _tell(values: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        shown.emit(values)
    else:
        shown.say(sentence)


def _role(name: str) -> "Role":
    from hub.operations.rights import Role

    try:
        return Role(name)
    except ValueError:
        raise typer.BadParameter(f"{name} is no role: {', '.join(Role)}") from None


def _password(*, from_input: bool) -> str:
    """Read a password: never from an argument, which every process of the machine can see."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    return asked
