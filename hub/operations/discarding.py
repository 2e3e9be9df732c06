"""Dead letters are given up for good, and taken back from there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.backends.postgres import desk, issuing, posting
from hub.backends.postgres.desk import LockedCase
from hub.backends.postgres.issuing import Failure, NewId
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.trail import Event, append
from hub.message.delivery_state import Trigger
from hub.message.edxml import MessageKind
from hub.message.receipt import FailureKind, ReceiptEvent
from hub.operations.case_batch import DISCARDED, Errand, Handled, sorted_out, with_deliveries
from hub.ports import Attest, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What it takes to tell the senders with a signature."""

    attest: Attest
    clock: Clock
    new_id: NewId


async def discard(
    transaction: Transaction, cases: Sequence[LockedCase], errand: Errand, notice: Notice
) -> Handled:
    """Give the locked *cases* up; each sender gets a signed failure with the reason, in the same commit."""
    able, refused = sorted_out(cases, Trigger.DISCARDED)
    deliveries = [delivery for _, delivery in with_deliveries(able)]
    await desk.discard(transaction, [delivery.delivery_id for delivery in deliveries])
    await _tell_senders(transaction, deliveries, errand.reason or "", notice)
    await desk.close_cases(transaction, [case.case_id for case in able], DISCARDED)
    await append(transaction, [_event("delivery.discarded", *each, errand) for each in with_deliveries(able)])
    await desk.record(transaction, [errand.action("discard", case) for case in able])
    return Handled(done=tuple(case.case_id for case in able), refused=refused)


async def restore(transaction: Transaction, cases: Sequence[LockedCase], errand: Errand) -> Handled:
    """Take the discard of the locked *cases* back: they are open again, their deliveries dead letters.

    The signed failure stays true: nothing was delivered. What a replay brings about supersedes it.
    """
    able, refused = sorted_out(cases, Trigger.RESTORED)
    await desk.restore(transaction, [delivery.delivery_id for _, delivery in with_deliveries(able)])
    await desk.reopen_cases(transaction, [case.case_id for case in able])
    await append(transaction, [_event("delivery.restored", *each, errand) for each in with_deliveries(able)])
    await desk.record(transaction, [errand.action("restore", case) for case in able])
    return Handled(done=tuple(case.case_id for case in able), refused=refused)


async def _tell_senders(
    transaction: Transaction, deliveries: Sequence[LockedDelivery], reason: str, notice: Notice
) -> None:
    """Issue the signed failures; a receipt itself causes none."""
    told = [
        replace(delivery, episode=delivery.episode + 1)
        for delivery in deliveries
        if delivery.kind != MessageKind.RECEIPT.value
    ]
    failure = Failure(kind=FailureKind.DISCARDED, cause=reason)
    receipts = await issuing.owe(
        transaction,
        ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
        [[delivery] for delivery in told],
        at=notice.clock.now(),
        new_id=notice.new_id,
        failures={delivery.delivery_id: failure for delivery in told},
    )
    letters = await issuing.issue(transaction, receipts, notice.attest, notice.new_id)
    await posting.enter(transaction, letters)
    await desk.schedule(transaction, [letter.delivery_id for letter in letters])


def _event(name: str, case: LockedCase, delivery: LockedDelivery, errand: Errand) -> Event:
    return Event(
        name=name,
        message_id=delivery.message_id,
        delivery_id=delivery.delivery_id,
        detail={"case_id": case.case_id, "operator": errand.operator, "episode": delivery.episode + 1},
    )
