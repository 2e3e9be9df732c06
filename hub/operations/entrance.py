"""The console's door: who comes in, for how long, and how often somebody may knock."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from hub.backends.postgres import accounts, desk
from hub.backends.postgres.accounts import AccountRow
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.errors import OperationRefused
from hub.operations.accounts import TOKEN_OCTETS, login_name
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Account, Role
from hub.ports import Clock

log: structlog.stdlib.BoundLogger = structlog.get_logger()
_SEEN_AGAIN: Final = timedelta(minutes=1)
"""How exactly it is known when a session was used last: a row is not written for every request."""


class LoginRefused(OperationRefused):
    """Login or password are wrong, or the account is closed: which of them, nobody is told."""


class TooManyFailures(OperationRefused):
    """Somebody has guessed too often, for this login or from this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntranceTerms:
    """How long sessions last, and how many logins may fail in `window`."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    window: timedelta = timedelta(minutes=15)
    failures_of_both: int = 5
    """Of one login from one address."""
    failures_of_address: int = 30
    failures_of_login: int = 50
    """From everywhere, `failures_of_both` of each address: a stranger at one of them locks nobody out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is logged in."""

    account: Account
    csrf_digest: bytes = field(repr=False)

    def has_sent(self, csrf: str) -> bool:
        """Tell whether *csrf* is the token of this session's own pages."""
        return hmac.compare_digest(self.csrf_digest, _digest(csrf))


class Doorkeeper:
    """Lets in who proves who they are, and knows them again."""

    def __init__(
        self, database: Database, *, clock: Clock, passwords: PasswordKeeper, terms: EntranceTerms
    ) -> None:
        """Keep the door of *database*."""
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._terms = terms

    async def log_in(self, login: str, password: str, *, address: str, before: str | None = None) -> str:
        """Return the token of a new session; that of the session *before* it is worth nothing any more.

        Raises `LoginRefused`, after the same time whether or not there is such a login, or `TooManyFailures`,
        which nobody gets around by trying at once: every try counts as failed until it succeeds.
        """
        name = _cut(login)
        await self._count(name, address)
        async with self._database.connection() as connection:
            found = await accounts.find_password(connection, name)
        fits = await self._passwords.fits(found.password_hash if found is not None else None, password)
        if found is None or not fits or not found.is_open:
            log.warning("login.refused", login=name, address=address)
            raise LoginRefused("login or password are wrong, or the account is closed")
        async with self._database.transaction() as transaction:
            await accounts.forgive_failures(transaction, name, address)
            proof = found.password_hash
            return await self._begin(transaction, found.account_id, name, address, before, proof=proof)

    async def let_in(self, subject: str, *, address: str, before: str | None = None) -> str:
        """Return the token of a new session of whom an OIDC provider calls *subject*."""
        async with self._database.transaction() as transaction:
            found = await accounts.find_subject(transaction, subject)
            if found is None:
                log.warning("login.refused", subject=subject, address=address)
                raise LoginRefused("there is no open account for this person")
            account_id, login = found
            return await self._begin(transaction, account_id, login, address, before)

    async def find(self, token: str) -> Session | None:
        """Return the session of *token* while it is in force, and note that it is used."""
        now, digest = self._clock.now(), _digest(token)
        async with self._database.connection() as connection:
            found = await accounts.read_session(connection, digest, now=now, idle=self._terms.idle)
            if found is None:
                return None
            if now - found.seen_at > min(_SEEN_AGAIN, self._terms.idle / 4):
                await accounts.touch_session(connection, digest, now)
            account = await _account(connection, found.account)
        return Session(account=account, csrf_digest=found.csrf_digest)

    async def find_bearer(self, token: str) -> Account | None:
        """Return whose token of the REST API *token* is, while it is in force."""
        async with self._database.connection() as connection:
            found = await accounts.read_bearer(connection, _digest(token), self._clock.now())
            return await _account(connection, found) if found is not None else None

    async def log_out(self, token: str) -> None:
        """End the session of *token*."""
        async with self._database.connection() as connection:
            await accounts.end_session(connection, _digest(token))

    async def _count(self, login: str, address: str) -> None:
        now, terms = self._clock.now(), self._terms
        async with self._database.connection() as connection:
            await accounts.note_attempt(connection, login, address, now)
            failures = await accounts.count_failures(
                connection, login, address, now - terms.window, most_of_each=terms.failures_of_both
            )
        if (
            failures.of_both > terms.failures_of_both
            or failures.of_address > terms.failures_of_address
            or failures.of_login > terms.failures_of_login
        ):
            log.warning("login.throttled", login=login, address=address)
            minutes = int(terms.window.total_seconds() // 60)
            raise TooManyFailures(f"too many logins have failed: try again in {minutes} minutes")

    async def _begin(
        self,
        transaction: Transaction,
        account_id: int,
        login: str,
        address: str,
        before: str | None,
        *,
        proof: str | None = None,
    ) -> str:
        now, token = self._clock.now(), secrets.token_urlsafe(TOKEN_OCTETS)
        await accounts.forget_old_sessions(transaction, now=now, idle=self._terms.idle)
        await accounts.forget_failures(transaction, now - 2 * self._terms.window)
        if before is not None:
            await accounts.end_session(transaction, _digest(before))
        begun = await accounts.begin_session(
            transaction,
            account_id,
            token_digest=_digest(token),
            csrf_digest=_digest(csrf_token(token)),
            at=now,
            until=now + self._terms.longest,
            proof=proof,
        )
        if not begun:
            raise LoginRefused("login or password are wrong, or the account is closed")
        entry = Action(operator=login, action="session.begin", detail={"address": address})
        await desk.record(transaction, [entry])
        return token


def csrf_token(token: str) -> str:
    """Return what the pages of the session of *token* send along with every act; it does not give it away."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _cut(login: str) -> str:
    """Return *login* as it is kept; what cannot be one is nobody's."""
    try:
        return login_name(login)
    except OperationRefused as error:
        raise LoginRefused("login or password are wrong, or the account is closed") from error


async def _account(connection: Transaction, row: AccountRow) -> Account:
    visible_to = await accounts.agencies_below(connection, row.agencies) if row.agencies is not None else None
    return Account(
        account_id=row.account_id,
        login=row.login,
        display_name=row.display_name,
        role=Role(row.role),
        visible_to=visible_to,
    )
