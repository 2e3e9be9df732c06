"""Queues that were lost with what lay in them: what may be gone is named, and sent again.

The database still has all of it. The same delivery id goes out as the next attempt, so that a recipient that
has it drops it; receipts stay true, since the broker did have it in the queue when they were signed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from hub.backends.postgres import desk, queue_watching, reporting
from hub.backends.postgres.desk import Action
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.queue_watching import QueueLoss
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.backends.postgres.trail import Event, append
from hub.backends.rabbitmq.topology import DELIVERY_TTL
from hub.crash import crash_point
from hub.errors import OperationRefused
from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, MailboxName, document_code
from hub.message.queue_ledger import LossKind
from hub.ports import Clock

BATCH: Final = 200
"""Deliveries of one transaction: a process that is killed has sent whole ones of them again, or none."""
PER_MINUTE: Final = 3000
OLDEST: Final = DELIVERY_TTL + timedelta(days=1)
"""Nothing lies in a queue for longer: before, it has come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDelivery:
    """What the broker had confirmed in the queue, and nobody has said a word of since."""

    delivery_id: DeliveryId
    kind: str
    document_id: DocumentId | None
    document_code: str | None
    subject: str | None
    sender: AgencyKey | None
    recipient: AgencyKey
    is_urgent: bool
    consigned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPlan:
    """What would be sent again to one mailbox."""

    mailbox: MailboxName
    loss: QueueLoss | None
    """What was noticed; None where an operator knows it from elsewhere."""
    after: datetime
    """Confirmed after this instant"""
    until: datetime
    """and not after this one."""
    deliveries: tuple[LostDelivery, ...]
    """In the order in which they lay in the queue."""


class LossDesk:
    """Puts lost queues right, in the name of an operator."""

    def __init__(self, database: Database, *, operator: str, clock: Clock) -> None:
        """Work on *database* in the name of *operator*."""
        self._database = database
        self._operator = operator
        self._clock = clock

    async def losses(self, *, is_open: bool = True, limit: int = 100) -> tuple[QueueLoss, ...]:
        """Return up to *limit* losses, the newest first."""
        async with self._database.connection() as connection:
            return await queue_watching.read_losses(connection, is_open=is_open, limit=limit)

    async def plan(self, mailbox: MailboxName, *, since: datetime | None = None) -> LossPlan:
        """Name what may have been lost out of the queue of *mailbox*; changes nothing.

        *since* says better than what was noticed when the loss can have begun. Raises `OperationRefused`
        where nothing was noticed and *since* is not given.
        """
        now = self._clock.now()
        async with self._database.connection() as connection:
            noticed = await queue_watching.read_losses(connection, is_open=True, mailbox=mailbox, limit=1)
            if not noticed and since is None:
                raise OperationRefused(
                    f"no loss of the queue of {mailbox} is open; say from when on there may be one: --since"
                )
            loss = noticed[0] if noticed else None
            after = since or (loss.since if loss is not None else None) or now - OLDEST
            until = loss.noticed_at if loss is not None else now
            rows = await connection.fetch(statement("find_possibly_lost"), mailbox, after, until)
        return LossPlan(
            mailbox=mailbox,
            loss=loss,
            after=after,
            until=until,
            deliveries=tuple(_lost_delivery(row) for row in rows),
        )

    async def send_again(
        self,
        plan: LossPlan,
        *,
        reason: str | None = None,
        per_minute: int = PER_MINUTE,
        progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Send everything of *plan* again that still has no word of its recipient, and end the loss.

        At most *per_minute* go out, in the order of the queue. Broken off anywhere it may be called again
        with a new plan: what has gone out is not in it. Returns how many were sent.
        """
        if plan.loss is None:
            plan = await self._noted(plan)
        pace = timedelta(minutes=1) / per_minute
        at = await self._begin_at(plan, pace * len(plan.deliveries))
        due = [(each.delivery_id, at + pace * place) for place, each in enumerate(plan.deliveries)]
        sent = 0
        for start in range(0, len(due), BATCH):
            async with self._database.transaction() as transaction:
                sent += await self._send_batch(transaction, plan, due[start : start + BATCH], reason)
                crash_point("losses.inside_batch")
            crash_point("losses.after_batch")
            progress(sent)
        await self._end(plan.mailbox, "sent_again", reason, {"deliveries": sent})
        return sent

    async def dismiss(self, mailbox: MailboxName, reason: str) -> None:
        """End the open loss of *mailbox* without sending anything; raises `OperationRefused` without one."""
        if not reason.strip():
            raise OperationRefused("a loss is dismissed for a reason: give one")
        if not await self._end(mailbox, "dismissed", reason, {}):
            raise OperationRefused(f"no loss of the queue of {mailbox} is open")

    async def _noted(self, plan: LossPlan) -> LossPlan:
        """Keep what an operator tells as a loss, so that a call that is broken off can be gone on with."""
        async with self._database.transaction() as transaction:
            await queue_watching.open_loss(
                transaction,
                plan.mailbox,
                LossKind.TOLD,
                since=plan.after,
                deliveries=len(plan.deliveries),
            )
        return await self.plan(plan.mailbox, since=plan.after)

    async def _begin_at(self, plan: LossPlan, longest: timedelta) -> datetime:
        """Go on behind what an earlier call, which was broken off, has let go out."""
        async with self._database.connection() as connection:
            last = await connection.fetchval(statement("find_last_resent"), plan.mailbox, longest)
        now = self._clock.now()
        return max(now, last) if isinstance(last, datetime) else now

    async def _send_batch(
        self,
        transaction: Transaction,
        plan: LossPlan,
        due: Sequence[tuple[DeliveryId, datetime]],
        reason: str | None,
    ) -> int:
        """Send those again that are still where *plan* saw them."""
        locked = await reporting.lock(transaction, [each for each, _ in due])
        rows = [(each, at) for each, at in due if each in locked and _is_where_it_was(locked[each], plan)]
        await transaction.execute(statement("send_lost_again"), *columns(rows, 2))
        able = [locked[each] for each, _ in rows]
        await append(transaction, [self._event(each, plan) for each in able])
        await desk.record(transaction, [self._action(each, plan, reason) for each in able])
        return len(able)

    def _event(self, delivery: LockedDelivery, plan: LossPlan) -> Event:
        return Event(
            name="delivery.sent_again",
            message_id=delivery.message_id,
            delivery_id=delivery.delivery_id,
            detail={"operator": self._operator, "attempt": delivery.attempt + 1, **_why(plan)},
        )

    def _action(self, delivery: LockedDelivery, plan: LossPlan, reason: str | None) -> Action:
        return Action(
            operator=self._operator,
            action="losses.send_again",
            reason=reason,
            delivery_id=delivery.delivery_id,
            detail={"mailbox": plan.mailbox, **_why(plan)},
        )

    async def _end(
        self, mailbox: MailboxName, because: str, reason: str | None, detail: dict[str, object]
    ) -> bool:
        async with self._database.transaction() as transaction:
            is_ended = await queue_watching.end_loss(transaction, mailbox, because=because, by=self._operator)
            action = Action(
                operator=self._operator,
                action=f"losses.{because}",
                reason=reason,
                detail={"mailbox": mailbox, **detail},
            )
            if is_ended:
                await desk.record(transaction, [action])
        return is_ended


def _is_where_it_was(delivery: LockedDelivery, plan: LossPlan) -> bool:
    at = delivery.consigned_at
    return delivery.state is DeliveryState.CONSIGNED and at is not None and plan.after < at <= plan.until


def _why(plan: LossPlan) -> dict[str, object]:
    return {} if plan.loss is None else {"loss_id": plan.loss.loss_id, "how": plan.loss.kind.value}


def _lost_delivery(row: asyncpg.Record) -> LostDelivery:
    return LostDelivery(
        delivery_id=DeliveryId(row["delivery_id"]),
        kind=row["kind"],
        document_id=DocumentId(row["document_id"]) if row["document_id"] is not None else None,
        document_code=document_code(row["code_number"], row["code_notation"]),
        subject=row["subject"],
        sender=row["sender"],
        recipient=AgencyKey(row["recipient"]),
        is_urgent=row["is_urgent"],
        consigned_at=row["consigned_at"],
    )
