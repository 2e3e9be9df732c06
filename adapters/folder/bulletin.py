"""What is told beside a document: receipts and statuses as files, and `state.txt`, always whole."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from adapters.folder import books
from adapters.folder.arrivals import ARRIVED
from adapters.folder.books import Departure, News
from adapters.folder.complaint import reason_text
from adapters.folder.crash import CrashPoint
from adapters.folder.departures import refused_place
from adapters.folder.disk import make_folder, write_durably
from adapters.folder.settings import FolderSettings
from adapters.folder.telling import (
    HOW_TO_REPORT,
    STATE_FILE,
    STATES,
    day_of,
    news_of_receipt,
    news_of_status,
    refusal_of,
    state_text,
)
from adapters.kit.crash import crash_point
from adapters.kit.delivery import ArrivedReceipt, ArrivedStatus
from adapters.kit.mailbox import Mailbox
from adapters.kit.transaction import Transaction
from hub.message.edxml import StatusCode
from hub.message.identifiers import agency_key
from hub.message.receipt import ReceiptEvent

_log = structlog.get_logger("adapters.folder")
STRAYS: Final = "strays"
"""Where statuses go that are about no document of this folder."""
_AT_A_TIME: Final = 200


class Bulletin:
    """Keeps what arrives in the commit that records it, and writes the files afterwards."""

    def __init__(self, settings: FolderSettings, mailbox: Mailbox) -> None:
        """Write below the folder of *settings*."""
        self._root = settings.places.root
        self._followed = timedelta(days=settings.limits.report_days)
        self._mailbox = mailbox

    async def handle_status(self, arrived: ArrivedStatus, transaction: Transaction) -> None:
        """Keep a status for the folder of the document that it is about."""
        transaction.write(partial(_keep_status, arrived, datetime.now(UTC)))

    async def handle_receipt(self, arrived: ArrivedReceipt, transaction: Transaction) -> None:
        """Keep a receipt for the folder of what it is about; a refusal moves that folder to `refused/`."""
        transaction.write(partial(_keep_receipt, arrived))

    async def write_news(self) -> None:
        """Write what no file says yet."""
        rows = await self._mailbox.journal.write(partial(books.unwritten_news, limit=_AT_A_TIME))
        for number, news in rows:
            await self._write(number, news)

    async def follow(self) -> None:
        """Let `state.txt` say how far the kit has come with what was sent lately."""
        since = datetime.now(UTC) - self._followed
        for departure in await self._mailbox.journal.write(partial(books.departures_since, at=since)):
            state = await self._mailbox.state(departure.submission_id)
            if state is not None and state.value != departure.shown:
                await self._show(departure)

    async def _write(self, number: int, news: News) -> None:
        departure = await self._mailbox.journal.write(
            lambda connection: books.departure_named(connection, news.holder)
        )
        if departure is not None and (not departure.has_left or departure.place != departure.wanted):
            return  # its folder is not there yet
        place = await self._place(news, departure)
        is_there = await asyncio.to_thread(self._write_file, place, news)
        if is_there and departure is not None:
            await self._show(departure)
        elif is_there and news.holder:
            await self._show_arrival(news.holder)
        crash_point(CrashPoint.AFTER_NEWS_WRITTEN_BEFORE_MARK)
        await self._mailbox.journal.write(partial(books.note_written, number=number, is_kept=not is_there))
        _log.info("news.written", news=news.key, place=place, is_there=is_there)

    async def _place(self, news: News, departure: Departure | None) -> str:
        if departure is not None:
            return departure.place
        arrival = await self._mailbox.journal.write(
            lambda connection: books.arrival_named(connection, news.holder)
        )
        return arrival.place if arrival is not None else f"{STRAYS}/{day_of(news.at)}"

    def _write_file(self, place: str, news: News) -> bool:
        """Write the file of *news*; False where a clerk has taken the folder away."""
        folder = self._root / place
        if news.holder and not folder.is_dir():
            return False
        if news.body is not None:
            path = folder / news.name
            make_folder(path.parent)
            write_durably(path, news.body)
        return True

    async def _show(self, departure: Departure) -> None:
        state = await self._mailbox.state(departure.submission_id)
        news = await self._news_of(departure.submission_id)
        text = state_text(departure.title, STATES[state], news)
        await asyncio.to_thread(_write_if_there, self._root / departure.place, text)
        if state is not None:
            await self._mailbox.journal.write(
                lambda connection: books.note_shown(connection, departure.submission_id, state.value)
            )

    async def _show_arrival(self, holder: str) -> None:
        arrival = await self._mailbox.journal.write(
            lambda connection: books.arrival_named(connection, holder)
        )
        if arrival is None:
            return
        text = state_text(arrival.title, ARRIVED, await self._news_of(holder), hint=HOW_TO_REPORT)
        await asyncio.to_thread(_write_if_there, self._root / arrival.place, text)

    async def _news_of(self, holder: str) -> list[News]:
        return list(await self._mailbox.journal.write(lambda connection: books.news_of(connection, holder)))


def _write_if_there(folder: Path, text: str) -> None:
    if folder.is_dir():
        write_durably(folder / STATE_FILE, text.encode())


def _keep_receipt(arrived: ArrivedReceipt, connection: sqlite3.Connection) -> None:
    receipt = arrived.receipt
    holder = books.holder_of_submission(connection, receipt.submission_id)
    if holder is None:
        return  # of an acknowledgement by the kit: the journal has it
    books.tell(connection, news_of_receipt(arrived, holder))
    departure = books.departure_named(connection, receipt.submission_id)
    if departure is not None and receipt.event is ReceiptEvent.SUBMISSION_REJECTION:
        books.refuse_departure(
            connection,
            receipt.submission_id,
            wanted=refused_place(departure.wanted),
            refusal=reason_text(refusal_of(receipt)),
        )


def _keep_status(arrived: ArrivedStatus, at: datetime, connection: sqlite3.Connection) -> None:
    header = arrived.header
    is_ours = header.status is not StatusCode.RECALL_REQUESTED  # 13 comes from the sender of the document
    sender = agency_key(header.original_sender if is_ours else header.sender)
    holder = books.holder_of_document(connection, header.document_id, sender, is_ours=is_ours)
    books.tell(connection, news_of_status(arrived, holder, at))
