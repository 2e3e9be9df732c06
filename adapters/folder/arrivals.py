"""Into `in/`: a document is unpacked where nobody looks, promised once it is on disk, and appears whole."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final

import structlog

from adapters.folder import books
from adapters.folder.books import ArrivalRow, ArrivalStage
from adapters.folder.crash import CrashPoint
from adapters.folder.disk import (
    copy_synced,
    make_folder,
    move_durably,
    remove_tree,
    sync_folder,
)
from adapters.folder.info import Unpacked, info_text
from adapters.folder.naming import attachment_name, folded_names, safe_name
from adapters.folder.settings import FolderSettings
from adapters.folder.telling import ENVELOPE_FILE, HOW_TO_REPORT, STATE_FILE, day_of, state_text
from adapters.kit.crash import crash_point
from adapters.kit.delivery import Accepted, Answer, Delivery, Retry
from adapters.kit.disk import is_full
from adapters.kit.mailbox import Mailbox
from adapters.kit.octets import InMemory, Octets
from adapters.kit.transaction import Transaction
from hub.message.identifiers import agency_key
from hub.message.refusal import Sentence, presentable

_log = structlog.get_logger("adapters.folder")
INFO_FILE: Final = "info.toml"
WARNING_FILE: Final = "CANH-BAO.txt"
ARRIVED: Final = Sentence("Đã nhận, đã báo bên gửi (01)", "Received, the sender was told (01)")
_OWN_FILES: Final = (ENVELOPE_FILE, INFO_FILE, STATE_FILE, WARNING_FILE, "receipts", "statuses")
_NAME_OCTETS: Final = 90
_LONGEST_TITLE: Final = 200
_LONGEST_PAUSE: Final = 5.0
_ADVICE: Final = (
    "the folder cannot be written: see to its disk or its network; the document waits and is not answered "
    "meanwhile"
)


class Arrivals:
    """Hands documents over to the folder, each once by its delivery id."""

    def __init__(self, settings: FolderSettings, mailbox: Mailbox) -> None:
        """Unpack below the folder of *settings*."""
        self._places = settings.places
        self._room_seconds = settings.limits.room_seconds
        self._mailbox = mailbox

    async def handle(self, delivery: Delivery, transaction: Transaction) -> Answer:
        """Unpack *delivery* and have it on disk; it appears after the commit that promises it."""
        now = datetime.now(UTC)
        row = await self._mailbox.journal.write(partial(_plan, delivery, now))
        if not await self._unpack_patiently(delivery, row, now):
            return Retry(reason="the folder of this mailbox cannot be written at present")
        crash_point(CrashPoint.AFTER_UNPACKED_BEFORE_COMMIT)
        transaction.write(
            lambda connection: books.stage_arrival(connection, delivery.delivery_id, ArrivalStage.READY)
        )
        return Accepted()

    async def show_ready(self) -> None:
        """Let appear what is promised; a clerk who has moved it away meanwhile keeps it."""
        ready = await self._mailbox.journal.write(
            lambda connection: books.arrivals_at(connection, ArrivalStage.READY)
        )
        for row in ready:
            crash_point(CrashPoint.AFTER_COMMIT_BEFORE_APPEARING)
            await asyncio.to_thread(self._show, row)
            crash_point(CrashPoint.AFTER_APPEARING_BEFORE_MARK)
            await self._mailbox.journal.write(
                partial(_stage, row=row, stage=ArrivalStage.SHOWN),
            )
            _log.info("arrival.shown", delivery_id=str(row.delivery_id), place=row.place)

    async def clear(self) -> None:
        """Remove what was being unpacked when a process died; what is promised stays."""
        ready = await self._mailbox.journal.write(
            lambda connection: books.arrivals_at(connection, ArrivalStage.READY)
        )
        kept = {str(row.delivery_id) for row in ready}
        await asyncio.to_thread(self._remove_all_but, kept)

    def _remove_all_but(self, kept: set[str]) -> None:
        for each in self._places.unpacking.iterdir():
            if each.name not in kept:
                remove_tree(each)

    async def _unpack_patiently(self, delivery: Delivery, row: ArrivalRow, at: datetime) -> bool:
        """Unpack, and wait while the disk is full or away; False where it stays so."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._room_seconds, 0.25
        while True:
            try:
                await asyncio.to_thread(self._unpack, delivery, row, at)
            except OSError as error:
                await asyncio.to_thread(remove_tree, self._drafted(row))
                if pause < 1:
                    self._tell_of(error, row)
                if loop.time() >= deadline:
                    return False
                pause = min(_LONGEST_PAUSE, 2 * pause)
                await asyncio.sleep(pause)
            else:
                return True

    def _tell_of(self, error: OSError, row: ArrivalRow) -> None:
        event = "folder.full" if is_full(error) else "folder.failed"
        _log.error(event, delivery_id=str(row.delivery_id), reason=error.strerror, advice=_ADVICE)

    def _unpack(self, delivery: Delivery, row: ArrivalRow, at: datetime) -> None:
        folder = self._drafted(row)
        remove_tree(folder)
        make_folder(folder)
        for name, content in unpacked(delivery, row.title, at):
            with content.open() as source:
                copy_synced(folder / name, source)
        sync_folder(folder)

    def _show(self, row: ArrivalRow) -> None:
        drafted, place = self._drafted(row), self._places.root / row.place
        if drafted.exists():
            make_folder(place.parent)
            move_durably(drafted, place)

    def _drafted(self, row: ArrivalRow) -> Path:
        return self._places.unpacking / str(row.delivery_id)


def unpacked(delivery: Delivery, title: str, at: datetime) -> list[tuple[str, Octets]]:
    """Return the files of a document's folder: the sender's bytes, the attachments, what is said of them."""
    taken = folded_names(_OWN_FILES)
    files = [
        Unpacked(attachment=each, safe=attachment_name(each.name, each.stored.head, taken))
        for each in delivery.attachments
    ]
    warnings = [each.safe.warning for each in files if each.safe.warning is not None]
    texts = {
        INFO_FILE: info_text(delivery, files, at),
        STATE_FILE: state_text(title, ARRIVED, (), hint=HOW_TO_REPORT),
    }
    if warnings:
        texts[WARNING_FILE] = "".join(f"{each.vi}\n{each.en}\n\n" for each in warnings)
    return [
        (ENVELOPE_FILE, delivery.envelope),
        *((each.safe.name, each.attachment.stored) for each in files),
        *((name, InMemory(content=text.encode())) for name, text in texts.items()),
    ]


def _plan(delivery: Delivery, at: datetime, connection: Connection) -> ArrivalRow:
    header = delivery.header
    title = f"{header.sender} · {header.code_number}/{header.code_notation} · {header.subject}"
    written = f"{agency_key(header.sender)}_{header.code_number}-{header.code_notation}_{header.subject}"
    name = safe_name(written.replace("/", "-").replace("\\", "-"), longest=_NAME_OCTETS)
    # The end of the id: its beginning is the time.
    place = f"in/{day_of(at)}/{name}_{delivery.delivery_id.hex[-12:]}"
    return books.plan_arrival(
        connection,
        ArrivalRow(
            delivery_id=delivery.delivery_id,
            title=presentable(title, longest=_LONGEST_TITLE),
            place=place,
            stage=ArrivalStage.PLANNED,
        ),
        document_id=header.document_id,
        sender=agency_key(header.sender),
        at=at,
    )


def _stage(connection: Connection, *, row: ArrivalRow, stage: ArrivalStage) -> None:
    books.stage_arrival(connection, row.delivery_id, stage)
