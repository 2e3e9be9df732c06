"""Promises not yet kept: claimed, published by the delivery line, and recorded with what they make true."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

import asyncpg

from hub.backends.postgres import breaking, issuing, posting, reporting
from hub.backends.postgres.claimant import CLASS_OF_CLAIMANTS, Claimant
from hub.backends.postgres.giving_up import give_up_or_retry
from hub.backends.postgres.issuing import NewId
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.seam import Terms
from hub.backends.postgres.statements import columns, statement
from hub.crash import crash_point
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
)
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, ReturnedDelivery, ReturnReason
from hub.message.receipt import Receipt, ReceiptEvent
from hub.ports import Attest, Clock, Recover

_FAILED: Final = MappingProxyType(
    {
        PublishResult.UNROUTABLE: ReturnReason.UNROUTABLE,
        PublishResult.FAILED: ReturnReason.HUB_FAILURE,
        PublishResult.EXPIRED: ReturnReason.EXPIRED,
    }
)


class PostgresOutbox:
    """Implements `hub.ports.Outbox`."""

    def __init__(
        self, database: Database, *, claimant: Claimant, clock: Clock, new_id: NewId, terms: Terms
    ) -> None:
        """Claim and record in *database* on behalf of *claimant*."""
        self._database = database
        self._claimant = claimant
        self._clock = clock
        self._new_id = new_id
        self._terms = terms
        self._served_last = ""

    async def claim(self, limit: int, octets: int) -> Sequence[OutboxEntry]:
        """Take up to *limit* due entries of at most *octets* together (one at least), in a short commit."""
        async with self._database.transaction() as transaction:
            drained = await breaking.due(transaction)
            rows = await transaction.fetch(
                statement("claim_outbox_entries"),
                self._claimant.number,
                limit,
                octets,
                self._claimant.lease,
                CLASS_OF_CLAIMANTS,
                self._served_last,
                list(drained),
                [each.allowance for each in drained.values()],
                [each.sends_probe for each in drained.values()],
            )
            needless = [row["entry_id"] for row in rows if row["state"] != DeliveryState.WAITING.value]
            if needless:
                await transaction.execute(statement("delete_acknowledged_outbox_entries"), needless)
            taken = _taken(rows)
            await breaking.claimed(transaction, drained, taken, self._terms.breaker, at=self._clock.now())
        self._served_last = rows[-1]["mailbox"] if rows else ""  # the next claim serves those behind it first
        return [_entry(row) for row in rows if row["state"] == DeliveryState.WAITING.value]

    async def release(self, entries: Sequence[OutboxEntry]) -> None:
        """Give back what this process claimed and did not try."""
        async with self._database.transaction() as transaction:
            await self._release(transaction, entries)

    async def disown(self, held: Mapping[int, int]) -> None:
        """Give back what is claimed in this process's name and not *held* on that attempt."""
        async with self._database.transaction() as transaction:
            numbers, attempts = list(held), list(held.values())
            await transaction.execute(
                statement("disown_outbox_entries"), self._claimant.number, numbers, attempts
            )

    async def record(
        self, attempts: Sequence[Attempted], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Record what the broker said, with the receipts that it makes true, in one transaction."""
        async with self._database.transaction() as transaction:
            kept = _with(attempts, PublishResult.CONFIRMED)
            took = await self._confirm_receipts(transaction, [each for each in kept if _is_receipt(each)])
            confirmed, took_too = await self._confirm(
                transaction, [each for each in kept if not _is_receipt(each)]
            )
            now = self._clock.now()
            owed = await self._owe_consignments(transaction, list(confirmed.values()), now)
            unanswered = await self._keep_unanswered(transaction, _with(attempts, PublishResult.UNKNOWN))
            owed += await self._recover(transaction, attempts, recover, now)
            full = _with(attempts, PublishResult.FULL)
            await self._park(transaction, full, now)
            await breaking.took(
                transaction, (took | took_too) - {each.entry.mailbox for each in full}, at=now
            )
            receipts = await issuing.issue(transaction, owed, attest, self._new_id)
            await posting.enter(transaction, receipts)
            crash_point("delivery.inside_mark")
            return [*unanswered, *await posting.promise(transaction, receipts, self._claimant)]

    async def _recover(
        self, transaction: Transaction, attempts: Sequence[Attempted], recover: Recover, at: datetime
    ) -> list[Receipt]:
        """Retry or give up what failed; return the failures that are owed."""
        failed = [each for each in attempts if each.result in _FAILED]
        locked = await _locked(transaction, failed)
        returned = [_returned(each) for each in failed]
        owed = await give_up_or_retry(
            transaction,
            returned,
            locked,
            recover,
            breaker=self._terms.breaker,
            at=at,
            new_id=self._new_id,
        )
        await self._release(transaction, [each.entry for each in failed])  # what was acknowledged meanwhile
        return owed

    async def _keep_unanswered(
        self, transaction: Transaction, attempts: Sequence[Attempted]
    ) -> list[OutboxEntry]:
        """Note that nobody answered, and hold on to what is still to be published; return that."""
        if not attempts:
            return []
        await _note_attempts(transaction, attempts, await _locked(transaction, attempts), "unknown")
        rows = [(each.entry.entry_id, each.entry.attempt) for each in attempts]
        renewed = await transaction.fetch(
            statement("renew_outbox_entries"),
            *columns(rows, 2),
            self._claimant.number,
            self._claimant.lease,
        )
        ours = {row["entry_id"] for row in renewed}
        await self._release(transaction, [each.entry for each in attempts if each.entry.entry_id not in ours])
        return [each.entry for each in attempts if each.entry.entry_id in ours]

    async def _confirm_receipts(
        self, transaction: Transaction, attempts: Sequence[Attempted]
    ) -> set[MailboxName]:
        """End the promises of receipts that were kept; return the parked mailboxes that took them."""
        if not attempts:
            return set()
        found = await transaction.fetch(statement("confirm_receipts"), *columns(_published(attempts), 4))
        return {MailboxName(row["mailbox"]) for row in found}

    async def _confirm(
        self, transaction: Transaction, attempts: Sequence[Attempted]
    ) -> tuple[dict[DeliveryId, LockedDelivery], set[MailboxName]]:
        """End the promises that were kept, and note it.

        Returns their deliveries, without what a return took over, and the parked mailboxes that took them.
        """
        if not attempts:
            return {}, set()
        found = await transaction.fetch(statement("confirm_deliveries"), *columns(_published(attempts), 4))
        took = {MailboxName(row["mailbox"]) for row in found if row["was_parked"]}
        return reporting.locked_deliveries(found), took

    async def _park(self, transaction: Transaction, attempts: Sequence[Attempted], at: datetime) -> None:
        if attempts:
            mailboxes = {each.entry.mailbox for each in attempts}
            await breaking.park(transaction, mailboxes, self._terms.park_time, at=at)
            await self._release(transaction, [each.entry for each in attempts])

    async def _release(self, transaction: Transaction, entries: Sequence[OutboxEntry]) -> None:
        if not entries:
            return
        rows = [(entry.entry_id, entry.attempt) for entry in entries]
        await transaction.execute(
            statement("release_outbox_entries"), *columns(rows, 2), self._claimant.number
        )
        await transaction.execute(
            statement("delete_needless_outbox_entries"), [entry.entry_id for entry in entries]
        )

    async def _owe_consignments(
        self,
        transaction: Transaction,
        confirmed: Sequence[LockedDelivery],
        at: datetime,
    ) -> list[Receipt]:
        """Owe one receipt for the documents of each submission, and one for each that was replayed."""
        groups: dict[tuple[MessageId | None, DeliveryId | None], list[LockedDelivery]] = {}
        for delivery in confirmed:
            if delivery.kind == MessageKind.DOCUMENT.value:
                alone = delivery.delivery_id if delivery.episode > 1 else None
                groups.setdefault((delivery.message_id, alone), []).append(delivery)
        return await issuing.owe(
            transaction, ReceiptEvent.CONTENT_CONSIGNMENT, list(groups.values()), at=at, new_id=self._new_id
        )


def _published(attempts: Sequence[Attempted]) -> list[tuple[object, ...]]:
    return [(each.entry.entry_id, each.entry.attempt, each.entry.delivery_id, each.at) for each in attempts]


def _taken(rows: Sequence[asyncpg.Record]) -> dict[MailboxName, list[DeliveryId]]:
    """Return what is going to be published, by mailbox."""
    taken: dict[MailboxName, list[DeliveryId]] = {}
    for row in rows:
        if row["state"] == DeliveryState.WAITING.value:
            taken.setdefault(MailboxName(row["mailbox"]), []).append(DeliveryId(row["delivery_id"]))
    return taken


def _is_receipt(each: Attempted) -> bool:
    return each.entry.kind is MessageKind.RECEIPT


def _with(attempts: Sequence[Attempted], result: PublishResult) -> list[Attempted]:
    return [each for each in attempts if each.result is result]


async def _locked(
    transaction: Transaction, attempts: Sequence[Attempted]
) -> dict[DeliveryId, LockedDelivery]:
    return await reporting.lock(transaction, sorted({each.entry.delivery_id for each in attempts}))


def _returned(each: Attempted) -> ReturnedDelivery:
    return ReturnedDelivery(
        delivery_id=each.entry.delivery_id,
        attempt=each.entry.attempt,
        reason=_FAILED[each.result],
        note=each.note,
        at=each.at,
    )


async def _note_attempts(
    transaction: Transaction,
    attempts: Sequence[Attempted],
    locked: dict[DeliveryId, LockedDelivery],
    outcome: str,
) -> None:
    rows = [
        (
            each.entry.delivery_id,
            each.entry.attempt,
            locked[each.entry.delivery_id].episode,
            each.at,
            outcome,
            None,
        )
        for each in attempts
    ]
    if rows:
        await transaction.execute(statement("insert_attempts"), *columns(rows, 6))


def _entry(row: asyncpg.Record) -> OutboxEntry:
    return OutboxEntry(
        entry_id=row["entry_id"],
        delivery_id=DeliveryId(row["delivery_id"]),
        message_id=MessageId(row["message_id"]) if row["message_id"] is not None else None,
        kind=MessageKind(row["kind"]),
        mailbox=MailboxName(row["mailbox"]),
        sender=row["sender"],
        recipient=AgencyKey(row["recipient"]),
        is_urgent=row["is_urgent"],
        lane_number=row["lane_number"],
        attempt=row["attempt"],
        correlation_id=row["correlation_id"],
        document_id=DocumentId(row["document_id"]) if row["document_id"] is not None else None,
        event=ReceiptEvent(row["event"]) if row["event"] is not None else None,
        expires_at=row["expires_at"],
        body=row["body"],
    )
