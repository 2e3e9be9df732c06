"""Out of `out/` and onto the axis: a drop is journalled before anything of it moves, and moves once."""

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import structlog

from adapters.folder import books
from adapters.folder.books import Departure, Part
from adapters.folder.complaint import Complaint, said
from adapters.folder.composing import Composed, Sources, compose, identity_of
from adapters.folder.crash import CrashPoint
from adapters.folder.disk import (
    Look,
    digest_if_unchanged,
    make_folder,
    move_durably,
    sync_folder,
    write_durably,
)
from adapters.folder.naming import folded_names, is_mark, safe_name
from adapters.folder.settings import FolderSettings
from adapters.folder.taken import Taken, TakenFile
from adapters.folder.telling import (
    ENVELOPE_FILE,
    REASON_FILE,
    STATE_FILE,
    STATES,
    day_of,
    state_text,
)
from adapters.kit.crash import crash_point
from adapters.kit.mailbox import Mailbox
from adapters.kit.outgoing import OutgoingState
from hub.message.identifiers import AgencyKey, DocumentId, SubmissionId

_log = structlog.get_logger("adapters.folder")
_OWN_FILES: Final = folded_names([ENVELOPE_FILE, STATE_FILE, REASON_FILE, "receipts", "statuses"])
_NAME_OCTETS: Final = 60


class Departures:
    """Takes drops, one after the other; whatever a crash interrupts is finished by the next process."""

    def __init__(self, settings: FolderSettings, mailbox: Mailbox) -> None:
        """Send through *mailbox*."""
        self._settings = settings
        self._places = settings.places
        self._mailbox = mailbox

    async def take(self, taken: Taken) -> None:
        """Send *taken* and let it leave `out/`; what is unfit goes to `refused/` with the reason."""
        departure, body = await self._prepare(taken)
        if await self._is_journalled(departure):
            await self.finish(departure)
            return
        await self._mailbox.journal.write_or_refuse(
            lambda connection: books.record_departure(connection, departure)
        )
        crash_point(CrashPoint.AFTER_TAKEN_BEFORE_SIGNED)
        if body is not None:
            await asyncio.to_thread(self._keep_envelope, departure, body)
            crash_point(CrashPoint.AFTER_SIGNED_BEFORE_JOURNAL)
            await self._mailbox.post(body, submission=departure.submission_id)
            crash_point(CrashPoint.AFTER_JOURNAL_BEFORE_MOVE)
        await self.finish(departure)

    async def finish_all(self) -> None:
        """Finish what was journalled or refused and is not wholly where it belongs."""
        for departure in await self._mailbox.journal.write(books.unfinished_departures):
            if departure.refusal is not None or await self._is_journalled(departure):
                await self.finish(departure)

    async def finish(self, departure: Departure) -> None:
        """Let all of *departure* leave `out/` and its folder appear where it belongs; once, however often."""
        await asyncio.to_thread(self._move, departure)
        crash_point(CrashPoint.AFTER_SHOWN_BEFORE_MARK)
        await self._mailbox.journal.write(
            lambda connection: books.settle_departure(connection, departure.submission_id, departure.wanted)
        )
        event = "departure.refused" if departure.refusal is not None else "departure.sent"
        _log.info(event, submission_id=departure.submission_id, place=departure.wanted)

    async def _is_journalled(self, departure: Departure) -> bool:
        return await self._mailbox.state(departure.submission_id) is not None

    async def _prepare(self, taken: Taken) -> tuple[Departure, bytes | None]:
        """Return what is to become of *taken*: what a crash interrupted goes on under its name."""
        identity = identity_of(taken.files)
        before = await self._mailbox.journal.write(
            lambda connection: books.departures_of(connection, identity)
        )
        departure = self._interrupted(before) or self._begun(taken, identity, len(before))
        if departure.refusal is not None:
            return departure, None
        try:
            if taken.complaint is not None:
                raise taken.complaint
            _refuse_repeated(before)
            composed = await asyncio.to_thread(self._compose, taken, departure)
        except Complaint as found:
            return self._refused(departure, found.text), None
        return _described(departure, composed), composed.body

    def _interrupted(self, before: Sequence[Departure]) -> Departure | None:
        return next((each for each in before if not each.has_left), None)

    def _begun(self, taken: Taken, identity: str, number: int) -> Departure:
        mailbox = self._settings.kit.mailbox
        submission = SubmissionId(str(uuid5(NAMESPACE_URL, f"folder:{mailbox}:{identity}:{number}")))
        now = datetime.now(UTC)
        folder = f"{safe_name(Path(taken.name).stem, longest=_NAME_OCTETS)}-{submission[:8]}"
        return Departure(
            submission_id=submission,
            identity=identity,
            parts=tuple(Part(name=each.name, digest=each.digest) for each in _leaving(taken)),
            title=safe_name(taken.name),
            document_id=DocumentId(""),
            sender=AgencyKey(""),
            place=f".work/{submission}",
            wanted=f"sent/{day_of(now)}/{folder}",
            taken_at=now,
        )

    def _refused(self, departure: Departure, reason: str) -> Departure:
        return replace(departure, wanted=refused_place(departure.wanted), refusal=reason)

    def _compose(self, taken: Taken, departure: Departure) -> Composed:
        sources = Sources(
            keys=self._settings.kit.keys,
            defaults=self._settings.defaults,
            mailbox=self._settings.kit.mailbox,
            max_octets=self._settings.kit.largest,
        )
        files = [(each.name, each.content) for each in taken.files]
        return compose(files, sources, name=departure.submission_id, at=datetime.now(UTC))

    def _keep_envelope(self, departure: Departure, body: bytes) -> None:
        work = self._places.root / departure.place
        make_folder(work)
        write_durably(work / ENVELOPE_FILE, body)

    def _move(self, departure: Departure) -> None:
        source, target = self._places.root / departure.place, self._places.root / departure.wanted
        if departure.has_left:
            self._move_folder(departure, source, target)
            return
        if target.exists():
            return
        make_folder(source)
        for part in departure.parts:
            self._move_part(part, source)
        self._write_text(departure, source)
        crash_point(CrashPoint.AFTER_MOVE_BEFORE_SHOWN)
        make_folder(target.parent)
        move_durably(source, target)

    def _move_folder(self, departure: Departure, source: Path, target: Path) -> None:
        """Move what the axis has refused from `sent/` to `refused/`, unless a clerk was there first."""
        if target.exists() or not source.exists():
            return
        self._write_text(departure, source)
        make_folder(target.parent)
        move_durably(source, target)

    def _move_part(self, part: Part, work: Path) -> None:
        """Move a file of the drop, unless it is gone or somebody has put something else in its place."""
        source, target = self._places.out / part.name, work / kept_name(part.name)
        if target.exists() or not _holds(source, part):
            return
        source.rename(target)
        sync_folder(work)
        sync_folder(self._places.out)
        crash_point(CrashPoint.AFTER_FIRST_FILE_MOVED)

    def _write_text(self, departure: Departure, folder: Path) -> None:
        if departure.refusal is not None:
            write_durably(folder / REASON_FILE, departure.refusal.encode())
            return
        text = state_text(departure.title, STATES[OutgoingState.JOURNALLED], ())
        write_durably(folder / STATE_FILE, text.encode())


def refused_place(sent: str) -> str:
    """Return where a folder goes that would be at *sent* had it not been refused."""
    return f"refused/{sent.partition('/')[2]}"


def kept_name(name: str) -> str:
    """Return what a dropped file is called beside what the adapter writes."""
    return f"_{name}" if name.casefold() in _OWN_FILES or is_mark(name) else name


def _refuse_repeated(before: Sequence[Departure]) -> None:
    sent = next((each for each in before if each.has_left and each.refusal is None), None)
    if sent is not None:
        raise said(
            f"đã gửi đúng tệp này rồi, xem {sent.wanted}; nếu thật sự muốn gửi lần nữa, hãy đổi tên tệp.",
            f"this very file was sent before, see {sent.wanted}; to send it once more give it another name.",
        )


def _described(departure: Departure, composed: Composed) -> Departure:
    return replace(departure, title=composed.title, document_id=composed.document_id, sender=composed.sender)


def _holds(path: Path, part: Part) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and digest_if_unchanged(path, Look.of(found)) == part.digest


def _leaving(taken: Taken) -> list[TakenFile]:
    return [*taken.files, *([taken.marker] if taken.marker is not None else [])]
