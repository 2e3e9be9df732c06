"""What is known of large bodies: how far each is, who may have it, and for how long it stays."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import columns, statement
from hub.errors import OperationRefused
from hub.message.identifiers import Digest, MailboxName
from hub.message.large_body import BodyKey, BodyState, CheckedIn

_ONE_AT_A_TIME: Final = 0x626F6479
"""Of one mailbox, while its quota is looked at; of one body, while it is put together."""


class QuotaExceeded(OperationRefused):
    """The mailbox has too much checked in that no accepted message claims."""


async def begin(database: Database, key: BodyKey, octets: int, *, quota: int) -> CheckedIn:
    """Return the body with *key* as far as it is; begin it with *octets* where it is new.

    Raises `QuotaExceeded` where it would be more than *quota* with all that nothing claims.
    """
    async with database.transaction() as transaction:
        await transaction.execute(
            "select pg_advisory_xact_lock($1, hashtext($2))", _ONE_AT_A_TIME, key.mailbox
        )
        known = await read(transaction, key)
        if known is not None and known.state is not BodyState.EXPIRED:
            return known
        idle = await transaction.fetchval(statement("sum_idle_bodies"), key.mailbox, key.digest)
        if not isinstance(idle, int) or idle + octets > quota:
            raise QuotaExceeded(f"{key.mailbox} has {idle} octets checked in that no message claims")
        await transaction.execute(statement("begin_body"), key.mailbox, key.digest, octets)
        begun = await read(transaction, key)
    if begun is None:
        raise AssertionError("what was begun is there")
    return begun


async def read(connection: Transaction, key: BodyKey) -> CheckedIn | None:
    """Return the body with *key* as far as it is."""
    row = await connection.fetchrow(statement("read_body"), key.mailbox, key.digest)
    return None if row is None else _checked_in(key, row)


@asynccontextmanager
async def alone_with(database: Database, key: BodyKey) -> AsyncIterator[Transaction]:
    """Open a transaction in which nobody else puts the body with *key* together."""
    async with database.transaction() as transaction:
        await transaction.execute(
            "select pg_advisory_xact_lock($1, hashtext($2))",
            _ONE_AT_A_TIME,
            f"{key.mailbox}/{key.digest.hex()}",
        )
        yield transaction


async def advance(connection: Transaction, body: CheckedIn, received: int) -> bool:
    """Say that *body* is as far as *received*; False where somebody else was quicker."""
    key = body.key
    moved = await connection.fetchval(
        statement("advance_body"), key.mailbox, key.digest, body.received, received
    )
    return moved is not None


async def restart(connection: Transaction, key: BodyKey) -> None:
    """Say that nothing of the body with *key* has arrived: what did was another."""
    await connection.execute(statement("restart_body"), key.mailbox, key.digest)


async def touch(database: Database, key: BodyKey) -> CheckedIn | None:
    """Return the body with *key*, complete; it stays for a while more. None where it is not complete."""
    async with database.transaction() as transaction:
        octets = await transaction.fetchval(statement("touch_body"), key.mailbox, key.digest)
    if not isinstance(octets, int):
        return None
    return CheckedIn(key=key, octets=octets, received=octets, state=BodyState.COMPLETE)


async def accept(transaction: Transaction, keys: Sequence[BodyKey]) -> frozenset[BodyKey]:
    """Keep the bodies with *keys* as long as the messages that claim them; returns those that are there.

    They cannot leave before *transaction* has ended, and not after it has committed.
    """
    rows = [(each.mailbox, each.digest) for each in keys]
    found = await transaction.fetch(statement("accept_bodies"), *columns(rows, 2))
    return frozenset(_key(row) for row in found)


async def find(database: Database, digest: Digest, asked_by: MailboxName) -> CheckedIn | None:
    """Return the body with *digest* that *asked_by* checked in, or has a delivery of; None where neither."""
    async with database.connection() as connection:
        row = await connection.fetchrow(statement("find_body"), digest, asked_by)
    if row is None:
        return None
    octets = row["octets"]
    return CheckedIn(
        key=BodyKey(mailbox=MailboxName(row["mailbox"]), digest=digest),
        octets=octets,
        received=octets,
        state=BodyState(row["state"]),
    )


async def leave_idle(
    database: Database, *, untouched_since: datetime, given_up_since: datetime, limit: int
) -> tuple[CheckedIn, ...]:
    """Return bodies that no accepted message claims and nobody touched; from now on they are nobody's."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(statement("leave_idle_bodies"), untouched_since, given_up_since, limit)
    return tuple(_leaving(row) for row in rows)


async def leave_old(
    database: Database, *, accepted_before: datetime, given_up_since: datetime, limit: int
) -> tuple[CheckedIn, ...]:
    """Return bodies that are kept no longer and that no delivery needs; from now on they are nobody's."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(statement("leave_old_bodies"), accepted_before, given_up_since, limit)
    return tuple(_leaving(row) for row in rows)


async def reinstate(transaction: Transaction, key: BodyKey, octets: int) -> None:
    """Keep the body with *key*, which lies in the store, as if it had just been checked in and accepted."""
    await transaction.execute(statement("reinstate_body"), key.mailbox, key.digest, octets)
    await accept(transaction, [key])


async def end(transaction: Transaction, key: BodyKey) -> None:
    """Say that the octets of the body with *key*, which was leaving, are deleted."""
    await transaction.execute(statement("end_body"), key.mailbox, key.digest)


def _checked_in(key: BodyKey, row: asyncpg.Record) -> CheckedIn:
    return CheckedIn(key=key, octets=row["octets"], received=row["received"], state=BodyState(row["state"]))


def _key(row: asyncpg.Record) -> BodyKey:
    return BodyKey(mailbox=MailboxName(row["mailbox"]), digest=Digest(row["digest"]))


def _leaving(row: asyncpg.Record) -> CheckedIn:
    octets = row["octets"]
    return CheckedIn(key=_key(row), octets=octets, received=octets, state=BodyState.LEAVING)
