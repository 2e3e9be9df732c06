"""The breakers of mailboxes, as rows: locked, moved as `hub.message.breaker` says, and told of in the trail.

Who holds deliveries takes their mailboxes after them, in the order of their names, so that nobody waits in a
ring; who brings good news, or only claims, leaves alone what somebody else is changing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.backends.postgres.trail import Event, append
from hub.message.breaker import Breaker, BreakerState, BreakerTerms, ParkedBecause, Said
from hub.message.identifiers import DeliveryId, MailboxName


async def lock(transaction: Transaction, mailboxes: Collection[MailboxName]) -> dict[MailboxName, Breaker]:
    """Lock the breakers of those of *mailboxes* that are open to the world."""
    if not mailboxes:
        return {}
    is_closed_too = False
    return _breakers(await transaction.fetch(statement("lock_breakers"), sorted(mailboxes), is_closed_too))


async def due(transaction: Transaction) -> dict[MailboxName, Breaker]:
    """Lock the breakers of the mailboxes of which a claim may take a little now."""
    return _breakers(await transaction.fetch(statement("lock_due_breakers")))


async def claimed(
    transaction: Transaction,
    before: Mapping[MailboxName, Breaker],
    taken: Mapping[MailboxName, Sequence[DeliveryId]],
    terms: BreakerTerms,
    *,
    at: datetime,
) -> None:
    """Note what a claim took of mailboxes that are drained, or that nothing waits for them any more."""
    if not before:
        return
    idle = await _idle(transaction, [name for name in before if name not in taken])
    after = {
        name: breaker.claimed(taken.get(name, ()), at, terms, is_empty=name in idle)
        for name, breaker in before.items()
    }
    await store(transaction, before, after, at=at)


async def took(transaction: Transaction, mailboxes: Collection[MailboxName], *, at: datetime) -> None:
    """Let *mailboxes*, whose queues were full, have more: the broker has put something into them."""
    before = await _lock_all(transaction, mailboxes)
    idle = await _idle(transaction, sorted(before))
    await store(
        transaction, before, {name: each.took(is_empty=name in idle) for name, each in before.items()}, at=at
    )


async def park(
    transaction: Transaction, mailboxes: Collection[MailboxName], park_time: timedelta, *, at: datetime
) -> None:
    """Park *mailboxes*, whose queues are full."""
    before = await _lock_all(transaction, mailboxes)
    await store(
        transaction,
        before,
        {name: each.refused_for_length(at, park_time) for name, each in before.items()},
        at=at,
    )


async def acknowledged(transaction: Transaction, heard: Mapping[MailboxName, Said], *, at: datetime) -> None:
    """Tell the breakers of mailboxes what their recipients said that they have."""
    if not heard:
        return
    before = _breakers(await transaction.fetch(statement("lock_troubled_breakers"), sorted(heard)))
    after = {name: breaker.acknowledged(heard[name], at) for name, breaker in before.items()}
    await store(transaction, before, after, at=at)


async def store(
    transaction: Transaction,
    before: Mapping[MailboxName, Breaker],
    after: Mapping[MailboxName, Breaker],
    *,
    at: datetime,
) -> None:
    """Write what has changed; the start and the end of a parking stand in the trail."""
    changed = [name for name in sorted(after) if after[name] != before[name]]
    for name in changed:
        await transaction.execute(statement("store_breaker"), *_row(name, after[name]))
    told = (_event(name, before[name], after[name], at) for name in changed)
    await append(transaction, [event for event in told if event is not None])


async def _lock_all(
    transaction: Transaction, mailboxes: Collection[MailboxName]
) -> dict[MailboxName, Breaker]:
    if not mailboxes:
        return {}
    is_closed_too = True
    return _breakers(await transaction.fetch(statement("lock_breakers"), sorted(mailboxes), is_closed_too))


async def _idle(transaction: Transaction, mailboxes: Sequence[MailboxName]) -> frozenset[MailboxName]:
    if not mailboxes:
        return frozenset()
    rows = await transaction.fetch(statement("find_idle_mailboxes"), mailboxes)
    return frozenset(MailboxName(row["name"]) for row in rows)


def _event(name: MailboxName, before: Breaker, after: Breaker, at: datetime) -> Event | None:
    """Return what the trail has to tell: that it began, or that it is over, or that full became failing."""
    if after.because is not before.because and after.because is not None:
        since = after.failing_since if after.because is ParkedBecause.FAILING else after.parked_since
        return _about("mailbox.parked", name, after, since)
    if before.parked_since is None or after.parked_since is not None:
        return None
    waited = {"waited": int((at - before.parked_since).total_seconds())}
    return _about("mailbox.resumed", name, before, before.parked_since, waited)


def _about(
    event: str,
    name: MailboxName,
    breaker: Breaker,
    since: datetime | None,
    more: Mapping[str, int] | None = None,
) -> Event:
    detail: dict[str, object] = {
        "mailbox": name,
        "reason": None if breaker.because is None else breaker.because.value,
        "since": None if since is None else since.isoformat(),
        "failures": breaker.failures,
    }
    return Event(name=event, detail=detail | dict(more or {}))


def _breakers(rows: Sequence[asyncpg.Record]) -> dict[MailboxName, Breaker]:
    return {MailboxName(row["name"]): _breaker(row) for row in rows}


def _breaker(row: asyncpg.Record) -> Breaker:
    because, probe = row["parked_because"], row["probe"]
    return Breaker(
        state=BreakerState(row["breaker"]),
        because=None if because is None else ParkedBecause(because),
        failures=row["failures"],
        failures_in_a_row=row["failures_in_a_row"],
        failing_deliveries=frozenset(map(DeliveryId, row["failing_deliveries"])),
        failing_since=row["failing_since"],
        parked_since=row["parked_since"],
        parked_until=row["parked_until"],
        pauses=row["pauses"],
        probe=None if probe is None else DeliveryId(probe),
        allowance=row["drain_allowance"],
        heard_at=row["heard_at"],
    )


def _row(name: MailboxName, breaker: Breaker) -> tuple[object, ...]:
    return (
        name,
        breaker.state.value,
        breaker.failures,
        breaker.failures_in_a_row,
        sorted(breaker.failing_deliveries),
        breaker.failing_since,
        breaker.parked_since,
        breaker.parked_until,
        None if breaker.because is None else breaker.because.value,
        breaker.pauses,
        breaker.probe,
        breaker.allowance,
        breaker.heard_at,
    )
