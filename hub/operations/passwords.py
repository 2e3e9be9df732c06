"""Passwords: argon2id with the parameters that RFC 9106 recommends where memory is short."""

import asyncio
import secrets
from typing import Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from hub.errors import OperationRefused

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters; what is longer costs time and is no password that anybody types."""
AT_A_TIME: Final = 2
"""Hashes that are made together: each takes 64 MiB, and those who knock must not take all."""


class PasswordKeeper:
    """Makes and checks hashes in threads, a few at a time."""

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        """Make hashes with *parameters*; those that were made with others are checked as well."""
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(24))
        """What the password of an unknown login is held against: it takes as long as a wrong one."""

    async def hash(self, password: str) -> str:
        """Return the hash of *password*; raises `OperationRefused` where it is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise OperationRefused(f"a password has {SHORTEST} to {LONGEST} characters")
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, stored: str | None, password: str) -> bool:
        """Tell whether *password* is the one that *stored* was made of; without *stored* it takes as long."""
        if len(password) > LONGEST:
            password = ""
        async with self._room:
            return await asyncio.to_thread(self._fits, stored, password)

    def _fits(self, stored: str | None, password: str) -> bool:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None
