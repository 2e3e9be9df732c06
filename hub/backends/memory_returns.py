"""Deliveries that came back, in the twin: looked at first, then tried again or given up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, assert_never

from hub.backends.memory_evidence import Failure, issue, owe
from hub.backends.memory_store import (
    MemoryStore,
    StoredAttempt,
    StoredCase,
    StoredDelivery,
    StoredEntry,
    Tables,
)
from hub.message.breaker import COUNTED, BreakerTerms, Past, judge
from hub.message.delivery_state import DeliveryState, Trigger, advance
from hub.message.edxml import MessageKind
from hub.message.outbox import Expire, GiveUp, OutboxEntry, Retry, ReturnedDelivery, ReturnReason
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
from hub.ports import Attest, Recover

USUAL: Final = BreakerTerms()
_OPEN = frozenset({DeliveryState.WAITING, DeliveryState.CONSIGNED})


class MemoryReturns:
    """Implements `hub.ports.Returns`."""

    def __init__(
        self, store: MemoryStore, *, claimant: int, lease: timedelta, breaker: BreakerTerms = USUAL
    ) -> None:
        """Settle returns in *store* on behalf of *claimant*."""
        self._store = store
        self._claimant = claimant
        self._lease = lease
        self._breaker = breaker

    async def settle(
        self, returned: Sequence[ReturnedDelivery], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Look, decide, and store the decision with the receipts that it makes true."""
        async with self._store.transaction() as tables:
            owed = give_up_or_retry(self._store, tables, returned, recover, self._breaker)
            letters = await issue(self._store, tables, owed, attest)
            return self._store.promise(tables, letters, self._claimant, self._lease)

    async def expired(self, limit: int) -> Sequence[ReturnedDelivery]:
        """Return deliveries that wait in nobody's hands and whose time is over."""
        now = self._store.clock.now()
        async with self._store.transaction() as tables:
            free = [each for each in tables.entries.values() if self._store.is_free(each, now)]
            waiting = [tables.deliveries[each.delivery_id] for each in free]
        return [
            ReturnedDelivery(
                delivery_id=each.delivery_id,
                attempt=each.attempt,
                reason=ReturnReason.EXPIRED,
                note=None,
                at=now,
            )
            for each in waiting
            if each.state is DeliveryState.WAITING
            if each.expires_at is not None and each.expires_at < now
        ][:limit]


def give_up_or_retry(
    store: MemoryStore,
    tables: Tables,
    returned: Sequence[ReturnedDelivery],
    recover: Recover,
    terms: BreakerTerms,
) -> list[Receipt]:
    """Look first, then decide each of *returned*; returns the failure receipts that are owed."""
    owed: list[Receipt] = []
    for each in returned:
        delivery = tables.deliveries.get(each.delivery_id)
        if delivery is None or delivery.state not in _OPEN or delivery.attempt != each.attempt:
            continue
        tables.attempts.append(
            StoredAttempt(
                delivery_id=delivery.delivery_id, attempt=delivery.attempt, outcome=each.reason.value
            )
        )
        decide = partial(recover, replace(each, mailbox=delivery.mailbox), delivery.tries)
        past = Past(first_back_at=delivery.first_back_at, last_back_at=delivery.last_back_at)
        breaker, what = judge(tables.breaker_of(delivery.mailbox), each, past, decide, terms)
        tables.put_breaker(delivery.mailbox, breaker)
        if each.reason in COUNTED:
            delivery = replace(
                delivery, first_back_at=delivery.first_back_at or each.at, last_back_at=each.at
            )
        match what:
            case Retry() as retry:
                _schedule(tables, delivery, retry)
            case GiveUp(cause=cause):
                is_unconfirmed = not delivery.was_consigned and _was_unknown(tables, delivery)
                kind = FailureKind.UNKNOWN if is_unconfirmed else FailureKind.NOT_DELIVERED
                owed += _end(store, tables, delivery, Trigger.GIVEN_UP, Failure(kind=kind, cause=cause))
            case Expire(cause=cause):
                failure = Failure(kind=FailureKind.EXPIRED, cause=cause)
                owed += _end(store, tables, delivery, Trigger.EXPIRED, failure)
            case recovery:
                assert_never(recovery)
    return owed


def _schedule(tables: Tables, delivery: StoredDelivery, retry: Retry) -> None:
    waiting = replace(
        delivery,
        state=DeliveryState.WAITING,
        attempt=delivery.attempt + 1,
        first_attempt=delivery.first_attempt if retry.costs_try else delivery.first_attempt + 1,
    )
    tables.deliveries[delivery.delivery_id] = waiting
    entry = tables.entry_of(delivery.delivery_id)
    if entry is None:
        tables.entry_count += 1
    entry_id = tables.entry_count if entry is None else entry.entry_id
    tables.entries[entry_id] = StoredEntry(
        entry_id=entry_id,
        delivery_id=delivery.delivery_id,
        attempt=waiting.attempt,
        not_before=retry.not_before,
        is_fresh=False,
    )


def _end(
    store: MemoryStore, tables: Tables, delivery: StoredDelivery, trigger: Trigger, failure: Failure
) -> list[Receipt]:
    state = advance(delivery.state, trigger) or delivery.state
    tables.deliveries[delivery.delivery_id] = replace(delivery, state=state, is_current=False)
    tables.drop_entry_of(delivery.delivery_id)
    if state is DeliveryState.DEAD:
        tables.cases.append(StoredCase(delivery_id=delivery.delivery_id, cause=failure.cause))
    if delivery.kind is MessageKind.RECEIPT:
        return []
    failures = {delivery.delivery_id: failure}
    event = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
    return owe(store, tables, event, [[delivery]], failures=failures)


def _was_unknown(tables: Tables, delivery: StoredDelivery) -> bool:
    return any(
        each.delivery_id == delivery.delivery_id and each.outcome == "unknown" for each in tables.attempts
    )
