"""Who comes in: passwords against their hashes, guesses counted, tokens that end by themselves."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from adapters.vxp.provincial.problems import LoginRefused, NotLoggedIn
from adapters.vxp.provincial.settings import ProvincialSettings, User
from adapters.vxp.refusals import Reason, Refused

_log = structlog.get_logger("adapters.vxp")
_ALGORITHM: Final = "HS256"
_ISSUER: Final = "truc-vxp"
_LONGEST_PASSWORD: Final = 256
_AT_A_TIME: Final = 2
"""Hashes that are made together: each takes 64 MiB, and those who knock must not take all."""
_MOST_GUESSERS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessTerms:
    """How many logins may fail in `window`."""

    window: timedelta = timedelta(minutes=15)
    of_both: int = 5
    """Of one name from one address."""
    of_address: int = 30
    of_name: int = 50


class Entrance:
    """Lets in who knows a password, and knows them again by their token until it ends."""

    def __init__(
        self,
        settings: ProvincialSettings,
        *,
        clock: Callable[[], datetime],
        terms: GuessTerms | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        """Keep the door of the users of *settings*."""
        self._settings = settings
        self._clock = clock
        self._terms = terms or GuessTerms()
        self._key = OctKey.import_key(settings.key)
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(24))
        """What the password of an unknown name is held against: it takes as long as a wrong one."""
        self._room = asyncio.Semaphore(_AT_A_TIME)
        self._guesses = _Guesses(self._terms)

    async def log_in(self, username: str, password: str, *, address: str) -> tuple[str, timedelta]:
        """Return a token and how long it lasts.

        Raises `LoginRefused`, after the same time whether or not there is such a name, or `Refused` where
        too many have failed; every try counts as failed until it succeeds.
        """
        now = self._clock()
        wait = self._guesses.begin(username, address, now)
        if wait is not None:
            _log.warning("login.throttled", address=address)
            raise Refused(Reason.TOO_MANY_REQUESTS, seconds=wait)
        user = self._settings.users.get(username)
        async with self._room:
            fits = await asyncio.to_thread(self._fits, user, password)
        if user is None or not fits:
            _log.warning("login.refused", address=address)
            raise LoginRefused
        self._guesses.forgive(username, address)
        return self._token(user, now), self._settings.token_life

    def known(self, token: str) -> User:
        """Return whose *token* it is; raises `NotLoggedIn` where it is none of ours, or has ended."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            jwt.JWTClaimsRegistry(
                now=int(self._clock().timestamp()),
                iss={"essential": True, "value": _ISSUER},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise NotLoggedIn from error
        user = self._settings.users.get(str(claims["sub"]))
        if user is None or claims.get("pwd") != _mark(user):
            raise NotLoggedIn
        return user

    def _token(self, user: User, now: datetime) -> str:
        claims = {
            "iss": _ISSUER,
            "sub": user.username,
            "iat": int(now.timestamp()),
            "exp": int((now + self._settings.token_life).timestamp()),
            "pwd": _mark(user),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def _fits(self, user: User | None, password: str) -> bool:
        if len(password) > _LONGEST_PASSWORD:
            password = ""
        try:
            self._hasher.verify(user.password_hash if user is not None else self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return user is not None


def _mark(user: User) -> str:
    """Return what a token says of the password that it was given for: another one ends it."""
    return user.password_hash[-8:]


class _Guesses:
    """Failed logins of late, in memory; of so many names and addresses that nobody fills it."""

    def __init__(self, terms: GuessTerms) -> None:
        self._terms = terms
        self._failures: dict[tuple[str, str], deque[datetime]] = {}

    def begin(self, name: str, address: str, now: datetime) -> int | None:
        """Count a try; returns the seconds to wait where there were too many."""
        name = name[:_LONGEST_PASSWORD]
        limits = {
            (name, address): self._terms.of_both,
            ("", address): self._terms.of_address,
            (name, ""): self._terms.of_name,
        }
        waits = [wait for who, most in limits.items() if (wait := self._wait(who, most, now)) is not None]
        if waits:
            return max(waits)
        for who in limits:
            self._failures.setdefault(who, deque()).append(now)
        if len(self._failures) > _MOST_GUESSERS:
            self._sweep(now)
        return None

    def forgive(self, name: str, address: str) -> None:
        """Take back what the one who has come in after all has failed."""
        for who in ((name, address), ("", address), (name, "")):
            tries = self._failures.get(who)
            if tries:
                tries.pop()
            if not tries or who == (name, address):
                self._failures.pop(who, None)

    def _wait(self, who: tuple[str, str], most: int, now: datetime) -> int | None:
        tries = self._failures.get(who, deque())
        while tries and now - tries[0] >= self._terms.window:
            tries.popleft()
        if len(tries) < most:
            return None
        return max(1, int((tries[0] + self._terms.window - now).total_seconds()))

    def _sweep(self, now: datetime) -> None:
        """Forget those who failed long ago, and then those who failed first."""
        for who in [who for who, tries in self._failures.items() if now - tries[-1] >= self._terms.window]:
            del self._failures[who]
        while len(self._failures) > _MOST_GUESSERS:
            del self._failures[next(iter(self._failures))]
