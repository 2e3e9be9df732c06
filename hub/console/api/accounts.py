"""Accounts and their tokens, for administrators."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import Field, SecretStr

from hub.console.access import Administering, Visit
from hub.console.api.shapes import Order, Resource
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import Text
from hub.errors import NothingFound
from hub.message.identifiers import AgencyKey, agency_key
from hub.operations.accounts import AccountDesk, login_name
from hub.operations.rights import Role

router = APIRouter(prefix=f"{PREFIX}/accounts", tags=["accounts"], responses=PROBLEMS)
DAYS: Final = 90
Login = Annotated[Text, Path(min_length=1, max_length=128)]
Codes = Annotated[list[Annotated[Text, Field(min_length=1, max_length=100)]], Field(max_length=500)]
Password = Annotated[SecretStr, Field(max_length=2000)]


class Account(Resource):
    """Who may log in."""

    login: str
    display_name: str
    role: Role
    agencies: list[str] | None = Field(
        description="Those that it is limited to, with all below; null for all."
    )
    has_password: bool
    oidc_subject: str | None
    created_at: datetime
    disabled_at: datetime | None


class NewAccount(Order):
    """An account that is to be; it comes in by a password or by a provider's subject."""

    login: Annotated[Text, Field(min_length=1, max_length=128)]
    name: Annotated[Text, Field(max_length=200)] = ""
    role: Role
    password: Password | None = None
    subject: Annotated[Text, Field(min_length=1, max_length=255)] | None = None
    agencies: Codes | None = None


class Change(Order):
    """What is to be another; what is left out stays."""

    role: Role | None = None
    password: Password | None = None
    agencies: Codes | None = None
    all_agencies: bool = Field(default=False, description="Take the limit to agencies away.")
    is_disabled: bool | None = None


class Token(Resource):
    """A token of the REST API; what it is was shown once."""

    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Order):
    """A token that is to be."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    days: Annotated[int, Field(ge=1, le=3650)] = DAYS


class IssuedToken(Resource):
    """A new token: this is the only time that it is shown."""

    name: str
    token: str
    expires_at: datetime | None


@router.get("")
async def find(visit: Administering) -> list[Account]:
    """Return every account."""
    return [Account.model_validate(each) for each in await _desk(visit).accounts()]


@router.post("", status_code=201)
async def add(visit: Administering, new: NewAccount) -> Account:
    """Make an account."""
    await _desk(visit).add(
        new.login,
        name=new.name,
        role=new.role,
        password=new.password.get_secret_value() if new.password is not None else None,
        oidc_subject=visit.console.subject_of(new.subject) if new.subject is not None else None,
        agencies=_keys(new.agencies),
    )
    return await _account(visit, new.login)


@router.get("/{login}")
async def show(visit: Administering, login: Login) -> Account:
    """Return one account."""
    return await _account(visit, login)


@router.patch("/{login}")
async def change(visit: Administering, login: Login, wanted: Change) -> Account:
    """Change an account; each change is recorded by itself."""
    desk = _desk(visit)
    if wanted.role is not None:
        await desk.set_role(login, wanted.role)
    if wanted.agencies is not None or wanted.all_agencies:
        await desk.set_agencies(login, None if wanted.all_agencies else _keys(wanted.agencies))
    if wanted.password is not None:
        await desk.set_password(login, wanted.password.get_secret_value())
    if wanted.is_disabled is not None:
        await (desk.disable(login) if wanted.is_disabled else desk.enable(login))
    return await _account(visit, login)


@router.get("/{login}/tokens")
async def find_tokens(visit: Administering, login: Login) -> list[Token]:
    """Return the tokens of an account, also those that are revoked."""
    await _account(visit, login)
    return [Token.model_validate(each) for each in await _desk(visit).tokens(login)]


@router.post("/{login}/tokens", status_code=201)
async def issue(visit: Administering, login: Login, new: NewToken) -> IssuedToken:
    """Give an account a token."""
    await _account(visit, login)
    token = await _desk(visit).issue_token(login, name=new.name, lifetime=timedelta(days=new.days))
    return IssuedToken.model_validate(token)


@router.delete("/{login}/tokens/{name}", status_code=204)
async def revoke(visit: Administering, login: Login, name: Annotated[Text, Path(max_length=100)]) -> None:
    """Take the tokens of that name back."""
    await _desk(visit).revoke_token(login, name=name)


def _desk(visit: Visit) -> AccountDesk:
    return visit.console.accounts(visit.account.login)


async def _account(visit: Visit, login: str) -> Account:
    name = login_name(login)
    for each in await _desk(visit).accounts():
        if each.login == name:
            return Account.model_validate(each)
    raise NothingFound(f"there is no account {name}")


def _keys(codes: Codes | None) -> tuple[AgencyKey, ...] | None:
    return tuple(agency_key(code) for code in codes) if codes is not None else None
