"""The directory, read from the registry's tables and kept until their version changes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.revocation import RevocationStock
from hub.backends.postgres.statements import statement
from hub.errors import TemporaryFailure
from hub.message.directory import Agency, Directory, Mandate, RegisteredCertificate
from hub.message.identifiers import AgencyCode, AgencyKey, Fingerprint, MailboxName
from hub.ports import Clock

_SLICE: Final = 2000
"""Agencies that are made at a stretch: a few milliseconds."""


class PostgresRegistry:
    """Implements `hub.ports.Registry`."""

    def __init__(self, database: Database, *, clock: Clock, max_age: timedelta) -> None:
        """Ask *database* for the version no oftener than every *max_age*."""
        self._database = database
        self._clock = clock
        self._max_age = max_age
        self._directory = Directory()
        self._version = -1
        self._material = RevocationStock()
        self._asked_at = datetime.min.replace(tzinfo=UTC)
        self._asking: asyncio.Future[None] | None = None
        """Done when who asks just now has an answer, or knows that there is none."""

    async def directory(self) -> Directory:
        """Return the registry as it was at most *max_age* ago."""
        now = self._clock.now()
        while now - self._asked_at >= self._max_age:
            if self._asking is None:
                await self._ask(now)
                break
            await asyncio.shield(self._asking)
        return self._directory

    async def _ask(self, now: datetime) -> None:
        """Ask once for all who want to know meanwhile, and share the answer or the failure.

        All workers of a hub ask at its start: each would read the whole registry, and have it in memory.
        """
        asking = self._asking = asyncio.get_running_loop().create_future()
        try:
            await self._read_what_is_new()
        except TemporaryFailure as failure:
            asking.set_exception(failure)
            raise
        else:
            self._asked_at = now
            asking.set_result(None)
        finally:
            if not asking.done():
                asking.set_exception(TemporaryFailure("the registry was not read: who read it has stopped"))
            asking.exception()  # it is seen here, also where nobody waits for it
            self._asking = None

    async def _read_what_is_new(self) -> None:
        async with self._database.transaction() as transaction:
            row = await transaction.fetchrow(statement("read_registry_version"))
            if row is not None:
                await self._renew(transaction, row["version"], row["revocation_version"])

    async def _renew(self, transaction: Transaction, version: int, revocation_version: int) -> None:
        material = self._directory.material
        if version != self._version or self._material.is_older(revocation_version):
            material = await self._material.renew(transaction, revocation_version)
        if version != self._version:
            self._directory = await _read(transaction)
            self._version = version
        if material is not self._directory.material:
            self._directory = self._directory.with_material(material)


async def _read(transaction: Transaction) -> Directory:
    return Directory(
        agencies=await _read_agencies(transaction),
        mandates=[
            Mandate(
                mailbox=MailboxName(row["mailbox"]),
                root=AgencyKey(row["root"]),
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
            )
            for row in await transaction.fetch(statement("read_mandates"))
        ],
        open_mailboxes=[
            MailboxName(row["name"]) for row in await transaction.fetch(statement("read_open_mailboxes"))
        ],
        certificates=[
            RegisteredCertificate(
                fingerprint=Fingerprint(row["fingerprint"]),
                agency=AgencyKey(row["agency"]),
                subject=row["subject"],
                not_before=row["not_before"],
                not_after=row["not_after"],
                revoked_at=row["revoked_at"],
                retired_at=row["retired_at"],
            )
            for row in await transaction.fetch(statement("read_certificates"))
        ],
    )


async def _read_agencies(transaction: Transaction) -> list[Agency]:
    """Read the whole tree, over a hundred thousand: everything else has its turn between slices."""
    rows = await transaction.fetch(statement("read_agencies"))
    agencies: list[Agency] = []
    for start in range(0, len(rows), _SLICE):
        agencies += [_agency(row) for row in rows[start : start + _SLICE]]
        await asyncio.sleep(0)
    return agencies


def _agency(row: asyncpg.Record) -> Agency:
    return Agency(
        key=AgencyKey(row["key"]),
        code=AgencyCode(row["code"]),
        name=row["name"],
        parent=row["parent"],
        closed_at=row["closed_at"],
        successor=row["successor"],
    )
