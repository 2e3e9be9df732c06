"""From the mailbox's queue into the agency's hands: verify, drop what was handled, hand over, answer."""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias, assert_never

import structlog

from adapters.kit import incoming, outgoing
from adapters.kit.broker import Arrived
from adapters.kit.crash import CrashPoint, RejectCrashPoint, crash_point
from adapters.kit.delivery import (
    Accepted,
    Answer,
    ArrivedReceipt,
    ArrivedSheet,
    ArrivedStatus,
    Delivery,
    Refused,
    Retry,
)
from adapters.kit.error import DeliveryRejected, JournalFailed
from adapters.kit.incoming import AlreadyHandled, Standing
from adapters.kit.inspection import read_rejection
from adapters.kit.journal import Journal
from adapters.kit.outgoing import Outgoing
from adapters.kit.relay import Relay
from adapters.kit.transaction import Transaction
from hub.errors import MessageRejected
from hub.message import properties
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import Digest, SubmissionId
from hub.message.reject_reason import RejectReason

_log = structlog.get_logger("adapters.kit")

HandleDelivery: TypeAlias = Callable[[Delivery, Transaction], Awaitable[Answer]]
HandleStatus: TypeAlias = Callable[[ArrivedStatus, Transaction], Awaitable[None]]
HandleReceipt: TypeAlias = Callable[[ArrivedReceipt, Transaction], Awaitable[None]]
Inspect: TypeAlias = Callable[[Arrived], Awaitable[Delivery | ArrivedStatus | ArrivedSheet]]
"""Verifies and reads; raises `MessageRejected` or `DeliveryRejected`."""
Leave: TypeAlias = Callable[[Delivery | ArrivedStatus | ArrivedSheet], Awaitable[None]]
"""Lets go of the files of what was handled, or will come again."""
Compose: TypeAlias = Callable[[Delivery, Sequence[StatusCode], str], Awaitable[Sequence[Outgoing]]]
"""Writes and signs the statuses that answer a delivery."""
Explain: TypeAlias = Callable[[RejectReason], Awaitable[None]]
"""Tells the axis why a delivery is about to be rejected, where that can be done soon; never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What the agency does with what arrives."""

    document: HandleDelivery
    status: HandleStatus
    receipt: HandleReceipt


class Reception:
    """Handles what arrives: one lane in its order, the lanes side by side, every delivery with one effect."""

    def __init__(
        self,
        *,
        journal: Journal,
        relay: Relay,
        inspect: Inspect,
        compose: Compose,
        handlers: Handlers,
        acknowledge_with: tuple[StatusCode, ...],
        max_offers: int,
        decided: Callable[[SubmissionId], None],
        explain: Explain,
        leave: Leave,
    ) -> None:
        """Answer an accepted document with *acknowledge_with* where the handler says nothing else."""
        self._journal = journal
        self._relay = relay
        self._inspect = inspect
        self._compose = compose
        self._handlers = handlers
        self._acknowledge_with = acknowledge_with
        self._max_offers = max_offers
        self._decided = decided
        self._explain = explain
        self._let_go = leave
        self._lanes: dict[object, asyncio.Task[None]] = {}

    async def run(self, arrivals: AsyncIterable[Arrived]) -> None:
        """Handle what arrives until cancelled; what is in hand then comes again."""
        async with asyncio.TaskGroup() as tasks:
            async for arrived in arrivals:
                lane = _lane(arrived)
                task = tasks.create_task(self._receive(arrived, self._lanes.get(lane)))
                self._lanes[lane] = task
                task.add_done_callback(partial(self._leave, lane))

    def _leave(self, lane: object, task: asyncio.Task[None]) -> None:
        if self._lanes.get(lane) is task:
            del self._lanes[lane]

    async def _receive(self, arrived: Arrived, predecessor: asyncio.Task[None] | None) -> None:
        try:
            arrival = await self._inspect(arrived)
        except (MessageRejected, DeliveryRejected) as rejection:
            await self._give_back(arrived, _disbelief(rejection))
            return
        try:
            await self._take_in_turn(arrived, arrival, predecessor)
        finally:
            await self._let_go(arrival)

    async def _take_in_turn(
        self,
        arrived: Arrived,
        arrival: Delivery | ArrivedStatus | ArrivedSheet,
        predecessor: asyncio.Task[None] | None,
    ) -> None:
        if predecessor is not None:
            await asyncio.wait([predecessor])
        match arrival:
            case ArrivedSheet():
                await self._take_sheet(arrived, arrival)
            case Delivery() | ArrivedStatus():
                await self._take(arrived, arrival)
            case _:
                assert_never(arrival)

    async def _take(self, arrived: Arrived, arrival: Delivery | ArrivedStatus) -> None:
        now = datetime.now(UTC)
        standing = await self._journal.write(
            lambda connection: incoming.receive(connection, arrival, max_offers=self._max_offers, at=now)
        )
        crash_point(CrashPoint.AFTER_RECEIVED)
        match standing:
            case Standing.OFFER:
                await self._offer(arrived, arrival)
            case Standing.DROP:
                await self._drop(arrived, arrival)
            case Standing.REJECT:
                await arrived.give_back()
            case Standing.EXHAUSTED:
                await self._give_back(arrived, f"offered {self._max_offers} times without an end")
            case _:
                assert_never(standing)

    async def _drop(self, arrived: Arrived, arrival: Delivery | ArrivedStatus) -> None:
        _log.info(
            "delivery.dropped", delivery_id=str(arrival.delivery_id), attempt=arrival.consignment.attempt
        )
        await self._journal.write(lambda connection: outgoing.publish_again(connection, arrival.delivery_id))
        self._relay.wake()
        await arrived.acknowledge()

    async def _offer(self, arrived: Arrived, arrival: Delivery | ArrivedStatus) -> None:
        try:
            statuses = await self._hand_over(arrival)
        except AlreadyHandled:
            await self._drop(arrived, arrival)
        except JournalFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the net around the agency's handler
            await self._give_back(arrived, _sentence(error), told=_tellable(error))
        else:
            crash_point(CrashPoint.AFTER_COMMIT_BEFORE_ACK)
            await arrived.acknowledge()
            crash_point(CrashPoint.AFTER_ACK_BEFORE_STATUS)
            self._relay.hand_over(statuses.messages, statuses.owner)

    async def _hand_over(self, arrival: Delivery | ArrivedStatus) -> "_Statuses":
        transaction = Transaction()
        messages = await self._handle(arrival, transaction)
        statuses = _Statuses(messages=messages, owner=self._relay.plan_owner(len(messages)))
        await self._journal.write(
            partial(_commit_hand_over, arrival, transaction, statuses, datetime.now(UTC))
        )
        return statuses

    async def _handle(
        self, arrival: Delivery | ArrivedStatus, transaction: Transaction
    ) -> Sequence[Outgoing]:
        """Ask the agency's handler; return the signed statuses that its answer calls for."""
        match arrival:
            case Delivery():
                answer = await self._handlers.document(arrival, transaction)
                return await self._answer(arrival, answer)
            case ArrivedStatus():
                await self._handlers.status(arrival, transaction)
                return ()

    async def _answer(self, delivery: Delivery, answer: Answer) -> Sequence[Outgoing]:
        match answer:
            case Accepted(statuses=None):
                return await self._compose(delivery, self._acknowledge_with, answer.description)
            case Accepted(statuses=statuses):
                return await self._compose(delivery, statuses or (), answer.description)
            case Refused(reason=reason):
                return await self._compose(delivery, (StatusCode.REFUSED,), reason)
            case Retry(reason=reason):
                raise DeliveryRejected(reason)
            case _:
                assert_never(answer)

    async def _take_sheet(self, arrived: Arrived, sheet: ArrivedSheet) -> None:
        """Handle each receipt by itself: one that is wrong keeps no other from being kept."""
        known = await self._journal.write(
            lambda connection: incoming.known_receipts(
                connection, [receipt.receipt_id for receipt in sheet.receipts]
            )
        )
        for receipt_id in known:
            _log.info("receipt.dropped", receipt_id=str(receipt_id))
        new = [each for each in sheet.each() if each.receipt.receipt_id not in known]
        notes = await asyncio.gather(*[self._take_receipt(each, sheet.digest) for each in new])
        wrong = [note for note in notes if note is not None]
        if wrong:
            told = f"{len(wrong)} of {len(sheet.receipts)} receipts were not taken"
            await self._give_back(arrived, f"{told}: {wrong[0]}", told=told)
            return
        await self._answer_repeated(sheet)
        await arrived.acknowledge()

    async def _take_receipt(self, arrival: ArrivedReceipt, sheet: Digest) -> str | None:
        """Hand one receipt over and keep it, in one transaction; returns what was wrong with it."""
        transaction = Transaction()
        try:
            await self._handlers.receipt(arrival, transaction)
            await self._journal.write(
                partial(_commit_receipt, arrival, sheet, transaction, datetime.now(UTC))
            )
        except AlreadyHandled:
            _log.info("receipt.dropped", receipt_id=str(arrival.receipt.receipt_id))
        except JournalFailed:
            raise
        except Exception as error:  # noqa: BLE001 - the net around the agency's handler
            return _sentence(error)
        self._decided(arrival.receipt.submission_id)
        return None

    async def _answer_repeated(self, sheet: ArrivedSheet) -> None:
        """Take the answer to what was submitted before, under another name, for the answer to this."""
        asked = SubmissionId(sheet.consignment.correlation_id)
        if asked in {receipt.submission_id for receipt in sheet.receipts}:
            return
        if await self._journal.write(partial(_commit_repeated, sheet, asked, datetime.now(UTC))):
            self._decided(asked)

    async def _give_back(self, arrived: Arrived, note: str, *, told: str | None = None) -> None:
        """Tell the axis why and journal it, then reject: the axis retries, or gives it to an operator.

        *told* is for operators of the axis, where the note is for the agency's own alone.
        """
        _log.warning(
            "delivery.rejected", delivery_id=str(arrived.headers.get(properties.DELIVERY_ID)), reason=note
        )
        rejection = read_rejection(arrived)
        if rejection is not None:
            await self._explain(RejectReason.of(rejection.delivery_id, rejection.attempt, told or note))
            crash_point(RejectCrashPoint.AFTER_EXPLAINED_BEFORE_JOURNAL)
            now = datetime.now(UTC)
            await self._journal.write(
                lambda connection: incoming.reject(connection, rejection, note=note, at=now)
            )
            crash_point(RejectCrashPoint.AFTER_REJECTION_JOURNALLED_BEFORE_REJECT)
        await arrived.give_back()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statuses:
    """What a hand-over promised the sender, and who publishes it."""

    messages: Sequence[Outgoing]
    owner: str | None


def _commit_hand_over(
    arrival: Delivery | ArrivedStatus,
    transaction: Transaction,
    statuses: _Statuses,
    at: datetime,
    connection: sqlite3.Connection,
) -> None:
    is_answered = not statuses.messages
    incoming.hand_over(connection, arrival.delivery_id, is_answered=is_answered, at=at)
    transaction.run(connection)
    outgoing.insert(connection, statuses.messages, owner=statuses.owner, at=at)
    crash_point(CrashPoint.AFTER_HANDLER_BEFORE_COMMIT)


def _commit_receipt(
    arrival: ArrivedReceipt,
    sheet: Digest,
    transaction: Transaction,
    at: datetime,
    connection: sqlite3.Connection,
) -> None:
    receipt = arrival.receipt
    submitted = outgoing.digest_of_submission(connection, receipt.submission_id)
    if submitted is not None and submitted != receipt.digest:
        raise DeliveryRejected(f"receipt {receipt.receipt_id} is about other content than was submitted")
    if not incoming.keep_receipt(connection, arrival, sheet=sheet, at=at):
        raise AlreadyHandled(str(receipt.receipt_id))
    outgoing.decide(connection, receipt.submission_id, receipt.event, at=at)
    transaction.run(connection)


def _commit_repeated(
    sheet: ArrivedSheet, asked: SubmissionId, at: datetime, connection: sqlite3.Connection
) -> bool:
    """Record which receipts on *sheet* answer *asked*: those about the very bytes submitted as that."""
    digest = outgoing.digest_of_submission(connection, asked)
    answers = [receipt for receipt in sheet.receipts if receipt.digest == digest]
    incoming.answer_repeated(connection, asked, [receipt.receipt_id for receipt in answers])
    for receipt in answers:
        outgoing.decide(connection, asked, receipt.event, at=at)
    return bool(answers)


def _lane(arrived: Arrived) -> object:
    """Return what must stay in order among itself; a receipt needs no order and stands alone."""
    if arrived.type == MessageKind.RECEIPT:
        return arrived
    headers = arrived.headers
    return tuple(headers.get(name) for name in (properties.SENDER, properties.RECIPIENT, properties.LANE))


def _disbelief(rejection: MessageRejected | DeliveryRejected) -> str:
    return f"{type(rejection).__name__}: {rejection}"


def _tellable(error: Exception) -> str | None:
    """Return what others may read of an error that nobody wrote for them: its kind, never its words."""
    if isinstance(error, DeliveryRejected):
        return None
    return f"the agency's handler failed: {type(error).__name__}"


def _sentence(error: Exception) -> str:
    if isinstance(error, DeliveryRejected):
        return str(error)
    # Formatted here: what renders an error by itself may show the values of variables, and so documents.
    _log.error("handler.failed", exception="".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}"
