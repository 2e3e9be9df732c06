"""A clerk reports a status by a file in the document's folder that is called like it: `03`, or `03.txt`."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from adapters.folder import books
from adapters.folder.books import News
from adapters.folder.complaint import Complaint, said
from adapters.folder.crash import CrashPoint
from adapters.folder.disk import Look, look_into, read_if_unchanged, write_durably
from adapters.folder.naming import is_mark
from adapters.folder.settings import FolderSettings
from adapters.folder.settling import Settling
from adapters.kit import incoming
from adapters.kit.answering import DESCRIPTIONS, compose_report
from adapters.kit.crash import crash_point
from adapters.kit.draft import Party, StatusDraft
from adapters.kit.mailbox import Mailbox
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, DeliveryId, SubmissionId
from hub.message.refusal import presentable

_log = structlog.get_logger("adapters.folder")
_LONGEST_TEXT: Final = 4_000
_BY_RECIPIENT: Final = frozenset(set(StatusCode) - {StatusCode.ARRIVED, StatusCode.RECALL_REQUESTED})
_BY_SENDER: Final = frozenset({StatusCode.RECALL_REQUESTED})
_NEEDS_REASON: Final = frozenset({StatusCode.REFUSED, StatusCode.CHANGE_REFUSED, StatusCode.RECALL_REQUESTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A file with which a clerk reports."""

    holder: str
    """Delivery or submission that the folder is of."""
    path: Path
    look: Look
    allowed: frozenset[StatusCode]

    @property
    def code(self) -> str:
        """What it reports."""
        return self.path.name[:2]


class Reports:
    """Sends what clerks report; the same words about the same document are sent once, however often seen."""

    def __init__(self, settings: FolderSettings, mailbox: Mailbox) -> None:
        """Look into the folders of *settings* for as long as documents are followed."""
        self._root = settings.places.root
        self._followed = timedelta(days=settings.limits.report_days)
        self._settling = Settling(settings.limits.settle_seconds)
        self._mailbox = mailbox

    async def send_all(self) -> None:
        """Send what is complete, and put the files aside."""
        since = datetime.now(UTC) - self._followed
        journal = self._mailbox.journal
        arrived = await journal.write(partial(books.arrivals_since, at=since))
        departed = await journal.write(partial(books.departures_since, at=since))
        places = [(str(each.delivery_id), each.place, _BY_RECIPIENT) for each in arrived]
        places += [(str(each.submission_id), each.place, _BY_SENDER) for each in departed]
        marks = await asyncio.to_thread(lambda: list(_marks(self._root, places)))
        self._settling.keep_only(str(mark.path) for mark in marks)
        for mark in marks:
            if self._settling.is_settled(str(mark.path), mark.look, time.monotonic()):
                await self._send(mark)

    async def _send(self, mark: Mark) -> None:
        content = await asyncio.to_thread(read_if_unchanged, mark.path, mark.look)
        if content is None:
            return
        try:
            code, text = _read(mark, content)
            drafts = await self._drafts(mark, code, text)
        except Complaint as complaint:
            await asyncio.to_thread(_refuse, mark, complaint)
            _log.info("report.refused", holder=mark.holder, status=mark.code)
            return
        for number, (draft, about) in enumerate(drafts):
            await self._post(mark, draft, about, f"{mark.holder}:{code}:{text}:{number}")
        crash_point(CrashPoint.AFTER_REPORT_JOURNALLED_BEFORE_FILED)
        await asyncio.to_thread(_file, mark)
        _log.info("report.sent", holder=mark.holder, status=code.value)

    async def _post(self, mark: Mark, draft: StatusDraft, about: DeliveryId, words: str) -> None:
        submission = SubmissionId(str(uuid5(NAMESPACE_URL, f"folder-report:{words}")))
        now = datetime.now(UTC)
        told = f"{draft.status.value} {presentable(draft.description, longest=300)}"
        news = News(
            key=f"report {submission}",
            holder=mark.holder,
            name="",
            body=None,
            vi=f"Đã báo {told} cho {draft.original_sender}",
            en=f"reported {draft.status.value} to {draft.original_sender}",
            at=now,
        )
        if await self._mailbox.state(submission) is None:
            await self._mailbox.post(draft, about=about, submission=submission)
        await self._mailbox.journal.write(partial(_note, submission=submission, news=news))

    async def _drafts(
        self, mark: Mark, code: StatusCode, text: str
    ) -> Sequence[tuple[StatusDraft, DeliveryId]]:
        if code is StatusCode.RECALL_REQUESTED:
            return await self._recalls(mark, text)
        document = await self._mailbox.journal.write(
            lambda connection: incoming.reported_document(connection, _delivery(mark.holder))
        )
        if document is None:
            raise said(
                "hộp thư này không có văn bản của thư mục này.",
                "this mailbox has no document of this folder.",
            )
        return [(compose_report(document, code, text, datetime.now(UTC)), document.delivery_id)]

    async def _recalls(self, mark: Mark, text: str) -> Sequence[tuple[StatusDraft, DeliveryId]]:
        """Ask each recipient to whom it went to give the document back."""
        departure = await self._mailbox.journal.write(
            lambda connection: books.departure_named(connection, mark.holder)
        )
        subjects = [
            subject
            for receipt in await self._mailbox.receipts(SubmissionId(mark.holder))
            for subject in receipt.subjects
        ]
        deliveries = {each.recipient: each.delivery_id for each in subjects if each.delivery_id is not None}
        if departure is None or not deliveries:
            raise said(
                "trục chưa tiếp nhận văn bản này nên chưa thể lấy lại; hãy thử lại sau.",
                "the axis has not accepted this document yet; try again later.",
            )
        return [
            (_recall(departure, AgencyCode(recipient), text), about)
            for recipient, about in sorted(deliveries.items())
        ]


def _recall(departure: books.Departure, recipient: AgencyCode, text: str) -> StatusDraft:
    return StatusDraft(
        sender=Party(code=departure.sender),
        original_sender=recipient,
        document_id=departure.document_id,
        status=StatusCode.RECALL_REQUESTED,
        description=text or DESCRIPTIONS[StatusCode.RECALL_REQUESTED],
        at=datetime.now(UTC),
    )


def _marks(root: Path, places: Sequence[tuple[str, str, frozenset[StatusCode]]]) -> Iterator[Mark]:
    for holder, place, allowed in places:
        folder = root / place
        try:
            files, _ = look_into(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue  # a clerk has taken it away
        for name, look in files.items():
            if is_mark(name):
                yield Mark(holder=holder, path=folder / name, look=look, allowed=allowed)


def _read(mark: Mark, content: bytes) -> tuple[StatusCode, str]:
    allowed = ", ".join(sorted(mark.allowed))
    if mark.code not in mark.allowed:
        raise said(
            f"{mark.path.name}: ở đây chỉ báo được {allowed}; hãy đổi tên tệp.",
            f"{mark.path.name}: what can be reported here is {allowed}; give the file another name.",
        )
    code, text = StatusCode(mark.code), _words(content)
    if code in _NEEDS_REASON and not text:
        raise said(
            f"{mark.path.name}: cần ghi lý do vào trong tệp.",
            f"{mark.path.name}: write the reason into the file.",
        )
    return code, text


def _words(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return presentable(content[: 4 * _LONGEST_TEXT].decode(encoding), longest=_LONGEST_TEXT)
    except UnicodeDecodeError as error:
        raise said(
            "tệp không ghi bằng UTF-8; hãy mở bằng Notepad, chọn Save As, Encoding: UTF-8.",
            "the file is not encoded in UTF-8; open it in Notepad, choose Save As, Encoding: UTF-8.",
        ) from error


def _refuse(mark: Mark, complaint: Complaint) -> None:
    write_durably(mark.path.with_name(f"{mark.code}-loi-error.txt"), complaint.text.encode())
    # A clerk who was quick has written it anew meanwhile: that is another report, which is read next.
    if read_if_unchanged(mark.path, mark.look) is not None:
        mark.path.unlink(missing_ok=True)


def _file(mark: Mark) -> None:
    """Put the file aside; without it, nothing is lost: `state.txt` tells what was reported."""
    try:
        mark.path.replace(mark.path.with_name(f"{mark.code}-da-bao-reported.txt"))
    except FileNotFoundError:
        return


def _note(connection: Connection, *, submission: SubmissionId, news: News) -> None:
    books.note_report(connection, submission, news.holder)
    books.tell(connection, news)


def _delivery(holder: str) -> DeliveryId:
    return DeliveryId(UUID(holder))
