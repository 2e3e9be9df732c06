"""A delivery that did not arrive: tried again as a row, or given up as a case, together with the proof."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, assert_never

from hub.backends.postgres import breaking, issuing, reporting
from hub.backends.postgres.issuing import Failure, NewId
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.backends.postgres.trail import Event, append
from hub.message.breaker import COUNTED, Breaker, BreakerTerms, Past, judge
from hub.message.delivery_state import ACKNOWLEDGED, CLOSED, DeliveryState, Trigger, advance
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.outbox import Expire, GiveUp, Recovery, Retry, ReturnedDelivery
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent
from hub.ports import Recover

_RULE_CHARACTERS: Final = 200


async def give_up_or_retry(
    transaction: Transaction,
    returned: Sequence[ReturnedDelivery],
    locked: dict[DeliveryId, LockedDelivery],
    recover: Recover,
    *,
    breaker: BreakerTerms,
    at: datetime,
    new_id: NewId,
) -> list[Receipt]:
    """Look first, then decide each of *returned*; returns the failure receipts that are owed, unsigned."""
    live, stale = _looked_at(returned, locked)
    pairs = [
        (replace(each, mailbox=locked[each.delivery_id].mailbox), locked[each.delivery_id]) for each in live
    ]
    decided = await _decide(transaction, pairs, recover, breaker, at)
    await _note(transaction, decided)
    await append(transaction, [_stale_event(each, locked.get(each.delivery_id)) for each in stale])
    await _retry(
        transaction, [(delivery, what) for _, delivery, what in decided if isinstance(what, Retry)], at
    )
    ended = [(delivery, what) for _, delivery, what in decided if not isinstance(what, Retry)]
    return await _end(transaction, ended, {each.delivery_id: _root(each) for each in live}, at, new_id)


def _looked_at(
    returned: Sequence[ReturnedDelivery], locked: dict[DeliveryId, LockedDelivery]
) -> tuple[list[ReturnedDelivery], list[ReturnedDelivery]]:
    """Return what is news and what is late; of two copies of one attempt the second is late."""
    live: dict[DeliveryId, ReturnedDelivery] = {}
    stale = []
    for each in returned:
        if each.delivery_id not in live and _concerns(each, locked.get(each.delivery_id)):
            live[each.delivery_id] = each
        else:
            stale.append(each)
    return list(live.values()), stale


def _concerns(returned: ReturnedDelivery, delivery: LockedDelivery | None) -> bool:
    """Say whether this return is news: not acknowledged, not ended, and of the present attempt."""
    if delivery is None or delivery.state in ACKNOWLEDGED | CLOSED:
        return False
    is_open = delivery.state in {DeliveryState.WAITING, DeliveryState.CONSIGNED}
    return is_open and returned.attempt == delivery.attempt


async def _decide(
    transaction: Transaction,
    pairs: Sequence[tuple[ReturnedDelivery, LockedDelivery]],
    recover: Recover,
    terms: BreakerTerms,
    at: datetime,
) -> list[tuple[ReturnedDelivery, LockedDelivery, Recovery]]:
    """Decide one after the other, in the order in which they came back: a breaker counts what is in a row."""
    counted = {delivery.mailbox for each, delivery in pairs if each.reason in COUNTED and terms.failures}
    before = await breaking.lock(transaction, counted)
    pasts = await _pasts(transaction, pairs, before)
    after = dict(before)
    decided = []
    for each, delivery in pairs:
        decide = partial(recover, each, delivery.tries)
        if delivery.mailbox in after:
            past = pasts.get(each.delivery_id, Past())
            after[delivery.mailbox], what = judge(after[delivery.mailbox], each, past, decide, terms)
        else:
            what = decide()
        decided.append((each, delivery, what))
    await breaking.store(transaction, before, after, at=at)
    return decided


async def _pasts(
    transaction: Transaction,
    pairs: Sequence[tuple[ReturnedDelivery, LockedDelivery]],
    breakers: Mapping[MailboxName, Breaker],
) -> dict[DeliveryId, Past]:
    """Return when those came back before that did, from mailboxes that were heard of meanwhile."""
    heard = {name for name, each in breakers.items() if each.heard_at is not None}
    asked = [
        (delivery.delivery_id, delivery.episode)
        for _, delivery in pairs
        if delivery.mailbox in heard and delivery.attempt > 1
    ]
    if not asked:
        return {}
    rows = await transaction.fetch(statement("find_earlier_returns"), *columns(asked, 2))
    return {
        DeliveryId(row["delivery_id"]): Past(first_back_at=row["first"], last_back_at=row["last"])
        for row in rows
    }


async def _note(
    transaction: Transaction, decided: Sequence[tuple[ReturnedDelivery, LockedDelivery, Recovery]]
) -> None:
    rows = [
        (each.delivery_id, each.attempt, delivery.episode, each.at, each.reason.value, each.note)
        for each, delivery, _ in decided
    ]
    if rows:
        await transaction.execute(statement("insert_attempts"), *columns(rows, 6))
    await append(transaction, [_returned_event(*each) for each in decided])


async def _retry(
    transaction: Transaction, retried: Sequence[tuple[LockedDelivery, Retry]], at: datetime
) -> None:
    if not retried:
        return
    changed = [_tried_again(delivery, what) for delivery, what in retried]
    await reporting.store(transaction, changed, at)
    rows = [
        (
            each.delivery_id,
            each.mailbox,
            each.sender,
            each.recipient,
            each.is_urgent,
            each.lane_number,
            each.attempt,
            each.octets,
            what.not_before,
        )
        for each, (_, what) in zip(changed, retried, strict=True)
    ]
    await transaction.execute(statement("schedule_outbox_entries"), *columns(rows, 9))


async def _end(
    transaction: Transaction,
    ended: Sequence[tuple[LockedDelivery, Recovery]],
    roots: Mapping[DeliveryId, tuple[str, str | None]],
    at: datetime,
    new_id: NewId,
) -> list[Receipt]:
    if not ended:
        return []
    failures: dict[DeliveryId, Failure] = {}
    changed = []
    asked = [delivery.delivery_id for delivery, _ in ended]
    rows = await transaction.fetch(statement("find_unconfirmed_deliveries"), asked)
    unconfirmed = {row["delivery_id"] for row in rows}
    for delivery, what in ended:
        trigger, failure = _ending(what, is_unconfirmed=delivery.delivery_id in unconfirmed)
        failures[delivery.delivery_id] = failure
        changed.append(_after(delivery, trigger))
    await reporting.store(transaction, changed, at)
    await transaction.execute(
        statement("delete_outbox_entries_of_deliveries"), [each.delivery_id for each in changed]
    )
    dead = [each for each in changed if each.state is DeliveryState.DEAD]
    cases = [
        (
            each.delivery_id,
            each.mailbox,
            failures[each.delivery_id].cause,
            each.episode,
            *roots[each.delivery_id],
        )
        for each in dead
    ]
    if cases:
        await transaction.execute(statement("open_cases"), *columns(cases, 6))
    await append(transaction, [_ended_event(each, failures[each.delivery_id]) for each in changed])
    told = [[each] for each in changed if each.kind != MessageKind.RECEIPT.value]
    event = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
    return await issuing.owe(transaction, event, told, at=at, new_id=new_id, failures=failures)


def _root(each: ReturnedDelivery) -> tuple[str, str | None]:
    """Return what cases are grouped by: the reason, and the kind of error or the rule that was named."""
    return each.reason.value, each.note.partition(": ")[0][:_RULE_CHARACTERS] if each.note else None


def _ending(what: Recovery, *, is_unconfirmed: bool) -> tuple[Trigger, Failure]:
    match what:
        case GiveUp(cause=cause):
            kind = FailureKind.UNKNOWN if is_unconfirmed else FailureKind.NOT_DELIVERED
            return Trigger.GIVEN_UP, Failure(kind=kind, cause=cause)
        case Expire(cause=cause):
            return Trigger.EXPIRED, Failure(kind=FailureKind.EXPIRED, cause=cause)
        case Retry():
            raise AssertionError  # retries were taken out before
        case _:
            assert_never(what)


def _after(delivery: LockedDelivery, trigger: Trigger) -> LockedDelivery:
    return replace(delivery, state=advance(delivery.state, trigger) or delivery.state)


def _tried_again(delivery: LockedDelivery, what: Retry) -> LockedDelivery:
    first = delivery.first_attempt if what.costs_try else delivery.first_attempt + 1
    return replace(_after(delivery, Trigger.RETRIED), attempt=delivery.attempt + 1, first_attempt=first)


def _returned_event(each: ReturnedDelivery, delivery: LockedDelivery, what: Recovery) -> Event:
    detail: dict[str, object] = {"attempt": each.attempt, "reason": each.reason.value}
    if isinstance(what, Retry):
        detail["not_before"] = what.not_before.isoformat()
        detail |= {} if what.costs_try else {"costs_no_try": True}
    return Event(
        name="delivery.returned",
        message_id=delivery.message_id,
        delivery_id=each.delivery_id,
        detail=detail,
    )


def _stale_event(each: ReturnedDelivery, delivery: LockedDelivery | None) -> Event:
    return Event(
        name="delivery.returned_late",
        message_id=None if delivery is None else delivery.message_id,
        delivery_id=each.delivery_id,
        detail={"attempt": each.attempt, "reason": each.reason.value},
    )


def _ended_event(delivery: LockedDelivery, failure: Failure) -> Event:
    return Event(
        name=f"delivery.{delivery.state.value}",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail={"failure": failure.kind.value, "cause": failure.cause},
    )
