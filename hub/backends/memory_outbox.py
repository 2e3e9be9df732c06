"""Promises not yet kept, in the twin."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from hub.backends.memory_evidence import issue, owe
from hub.backends.memory_returns import USUAL, give_up_or_retry
from hub.backends.memory_store import (
    MemoryStore,
    StoredAttempt,
    StoredDelivery,
    StoredEntry,
    Tables,
    is_parked,
    outbox_entry,
)
from hub.message.breaker import BreakerState, BreakerTerms
from hub.message.delivery_state import DeliveryState, Trigger, advance
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, MailboxName, MessageId
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, ReturnedDelivery, ReturnReason
from hub.message.receipt import ReceiptEvent
from hub.ports import Attest, Recover

_FAILED: Final = MappingProxyType(
    {
        PublishResult.UNROUTABLE: ReturnReason.UNROUTABLE,
        PublishResult.FAILED: ReturnReason.HUB_FAILURE,
        PublishResult.EXPIRED: ReturnReason.EXPIRED,
    }
)


class MemoryOutbox:
    """Implements `hub.ports.Outbox`."""

    def __init__(
        self,
        store: MemoryStore,
        *,
        claimant: int,
        lease: timedelta,
        park_time: timedelta,
        breaker: BreakerTerms = USUAL,
    ) -> None:
        """Claim and record in *store* on behalf of *claimant*."""
        self._store = store
        self._claimant = claimant
        self._lease = lease
        self._park_time = park_time
        self._breaker = breaker

    async def claim(self, limit: int, octets: int) -> Sequence[OutboxEntry]:
        """Take up to *limit* due entries of at most *octets* together (one at least)."""
        async with self._store.transaction() as tables:
            now = self._store.clock.now()
            taken: list[OutboxEntry] = []
            drained = _drained(tables, now)
            for entry, delivery in self._due(tables, now):
                too_much = taken and sum(len(each.body) for each in taken) + len(delivery.body) > octets
                if len(taken) == limit or too_much:
                    break
                if delivery.state is not DeliveryState.WAITING:
                    del tables.entries[entry.entry_id]
                elif not tables.is_overtaking(delivery, self._is_mine) or not entry.is_fresh:
                    tables.entries[entry.entry_id] = replace(
                        entry, claimed_by=self._claimant, claimed_until=now + self._lease
                    )
                    taken.append(outbox_entry(entry, delivery))
            self._note_claim(tables, drained, taken, now)
            return taken

    async def release(self, entries: Sequence[OutboxEntry]) -> None:
        """Give back what this process claimed and did not try."""
        async with self._store.transaction() as tables:
            self._release(tables, entries)

    async def disown(self, held: Mapping[int, int]) -> None:
        """Give back what is claimed in this process's name and not *held* on that attempt."""
        async with self._store.transaction() as tables:
            for entry_id, entry in list(tables.entries.items()):
                if self._is_mine(entry) and held.get(entry_id) != entry.attempt:
                    tables.entries[entry_id] = replace(entry, claimed_by=None, claimed_until=None)

    async def record(
        self, attempts: Sequence[Attempted], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Record what the broker said, with the receipts that it makes true."""
        async with self._store.transaction() as tables:
            kept = [each for each in attempts if self._confirm(tables, each)]
            full = {each.entry.mailbox for each in attempts if each.result is PublishResult.FULL}
            _note(tables, attempts, PublishResult.UNKNOWN, "unknown")
            _note(
                tables,
                [each for each in kept if each.entry.kind is not MessageKind.RECEIPT],
                None,
                "consigned",
            )
            owed = owe(self._store, tables, ReceiptEvent.CONTENT_CONSIGNMENT, _by_submission(tables, kept))
            returned = [_returned(each) for each in attempts if each.result in _FAILED]
            owed += give_up_or_retry(self._store, tables, returned, recover, self._breaker)
            unanswered = [each.entry for each in attempts if self._keep(tables, each)]
            self._release(tables, [each.entry for each in attempts if each.entry not in unanswered])
            self._park(tables, full, {each.entry.mailbox for each in kept} - full)
            letters = await issue(self._store, tables, owed, attest)
            return [*unanswered, *self._store.promise(tables, letters, self._claimant, self._lease)]

    def _park(self, tables: Tables, full: Collection[MailboxName], took: Collection[MailboxName]) -> None:
        now = self._store.clock.now()
        for mailbox in full:
            parked = tables.breaker_of(mailbox).refused_for_length(now, self._park_time)
            tables.put_breaker(mailbox, parked)
        for mailbox in took:
            breaker = tables.breaker_of(mailbox).took(is_empty=tables.is_idle(mailbox))
            tables.put_breaker(mailbox, breaker)

    def _note_claim(
        self,
        tables: Tables,
        drained: Collection[MailboxName],
        taken: Sequence[OutboxEntry],
        now: datetime,
    ) -> None:
        for mailbox in drained:
            ids = [each.delivery_id for each in taken if each.mailbox == mailbox]
            breaker = tables.breaker_of(mailbox)
            tables.put_breaker(
                mailbox, breaker.claimed(ids, now, self._breaker, is_empty=tables.is_idle(mailbox))
            )

    def _due(self, tables: Tables, now: datetime) -> list[tuple[StoredEntry, StoredDelivery]]:
        """Return what is free, due and not parked, urgent ones first."""
        found = [
            (entry, tables.deliveries[entry.delivery_id])
            for entry in tables.entries.values()
            if entry.not_before <= now and self._store.is_free(entry, now)
        ]
        left = {name: tables.breaker_of(name).allowance or 0 for name in _drained(tables, now)}
        due = []
        probed = {name for name in left if tables.breaker_of(name).sends_probe}
        for entry, delivery in sorted(found, key=lambda pair: _drain_order(pair, probed)):
            if delivery.mailbox in left:
                left[delivery.mailbox] -= 1
                is_allowed = left[delivery.mailbox] >= 0
            else:
                is_allowed = not is_parked(tables, delivery)
            if is_allowed:
                due.append((entry, delivery))
        return sorted(due, key=lambda pair: (not pair[1].is_urgent, pair[0].entry_id))

    def _is_mine(self, entry: StoredEntry) -> bool:
        return entry.claimed_by == self._claimant

    def _confirm(self, tables: Tables, attempted: Attempted) -> bool:
        """End a promise that was kept; one that a return took over meanwhile is no longer ours."""
        entry = tables.entries.get(attempted.entry.entry_id)
        is_ours = entry is not None and entry.attempt == attempted.entry.attempt
        if attempted.result is not PublishResult.CONFIRMED or not is_ours:
            return False
        del tables.entries[attempted.entry.entry_id]
        delivery = tables.deliveries[attempted.entry.delivery_id]
        state = advance(delivery.state, Trigger.CONSIGNED) or delivery.state
        tables.deliveries[delivery.delivery_id] = replace(
            delivery, state=state, consigned_at=delivery.consigned_at or attempted.at
        )
        return True

    def _keep(self, tables: Tables, attempted: Attempted) -> bool:
        """Hold on to an entry that nobody answered for, where it is still to be published."""
        entry = tables.entries.get(attempted.entry.entry_id)
        if attempted.result is not PublishResult.UNKNOWN or entry is None or not self._is_mine(entry):
            return False
        until = self._store.clock.now() + self._lease
        tables.entries[entry.entry_id] = replace(entry, claimed_until=until)
        is_waiting = tables.deliveries[entry.delivery_id].state is DeliveryState.WAITING
        return is_waiting and entry.attempt == attempted.entry.attempt

    def _release(self, tables: Tables, entries: Sequence[OutboxEntry]) -> None:
        for each in entries:
            entry = tables.entries.get(each.entry_id)
            if entry is None or entry.attempt != each.attempt or entry.claimed_by != self._claimant:
                continue
            if tables.deliveries[each.delivery_id].state is DeliveryState.WAITING:
                tables.entries[each.entry_id] = replace(entry, claimed_by=None, claimed_until=None)
            else:
                del tables.entries[each.entry_id]


def _drained(tables: Tables, now: datetime) -> list[MailboxName]:
    """Return the mailboxes of which a claim may take a little now."""
    return [
        mailbox
        for mailbox, each in tables.breakers.items()
        if each.state is not BreakerState.CLOSED and (each.parked_until or now) <= now
    ]


def _drain_order(
    pair: tuple[StoredEntry, StoredDelivery], probed: Collection[MailboxName]
) -> tuple[object, ...]:
    """Put what is urgent first, then what came back; for a probe what never came back, then in its turn."""
    entry, delivery = pair
    since = 0.0 if entry.is_fresh else entry.not_before.timestamp()
    if delivery.mailbox in probed:
        return (not entry.is_fresh, entry.is_fresh and not delivery.is_urgent, since, entry.entry_id)
    return (not delivery.is_urgent, entry.is_fresh, since, entry.entry_id)


def _by_submission(tables: Tables, kept: Sequence[Attempted]) -> list[list[StoredDelivery]]:
    """Group the documents of each submission; one that was replayed stands alone."""
    groups: dict[tuple[MessageId | None, DeliveryId | None], list[StoredDelivery]] = {}
    for each in kept:
        delivery = tables.deliveries[each.entry.delivery_id]
        if delivery.kind is MessageKind.DOCUMENT:
            alone = delivery.delivery_id if delivery.episode > 1 else None
            groups.setdefault((delivery.message_id, alone), []).append(delivery)
    return list(groups.values())


def _note(tables: Tables, attempts: Sequence[Attempted], result: PublishResult | None, outcome: str) -> None:
    tables.attempts += [
        StoredAttempt(delivery_id=each.entry.delivery_id, attempt=each.entry.attempt, outcome=outcome)
        for each in attempts
        if result is None or each.result is result
    ]


def _returned(each: Attempted) -> ReturnedDelivery:
    return ReturnedDelivery(
        delivery_id=each.entry.delivery_id,
        attempt=each.entry.attempt,
        reason=_FAILED[each.result],
        note=each.note,
        at=each.at,
    )
