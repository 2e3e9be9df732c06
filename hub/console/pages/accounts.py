"""Accounts: who may log in, as what; for administrators."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from hub.console.access import Administering
from hub.console.asked import MaybeText, Text
from hub.errors import NothingFound
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key
from hub.operations.accounts import login_name
from hub.operations.rights import Role

router = APIRouter(include_in_schema=False)
PAGE = "/accounts"
Name = Annotated[Text, Form(max_length=200)]
Maybe = Annotated[MaybeText, Form()]


@router.get(PAGE)
async def show_all(visit: Administering) -> Response:
    """List every account."""
    found = await visit.console.accounts(visit.account.login).accounts()
    return visit.page("accounts.html", accounts=found, roles=tuple(Role))


@router.post(PAGE)
async def add(
    visit: Administering,
    login: Name,
    role: Annotated[Role, Form()],
    name: Maybe = None,
    password: Maybe = None,
    subject: Maybe = None,
    agencies: Maybe = None,
) -> Response:
    """Enter an account."""
    desk = visit.console.accounts(visit.account.login)
    await desk.add(
        login,
        name=name or login,
        role=role,
        password=password,
        oidc_subject=visit.console.subject_of(subject) if subject else None,
        agencies=keys_in(agencies),
    )
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.get(f"{PAGE}/{{login}}")
async def show(visit: Administering, login: str) -> Response:
    """Show one account, with its tokens."""
    return await _page(visit, login)


@router.post(f"{PAGE}/{{login}}/role")
async def set_role(visit: Administering, login: str, role: Annotated[Role, Form()]) -> Response:
    """Change what the account may do."""
    await visit.console.accounts(visit.account.login).set_role(login, role)
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.post(f"{PAGE}/{{login}}/agencies")
async def set_agencies(visit: Administering, login: str, agencies: Maybe = None) -> Response:
    """Limit the account to agencies, or to none."""
    await visit.console.accounts(visit.account.login).set_agencies(login, keys_in(agencies))
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.post(f"{PAGE}/{{login}}/password")
async def set_password(
    visit: Administering, login: str, password: Annotated[Text, Form(max_length=2000)]
) -> Response:
    """Give the account another password, and end its sessions."""
    await visit.console.accounts(visit.account.login).set_password(login, password)
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.post(f"{PAGE}/{{login}}/disable")
async def disable(visit: Administering, login: str) -> Response:
    """Keep the account out."""
    await visit.console.accounts(visit.account.login).disable(login)
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.post(f"{PAGE}/{{login}}/enable")
async def enable(visit: Administering, login: str) -> Response:
    """Let the account in again."""
    await visit.console.accounts(visit.account.login).enable(login)
    return visit.redirect(f"{PAGE}/{login_name(login)}")


@router.post(f"{PAGE}/{{login}}/tokens")
async def issue_token(
    visit: Administering, login: str, name: Name, days: Annotated[int, Form(ge=1, le=3650)] = 90
) -> Response:
    """Show a new token of the REST API, this once."""
    desk = visit.console.accounts(visit.account.login)
    token = await desk.issue_token(login, name=name, lifetime=timedelta(days=days))
    return await _page(visit, login, token=token.token)


@router.post(f"{PAGE}/{{login}}/tokens/revoke")
async def revoke_token(visit: Administering, login: str, name: Name) -> Response:
    """Take a token back."""
    await visit.console.accounts(visit.account.login).revoke_token(login, name=name)
    return visit.redirect(f"{PAGE}/{login_name(login)}")


async def _page(visit: Administering, login: str, *, token: str | None = None) -> Response:
    desk = visit.console.accounts(visit.account.login)
    found = [each for each in await desk.accounts() if each.login == login_name(login)]
    if not found:
        raise NothingFound(f"there is no account {login}")
    tokens = await desk.tokens(login)
    return visit.page("account.html", found=found[0], tokens=tokens, roles=tuple(Role), token=token)


def keys_in(codes: str | None) -> tuple[AgencyKey, ...] | None:
    """Return the agencies whose codes stand in *codes*, apart from one another by blanks or commas."""
    if codes is None:
        return None
    return tuple(agency_key(AgencyCode(code)) for code in codes.replace(",", " ").split())
