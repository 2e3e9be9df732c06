"""Statuses and receipts to the endpoint: kept with the hand-over, then POSTed in order until taken."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from adapters.kit.crash import crash_point
from adapters.kit.delivery import ArrivedReceipt, ArrivedStatus
from adapters.kit.journal import Journal
from adapters.kit.transaction import Transaction
from adapters.webhook import books
from adapters.webhook.answers import failure
from adapters.webhook.books import Event, ToldStatus
from adapters.webhook.crash import CrashPoint
from adapters.webhook.posting import Poster, Unanswered
from adapters.webhook.shapes import ReceiptEvent, StatusEvent
from adapters.webhook.shaping import signed_receipt_shape, status_shape
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId, SubmissionId, agency_key

_log = structlog.get_logger("adapters.webhook")
_POLL_SECONDS: Final = 0.5
_LONGEST_PAUSE: Final = 900.0
_LONGEST_HOLD: Final = 30.0
_SUCCESS: Final = range(200, 300)
_MOST_DOUBLINGS: Final = 16


class Bulletin:
    """Tells the endpoint what happens to documents, whenever it can take it."""

    def __init__(
        self, journal: Journal, poster: Poster, clock: Callable[[], datetime], *, kept: timedelta
    ) -> None:
        """Tell with *poster* what *journal* holds, for as long as *kept*."""
        self._journal = journal
        self._poster = poster
        self._clock = clock
        self._kept = kept
        self._news = asyncio.Event()
        self._hold = 0.0

    async def handle_status(self, arrived: ArrivedStatus, transaction: Transaction) -> None:
        """Keep what another agency reports."""
        transaction.write(partial(_keep_status, arrived, self._clock()))
        self._news.set()

    async def handle_receipt(self, arrived: ArrivedReceipt, transaction: Transaction) -> None:
        """Keep what the axis attests."""
        receipt = arrived.receipt
        event = ReceiptEvent(timestamp=receipt.issued_at, data=signed_receipt_shape(arrived))
        transaction.write(
            partial(
                books.add_event,
                event=Event(
                    identity=str(receipt.receipt_id),
                    subject=receipt.submission_id,
                    body=event.model_dump_json().encode(),
                    happened_at=self._clock(),
                ),
            )
        )
        self._news.set()

    async def run(self) -> None:
        """Tell what there is until cancelled."""
        while True:
            self._news.clear()
            due = await self._journal.write(
                lambda connection: books.due_events(
                    connection, self._clock(), self._poster.endpoint.concurrency
                )
            )
            told = await asyncio.gather(*[self._tell(each) for each in due])
            if due and not any(told):  # the endpoint is down: more of the same would not help it
                self._hold = min(_LONGEST_HOLD, max(0.25, 2 * self._hold))
                await asyncio.sleep(self._hold * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, hides nothing
            else:
                self._hold = 0.0
            if not due:
                await self._idle()

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return

    async def _tell(self, event: Event) -> bool:
        """POST one event; return whether there was an answer, be it a refusal."""
        reason, is_answered = "", True
        try:
            reply = await self._poster.post(event.identity, event.body)
        except Unanswered as unanswered:
            reason, is_answered = str(unanswered), False
        else:
            reason = "" if reply.status in _SUCCESS else failure(reply)
        if reason:
            await self._put_off(event, reason)
            return is_answered
        crash_point(CrashPoint.AFTER_EVENT_POSTED_BEFORE_MARK)
        await self._journal.write(partial(books.settle_event, identity=event.identity))
        _log.info("event.told", event_id=event.identity, subject=event.subject)
        return True

    async def _put_off(self, event: Event, reason: str) -> None:
        now = self._clock()
        if now - event.happened_at > self._kept:
            await self._journal.write(partial(books.settle_event, identity=event.identity))
            _log.error("event.given_up", event_id=event.identity, subject=event.subject, reason=reason)
            return
        pause = min(
            _LONGEST_PAUSE, self._poster.endpoint.first_pause * 2 ** min(event.attempts, _MOST_DOUBLINGS)
        )
        until = now + timedelta(seconds=pause)
        await self._journal.write(partial(books.put_off_event, identity=event.identity, until=until))
        _log.warning("event.postponed", event_id=event.identity, subject=event.subject, reason=reason)


def _keep_status(arrived: ArrivedStatus, at: datetime, connection: sqlite3.Connection) -> None:
    submission, delivery = _about(connection, arrived)
    shape = status_shape(arrived, submission=submission, about_delivery=delivery)
    identity = str(arrived.delivery_id)
    body = StatusEvent(timestamp=at, data=shape).model_dump_json().encode()
    subject = submission or (str(delivery) if delivery is not None else identity)
    books.add_event(connection, Event(identity=identity, subject=subject, body=body, happened_at=at))
    if submission is not None:
        told = ToldStatus(
            delivery_id=arrived.delivery_id,
            submission=submission,
            sender=arrived.header.sender,
            status=arrived.header.status.value,
            description=arrived.header.description,
            received_at=at,
        )
        books.note_status(connection, told)


def _about(
    connection: sqlite3.Connection, arrived: ArrivedStatus
) -> tuple[SubmissionId | None, DeliveryId | None]:
    """Return which of our documents, or of those that we received, a status is about."""
    header = arrived.header
    if header.status is StatusCode.RECALL_REQUESTED:
        return None, books.delivery_of(connection, header.document_id, agency_key(header.sender))
    return books.submission_of(connection, header.document_id, agency_key(header.original_sender)), None
