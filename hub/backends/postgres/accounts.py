"""Who may log in to the console, who is logged in, and who tried."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.message.identifiers import AgencyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account as it is stored, without what proves who it is."""

    account_id: int
    login: str
    display_name: str
    has_password: bool
    oidc_subject: str | None
    role: str
    agencies: tuple[AgencyKey, ...] | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account that is to be."""

    login: str
    display_name: str
    role: str
    password_hash: str | None = field(default=None, repr=False)
    oidc_subject: str | None = None
    agencies: tuple[AgencyKey, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What becomes of an account; None leaves a thing as it is."""

    role: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    oidc_subject: str | None = None
    agencies: tuple[AgencyKey, ...] | None = None
    changes_agencies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a login is held against."""

    account_id: int
    password_hash: str | None = field(repr=False)
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session in force, and whose it is."""

    account: AccountRow
    csrf_digest: bytes = field(repr=False)
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Logins that failed in the time that counts."""

    of_both: int
    of_login: int
    of_address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token of the REST API; what it is nobody knows any more."""

    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


async def add(transaction: Transaction, new: NewAccount) -> bool:
    """Enter *new*; False where the login or the subject is taken."""
    added = await transaction.fetchval(
        statement("add_account"),
        new.login,
        new.display_name,
        new.password_hash,
        new.oidc_subject,
        new.role,
        _listed(new.agencies),
    )
    return added is not None


async def read(connection: Transaction, login: str | None = None) -> tuple[AccountRow, ...]:
    """Return every account, or the one with *login*."""
    return tuple(account_of(row) for row in await connection.fetch(statement("read_accounts"), login))


async def change(transaction: Transaction, login: str, wanted: AccountChange) -> int | None:
    """Change the account with *login*; returns its number, None where there is none."""
    row = await transaction.fetchrow(
        statement("change_account"),
        login,
        wanted.role,
        wanted.password_hash,
        _listed(wanted.agencies),
        wanted.changes_agencies,
        wanted.oidc_subject,
    )
    return None if row is None else int(row["account_id"])


async def disable(transaction: Transaction, login: str, at: datetime | None) -> int | None:
    """Keep the account out from *at* on, or let it in again; None where that changes nothing."""
    row = await transaction.fetchrow(statement("disable_account"), login, at)
    return None if row is None else int(row["account_id"])


async def end_sessions(transaction: Transaction, account_id: int) -> None:
    """Log the account out wherever it is."""
    await transaction.execute(statement("end_sessions_of_account"), account_id)


async def find_password(connection: Transaction, login: str) -> Credentials | None:
    """Return what the password of *login* is held against."""
    row = await connection.fetchrow(statement("find_password"), login)
    return None if row is None else Credentials(**row)


async def find_subject(connection: Transaction, subject: str) -> tuple[int, str] | None:
    """Return the number and the login of the open account that an OIDC provider calls *subject*."""
    row = await connection.fetchrow(statement("find_account_by_subject"), subject)
    return (row["account_id"], row["login"]) if row is not None and row["is_open"] else None


async def begin_session(
    transaction: Transaction,
    account_id: int,
    *,
    token_digest: bytes,
    csrf_digest: bytes,
    at: datetime,
    until: datetime,
    proof: str | None = None,
) -> bool:
    """Begin a session; False where the account is disabled, or its hash is not *proof* any more."""
    begun = await transaction.fetchval(
        statement("begin_session"), token_digest, account_id, csrf_digest, at, until, proof
    )
    return begun is not None


async def read_session(
    connection: Transaction, token_digest: bytes, *, now: datetime, idle: timedelta
) -> SessionRow | None:
    """Return the session that is in force *now*, if there is one."""
    row = await connection.fetchrow(statement("read_session"), token_digest, now, idle)
    if row is None:
        return None
    return SessionRow(account=account_of(row), csrf_digest=row["csrf_digest"], seen_at=row["seen_at"])


async def touch_session(connection: Transaction, token_digest: bytes, now: datetime) -> None:
    """Note that the session is used."""
    await connection.execute(statement("touch_session"), token_digest, now)


async def end_session(connection: Transaction, token_digest: bytes) -> None:
    """End one session."""
    await connection.execute(statement("end_session"), token_digest)


async def forget_old_sessions(connection: Transaction, *, now: datetime, idle: timedelta) -> None:
    """Delete what is no session any more."""
    await connection.execute(statement("forget_old_sessions"), now, idle)


async def read_bearer(connection: Transaction, token_digest: bytes, now: datetime) -> AccountRow | None:
    """Return whose token of the REST API it is, while it is in force."""
    row = await connection.fetchrow(statement("read_bearer"), token_digest, now)
    return None if row is None else account_of(row)


async def add_token(
    transaction: Transaction, login: str, *, name: str, digest: bytes, until: datetime | None
) -> bool:
    """Give *login* a token; False where there is no such open account."""
    return await transaction.fetchval(statement("add_api_token"), digest, login, name, until) is not None


async def read_tokens(connection: Transaction, login: str) -> tuple[TokenRow, ...]:
    """Return the tokens of *login*, the newest first."""
    return tuple(TokenRow(**row) for row in await connection.fetch(statement("read_api_tokens"), login))


async def revoke_tokens(transaction: Transaction, login: str, *, name: str | None, at: datetime) -> int:
    """Revoke the tokens of *login* that are called *name*, or all of them; returns how many."""
    return len(await transaction.fetch(statement("revoke_api_tokens"), login, name, at))


async def agencies_below(connection: Transaction, roots: tuple[AgencyKey, ...]) -> tuple[AgencyKey, ...]:
    """Return *roots* and every agency below them."""
    rows = await connection.fetch(statement("read_agencies_below"), list(roots))
    return tuple(AgencyKey(row["key"]) for row in rows)


async def note_attempt(connection: Transaction, login: str, address: str, at: datetime) -> None:
    """Count a login as failed, before anybody has looked whether it is."""
    await connection.execute(statement("note_login_attempt"), login, address, at)


async def count_failures(
    connection: Transaction, login: str, address: str, since: datetime, *, most_of_each: int
) -> Failures:
    """Count what failed since; for the login, at most *most_of_each* from any one address."""
    (row,) = await connection.fetch(statement("count_login_failures"), login, address, since, most_of_each)
    return Failures(**row)


async def forgive_failures(connection: Transaction, login: str, address: str) -> None:
    """Forget what failed before the right password came, from the same place."""
    await connection.execute(statement("forgive_login_failures"), login, address)


async def forget_failures(connection: Transaction, before: datetime) -> None:
    """Delete failures that count no longer."""
    await connection.execute(statement("forget_login_failures"), before)


def account_of(row: asyncpg.Record) -> AccountRow:
    """Read the account out of *row*, which may say more."""
    agencies = row["agencies"]
    return AccountRow(
        account_id=row["account_id"],
        login=row["login"],
        display_name=row["display_name"],
        has_password=row["has_password"],
        oidc_subject=row["oidc_subject"],
        role=row["role"],
        agencies=tuple(AgencyKey(each) for each in agencies) if agencies is not None else None,
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
    )


def _listed(agencies: tuple[AgencyKey, ...] | None) -> list[str] | None:
    return list(agencies) if agencies is not None else None
