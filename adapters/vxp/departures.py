"""From a system onto the axis: checked, planned, signed under mandate, journalled; one effect a file."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, assert_never
from uuid import uuid4

import structlog

from adapters.kit.crash import crash_point
from adapters.kit.error import JournalFull, UnfitDraft
from adapters.kit.mailbox import Mailbox
from adapters.vxp import books
from adapters.vxp.books import Departure
from adapters.vxp.checking import CheckedPacket, check
from adapters.vxp.crash import CrashPoint
from adapters.vxp.gateway import DocId, Packet
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System, Systems
from hub.errors import MalformedMessage, MessageRejected, RejectionCode
from hub.message.edxml import DocumentHeader, Header, StatusCode, StatusHeader
from hub.message.identifiers import DeliveryId, Digest, SubmissionId, agency_key, document_code
from hub.message.mandate_role import MandateRole
from hub.message.refusal import presentable

_log = structlog.get_logger("adapters.vxp")
_LONGEST_TITLE: Final = 500
_ACKNOWLEDGING: Final = frozenset({StatusCode.ARRIVED, StatusCode.ACCEPTED})


class Departures:
    """Sends what systems hand over."""

    def __init__(self, mailbox: Mailbox, *, repeated_within: timedelta) -> None:
        """Take the same file again *repeated_within* for the same."""
        self._mailbox = mailbox
        self._repeated_within = repeated_within
        self._under_way: dict[Digest, asyncio.Lock] = {}

    async def send(self, systems: Systems, system: System, packet: Packet) -> DocId:
        """Return once *packet* is safe; what was sent before gives the name that it has."""
        if not systems.speaks_for(system, packet.sender):
            raise Refused(Reason.FOREIGN_AGENCY, sender=packet.sender, registered=system.agency)
        checked = await asyncio.to_thread(check, packet)
        likeness = _likeness(system, packet, checked)
        async with self._alone(likeness):
            submission = await self._mailbox.journal.write_or_refuse(
                partial(books.like, likeness=likeness, since=datetime.now(UTC) - self._repeated_within)
            )
            if submission is None or await self._mailbox.state(submission) is None:
                submission = await self._depart(system, packet, checked, likeness, submission)
            else:
                _log.info("packet.repeated", systemid=system.systemid, doc_id=submission)
        crash_point(CrashPoint.AFTER_MARK_BEFORE_ANSWER)
        return DocId(submission)

    async def clear(self) -> None:
        """Settle what was planned when the process died: the kit has it, or nobody was told of it."""
        journal = self._mailbox.journal
        for submission in await journal.write(books.unposted):
            is_posted = await self._mailbox.state(submission) is not None
            act = books.mark_posted if is_posted else books.forget
            await journal.write(partial(act, submission=submission))

    async def _depart(
        self,
        system: System,
        packet: Packet,
        checked: CheckedPacket,
        likeness: Digest,
        planned: SubmissionId | None,
    ) -> SubmissionId:
        journal = self._mailbox.journal
        departure = _departure(system, packet, checked, likeness, planned or SubmissionId(str(uuid4())))
        about = await journal.write_or_refuse(partial(_about, header=checked.header))
        if planned is None:
            await journal.write_or_refuse(partial(books.plan, departure=departure, at=datetime.now(UTC)))
        crash_point(CrashPoint.AFTER_PLANNED_BEFORE_JOURNAL)
        try:
            await self._post(system, checked, about, departure.submission_id)
        except Refused:
            await journal.write(partial(books.forget, submission=departure.submission_id))
            raise
        crash_point(CrashPoint.AFTER_JOURNAL_BEFORE_MARK)
        await journal.write(partial(_mark_posted, departure=departure, header=checked.header, about=about))
        _log.info(
            "packet.taken",
            systemid=system.systemid,
            doc_id=departure.submission_id,
            kind=packet.kind,
            is_signed=checked.is_signed,
        )
        return departure.submission_id

    async def _post(
        self, system: System, checked: CheckedPacket, about: DeliveryId | None, submission: SubmissionId
    ) -> None:
        role = MandateRole(system=system.systemid, digest=checked.digest)
        try:
            await self._mailbox.post(
                checked.file or checked.body, about=about, submission=submission, role=role
            )
        except JournalFull as error:
            raise Refused(Reason.NOT_READY) from error
        except MalformedMessage as error:
            if error.code is RejectionCode.MESSAGE_TOO_LARGE:
                raise Refused(Reason.TOO_LARGE) from error
            raise Refused(Reason.NOT_EDXML, detail=str(error)) from error
        except (MessageRejected, UnfitDraft) as error:
            raise Refused(Reason.NOT_EDXML, detail=str(error)) from error

    @asynccontextmanager
    async def _alone(self, likeness: Digest) -> AsyncIterator[None]:
        """Let a repeated call wait for the one that it repeats."""
        lock = self._under_way.setdefault(likeness, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._under_way.get(likeness) is lock:
                del self._under_way[likeness]


def _likeness(system: System, packet: Packet, checked: CheckedPacket) -> Digest:
    said = "\n".join([system.systemid, packet.kind, agency_key(packet.sender)])
    return Digest(hashlib.sha256(said.encode() + b"\n" + checked.digest).digest())


def _departure(
    system: System, packet: Packet, checked: CheckedPacket, likeness: Digest, submission: SubmissionId
) -> Departure:
    header = checked.header
    return Departure(
        submission_id=submission,
        systemid=system.systemid,
        kind=packet.kind,
        sender=agency_key(header.sender),
        sender_code=header.sender,
        recipients=tuple({agency_key(code): code for code in packet.recipients}.items()),
        document_id=header.document_id,
        title=title_of(header),
        notation=notation_of(header),
        likeness=likeness,
    )


def title_of(header: Header) -> str:
    """Return what a packet is about, on one line."""
    text = header.subject if isinstance(header, DocumentHeader) else f"{header.status} {header.description}"
    return presentable(text, longest=_LONGEST_TITLE)


def notation_of(header: Header) -> str:
    """Return number and notation of a document; empty for a status."""
    if isinstance(header, StatusHeader):
        return ""
    return presentable(document_code(header.code_number, header.code_notation) or "", longest=_LONGEST_TITLE)


def _about(connection: sqlite3.Connection, *, header: Header) -> DeliveryId | None:
    """Return the delivery that a status is about, where the books know it; the axis finds it otherwise."""
    match header:
        case DocumentHeader():
            return None
        case StatusHeader(status=StatusCode.RECALL_REQUESTED):
            return books.delivery_at(
                connection,
                header.document_id,
                sender=agency_key(header.sender),
                recipient=agency_key(header.original_sender),
            )
        case StatusHeader():
            return books.delivery_about(
                connection,
                header.document_id,
                sender=agency_key(header.original_sender),
                recipient=agency_key(header.sender),
            )
        case _:
            assert_never(header)


def _mark_posted(
    connection: sqlite3.Connection, *, departure: Departure, header: Header, about: DeliveryId | None
) -> None:
    books.mark_posted(connection, departure.submission_id)
    if about is not None and isinstance(header, StatusHeader) and header.status in _ACKNOWLEDGING:
        books.acknowledge(connection, about)
