"""Who claims: a number per hub process, alive as long as its advisory lock is held."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from hub.backends.postgres.primary import AWAY, PROBE, Primary
from hub.errors import TemporaryFailure

CLASS_OF_CLAIMANTS: Final = 0x7275
"""First half of the advisory locks' key: keeps them apart from those of anything else in the database."""
LOOK_SECONDS: Final = 5.0
"""How often the lock's connection is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A hub process as the outbox knows it."""

    number: int
    lease: timedelta = timedelta(seconds=60)

    @staticmethod
    def draw() -> "Claimant":
        """Return a claimant with a number of its own."""
        return Claimant(number=secrets.randbelow(2**31 - 1) + 1)


class Presence:
    """Holds the claimant's advisory lock, so that a crash frees its claims at once."""

    def __init__(self, dsn: str, claimant: Claimant) -> None:
        """Speak for *claimant* to the primary among the hosts of *dsn*; `keep` does the work."""
        self._primary = Primary(dsn)
        self._claimant = claimant

    async def keep(self, stop: asyncio.Event) -> None:
        """Hold the lock until *stop*; takes it again after every outage."""
        while not stop.is_set():
            with suppress(*AWAY, asyncpg.PostgresError, TemporaryFailure):
                await self._hold(stop)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)

    async def _hold(self, stop: asyncio.Event) -> None:
        connection = await self._primary.connect(
            timeout=10, server_settings={"application_name": "truc presence"}
        )
        try:
            await connection.execute(
                "select pg_advisory_lock($1::int, $2::int)", CLASS_OF_CLAIMANTS, self._claimant.number
            )
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            while not await _any(stop, lost, within=LOOK_SECONDS):
                # A server that went without a word, or has been replaced, holds no lock that counts.
                await connection.execute(PROBE, timeout=LOOK_SECONDS)
        finally:
            self._primary.forget()
            with suppress(*AWAY):
                await connection.close(timeout=2)


async def _any(*events: asyncio.Event, within: float) -> bool:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return any(event.is_set() for event in events)
