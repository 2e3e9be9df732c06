"""Deliveries that got further than the database knows: put where receipts and recipients say they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres import issuing, reporting
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.backends.postgres.trail import Event, append
from hub.message.delivery_state import ACKNOWLEDGED, CLOSED, DeliveryState
from hub.message.edxml import MessageKind
from hub.message.hindsight import Fact, Standing, in_hindsight
from hub.message.identifiers import DeliveryId
from hub.message.receipt import Receipt, ReceiptEvent

RECONCILED: Final = "reconciled"
"""Code of the cause of what turned out, after a restore, to have been given up."""
_REACHED: Final = frozenset({DeliveryState.CONSIGNED, *ACKNOWLEDGED})
_GIVEN_BACK: Final = frozenset({DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.DISCARDED})


async def catch_up(
    transaction: Transaction,
    facts: Mapping[DeliveryId, Sequence[Fact]],
    *,
    owing: frozenset[DeliveryId],
    at: datetime,
    new_id: NewId,
) -> list[Receipt]:
    """Let deliveries stand where *facts* put them; what no longer waits is never published again.

    Returns the consignments that nobody was ever told of, for those of *owing* that reached their mailbox.
    """
    locked = await reporting.lock(transaction, sorted(facts))
    changed, reached = [], []
    for delivery_id, delivery in locked.items():
        await _enlist_receipts(transaction, delivery, facts[delivery_id])
        before = _standing(delivery)
        after = in_hindsight(before, facts[delivery_id])
        if after != before:
            changed.append((delivery, after))
        if delivery_id in owing and _has_reached(before, after):
            reached.append(replace(delivery, attempt=after.attempt, episode=after.episode))
    await _put(transaction, changed, at)
    return await owe_alone(transaction, ReceiptEvent.CONTENT_CONSIGNMENT, reached, at=at, new_id=new_id)


async def owe_alone(
    transaction: Transaction,
    event: ReceiptEvent,
    deliveries: Sequence[LockedDelivery],
    *,
    at: datetime,
    new_id: NewId,
) -> list[Receipt]:
    """Return the receipt that is owed for each document in *deliveries*, unless it was issued."""
    groups = [[each] for each in deliveries if each.kind == MessageKind.DOCUMENT.value]
    return await issuing.owe(transaction, event, groups, at=at, new_id=new_id)


async def _enlist_receipts(transaction: Transaction, delivery: LockedDelivery, facts: Sequence[Fact]) -> None:
    """Reserve what was issued, so that it is not issued again; two receipts for the same are told of."""
    subjects = [
        (delivery.delivery_id, fact.event, fact.episode, fact.receipt_id)
        for fact in facts
        if fact.event is not None and fact.receipt_id is not None
    ]
    await issuing.enlist(transaction, subjects)
    rows = await transaction.fetch(statement("find_other_receipts"), *columns(subjects, 4))
    await append(transaction, [_doubled(delivery, row) for row in rows])


async def _put(
    transaction: Transaction, changed: Sequence[tuple[LockedDelivery, Standing]], at: datetime
) -> None:
    if not changed:
        return
    rows = [_standing_row(delivery, after, at) for delivery, after in changed]
    await transaction.execute(statement("put_in_standing"), *columns(rows, 9))
    over = [each.delivery_id for each, after in changed if after.state is not DeliveryState.WAITING]
    await transaction.execute(statement("end_promises"), over)
    await _schedule(transaction, [pair for pair in changed if pair[1].state is DeliveryState.WAITING], at)
    dead = [
        (each.delivery_id, each.mailbox, after.cause, after.episode, RECONCILED, None)
        for each, after in changed
        if after.state is DeliveryState.DEAD
    ]
    await transaction.execute(statement("open_cases"), *columns(dead, 6))
    await append(transaction, [_reconciled(delivery, after) for delivery, after in changed])


async def _schedule(
    transaction: Transaction, waiting: Sequence[tuple[LockedDelivery, Standing]], at: datetime
) -> None:
    rows = [
        (
            each.delivery_id,
            each.mailbox,
            each.sender,
            each.recipient,
            each.is_urgent,
            each.lane_number,
            after.attempt,
            each.octets,
            at,
        )
        for each, after in waiting
    ]
    await transaction.execute(statement("schedule_outbox_entries"), *columns(rows, 9))


def _standing(delivery: LockedDelivery) -> Standing:
    return Standing(
        state=delivery.state,
        attempt=delivery.attempt,
        first_attempt=delivery.first_attempt,
        episode=delivery.episode,
        consigned_at=delivery.consigned_at,
    )


def _has_reached(before: Standing, after: Standing) -> bool:
    """Whether it turned out that the mailbox has what the database still meant to send."""
    return before.state is DeliveryState.WAITING and after.state in _REACHED


def _standing_row(delivery: LockedDelivery, after: Standing, now: datetime) -> tuple[object, ...]:
    return (
        delivery.delivery_id,
        after.state.value,
        after.attempt,
        after.first_attempt,
        after.episode,
        after.state not in _GIVEN_BACK,
        after.consigned_at,
        after.acknowledged_at,
        now if after.state in CLOSED else None,
    )


def _reconciled(delivery: LockedDelivery, after: Standing) -> Event:
    return Event(
        name="delivery.reconciled",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail={"before": delivery.state.value, "after": after.state.value, "attempt": after.attempt},
    )


def _doubled(delivery: LockedDelivery, row: asyncpg.Record) -> Event:
    detail: dict[str, object] = {
        "event": row["event"],
        "episode": row["episode"],
        "stands": str(row["receipt_id"]),
        "held": str(row["held"]),
    }
    return Event(
        name="receipt.issued_twice",
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail=detail,
    )
