"""Accounts of the console: who may log in, as what, and with which tokens; every change is recorded."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hub.backends.postgres import accounts, desk
from hub.backends.postgres.accounts import AccountChange, AccountRow, NewAccount, TokenRow
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyKey
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from hub.ports import Clock

TOKEN_OCTETS: Final = 32
_LOGIN: Final = re.compile(r"[^\s\x00-\x1f]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token of the REST API, shown once."""

    name: str
    token: str = field(repr=False)
    expires_at: datetime | None


class AccountDesk:
    """The administrator's work on accounts; each act is one transaction, and leaves who did it."""

    def __init__(self, database: Database, *, operator: str, clock: Clock, passwords: PasswordKeeper) -> None:
        """Work on *database* in the name of *operator*."""
        self._database = database
        self._operator = operator
        self._clock = clock
        self._passwords = passwords

    async def accounts(self) -> tuple[AccountRow, ...]:
        """Return every account, also those that are disabled."""
        async with self._database.connection() as connection:
            return await accounts.read(connection)

    async def add(
        self,
        login: str,
        *,
        name: str,
        role: Role,
        password: str | None = None,
        oidc_subject: str | None = None,
        agencies: Sequence[AgencyKey] | None = None,
    ) -> None:
        """Enter an account; raises `OperationRefused` where the login is taken, or nothing lets it in."""
        if password is None and oidc_subject is None:
            raise OperationRefused(
                "an account needs a password or the subject that an OIDC provider gives it"
            )
        hashed = await self._passwords.hash(password) if password is not None else None
        new = NewAccount(
            login=login_name(login),
            display_name=name.strip() or login,
            role=role.value,
            password_hash=hashed,
            oidc_subject=oidc_subject,
            agencies=tuple(agencies) if agencies is not None else None,
        )
        async with self._database.transaction() as transaction:
            if agencies is not None:
                await _require_agencies(transaction, agencies)
            if not await accounts.add(transaction, new):
                raise OperationRefused(f"there is an account {new.login} already, or one with that subject")
            await self._record(transaction, "account.add", new.login, {"role": role.value, **_told(agencies)})

    async def set_role(self, login: str, role: Role) -> None:
        """Make the account one of *role*; its sessions see that with their next request."""
        await self._change(login, AccountChange(role=role.value), "account.role", {"role": role.value})

    async def set_agencies(self, login: str, agencies: Sequence[AgencyKey] | None) -> None:
        """Limit the account to *agencies* with all below them, or to none."""
        wanted = AccountChange(
            agencies=tuple(agencies) if agencies is not None else None, changes_agencies=True
        )
        async with self._database.connection() as connection:
            await _require_agencies(connection, agencies or ())
        await self._change(login, wanted, "account.agencies", _told(agencies))

    async def set_password(self, login: str, password: str) -> None:
        """Give the account a new password; whoever was logged in with the old one is not any more."""
        wanted = AccountChange(password_hash=await self._passwords.hash(password))
        await self._change(login, wanted, "account.password", {}, ends_sessions=True)

    async def disable(self, login: str) -> None:
        """Keep the account out from now on; its sessions end, and its tokens for good."""
        await self._let_in(login, self._clock.now(), "account.disable", f"{login} is disabled already")

    async def enable(self, login: str) -> None:
        """Let the account in again."""
        await self._let_in(login, None, "account.enable", f"{login} is not disabled")

    async def tokens(self, login: str) -> tuple[TokenRow, ...]:
        """Return the tokens of the account, also those that are revoked."""
        async with self._database.connection() as connection:
            await _existing(connection, login_name(login))
            return await accounts.read_tokens(connection, login_name(login))

    async def issue_token(self, login: str, *, name: str, lifetime: timedelta | None) -> NewToken:
        """Give the account a token for the REST API; it is shown this once and kept as a digest."""
        if not name.strip():
            raise OperationRefused("a token is called after what uses it: give it a name")
        token = secrets.token_urlsafe(TOKEN_OCTETS)
        until = self._clock.now() + lifetime if lifetime is not None else None
        digest = hashlib.sha256(token.encode()).digest()
        async with self._database.transaction() as transaction:
            if not await accounts.add_token(
                transaction, login_name(login), name=name.strip(), digest=digest, until=until
            ):
                raise OperationRefused(f"there is no account {login} that may log in")
            await self._record(transaction, "account.token", login_name(login), {"token": name.strip()})
        return NewToken(name=name.strip(), token=token, expires_at=until)

    async def revoke_token(self, login: str, *, name: str) -> None:
        """Take the tokens of the account back that are called *name*."""
        async with self._database.transaction() as transaction:
            count = await accounts.revoke_tokens(
                transaction, login_name(login), name=name, at=self._clock.now()
            )
            if not count:
                raise OperationRefused(f"{login} has no token {name} in force")
            await self._record(transaction, "account.token_revoke", login_name(login), {"token": name})

    async def _change(
        self,
        login: str,
        wanted: AccountChange,
        action: str,
        detail: dict[str, object],
        *,
        ends_sessions: bool = False,
    ) -> None:
        async with self._database.transaction() as transaction:
            account_id = await accounts.change(transaction, login_name(login), wanted)
            if account_id is None:
                raise _unknown(login)
            if ends_sessions:
                await accounts.end_sessions(transaction, account_id)
            await self._record(transaction, action, login_name(login), detail)

    async def _let_in(self, login: str, disabled_at: datetime | None, action: str, otherwise: str) -> None:
        async with self._database.transaction() as transaction:
            await _existing(transaction, login_name(login))
            account_id = await accounts.disable(transaction, login_name(login), disabled_at)
            if account_id is None:
                raise OperationRefused(otherwise)
            await accounts.end_sessions(transaction, account_id)
            if disabled_at is not None:
                await accounts.revoke_tokens(transaction, login_name(login), name=None, at=disabled_at)
            await self._record(transaction, action, login_name(login), {})

    async def _record(
        self, transaction: Transaction, action: str, login: str, detail: dict[str, object]
    ) -> None:
        told: dict[str, object] = {"account": login, **detail}
        await desk.record(transaction, [Action(operator=self._operator, action=action, detail=told)])


def login_name(login: str) -> str:
    """Return *login* as it is kept; raises `OperationRefused` where it cannot be one."""
    name = unicodedata.normalize("NFC", login).strip().lower()
    if not _LOGIN.fullmatch(name) or not name.isprintable():
        raise OperationRefused("a login has 1 to 128 characters that can be seen, and no blanks")
    return name


async def _existing(connection: Transaction, login: str) -> AccountRow:
    found = await accounts.read(connection, login)
    if not found:
        raise _unknown(login)
    return found[0]


async def _require_agencies(connection: Transaction, agencies: Sequence[AgencyKey]) -> None:
    known = frozenset(await accounts.agencies_below(connection, tuple(agencies)))
    if unknown := sorted(frozenset(agencies) - known):
        raise OperationRefused(f"there is no agency {', '.join(unknown)}; `truc agency list` shows them")


def _unknown(login: str) -> OperationRefused:
    return OperationRefused(f"there is no account {login}; `truc accounts list` shows them")


def _told(agencies: Sequence[AgencyKey] | None) -> dict[str, object]:
    return {} if agencies is None else {"agencies": list(agencies)}
