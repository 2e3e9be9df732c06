"""What `truc accounts` does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hub.backends.clock import SystemClock
from hub.backends.openid import subject_name
from hub.backends.postgres.accounts import AccountRow
from hub.commands.place import load_settings, operators_database
from hub.errors import ConfigurationError
from hub.message.identifiers import AgencyCode, AgencyKey, agency_key
from hub.operations.accounts import AccountDesk, NewToken
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from hub.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An account that is to be."""

    login: str
    name: str
    role: Role
    password: str | None = field(repr=False)
    subject: str | None
    agencies: Sequence[str] | None


async def read_accounts(home: Path | None, settings: Path | None) -> tuple[AccountRow, ...]:
    """Return every account."""
    async with _desk(load_settings(home, settings), "") as desk:
        return await desk.accounts()


async def add_account(home: Path | None, settings: Path | None, operator: str, wanted: Wanted) -> None:
    """Make an account."""
    loaded = load_settings(home, settings)
    async with _desk(loaded, operator) as desk:
        await desk.add(
            wanted.login,
            name=wanted.name,
            role=wanted.role,
            password=wanted.password,
            oidc_subject=_subject(loaded, wanted.subject),
            agencies=keys_of(wanted.agencies),
        )


async def act(
    home: Path | None, settings: Path | None, operator: str, what: Callable[[AccountDesk], Awaitable[None]]
) -> None:
    """Do one thing at the desk of accounts."""
    async with _desk(load_settings(home, settings), operator) as desk:
        await what(desk)


async def issue_token(
    home: Path | None, settings: Path | None, operator: str, login: str, name: str, days: int
) -> NewToken:
    """Give an account a token."""
    async with _desk(load_settings(home, settings), operator) as desk:
        return await desk.issue_token(login, name=name, lifetime=timedelta(days=days))


def keys_of(codes: Sequence[str] | None) -> tuple[AgencyKey, ...] | None:
    """Return the agencies of *codes*; None, which limits nothing, where there are none."""
    return tuple(agency_key(AgencyCode(code)) for code in codes) if codes else None


def _subject(settings: Settings, subject: str | None) -> str | None:
    if subject is None:
        return None
    if settings.console_oidc_issuer is None:
        raise ConfigurationError("console_oidc_issuer is not set: whose subject is it?")
    return subject_name(settings.console_oidc_issuer, subject)


@asynccontextmanager
async def _desk(settings: Settings, operator: str) -> AsyncIterator[AccountDesk]:
    async with operators_database(settings) as database:
        yield AccountDesk(database, operator=operator, clock=SystemClock(), passwords=PasswordKeeper())
