"""The gateway at work: keeps for the systems what comes, and hands to the axis what they send."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from adapters.kit import incoming
from adapters.kit.answering import compose_report
from adapters.kit.crash import crash_point
from adapters.kit.error import JournalFull, UnfitDraft, single_error
from adapters.kit.journal import Act
from adapters.kit.mailbox import Mailbox
from adapters.vxp import books
from adapters.vxp.arrivals import Arrivals
from adapters.vxp.crash import CrashPoint
from adapters.vxp.departures import Departures
from adapters.vxp.filing import Cabinet
from adapters.vxp.gateway import ALWAYS, DocId, Packet, PacketKind, Period, Received, Sent, TransportStatus
from adapters.vxp.limits import Limits
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import Face, FailMeans, System, Systems
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, DeliveryId, Digest, SubmissionId
from hub.message.refusal import presentable

T = TypeVar("T")
_log = structlog.get_logger("adapters.vxp")
_LONGEST_REASON: Final = 1_000
_NOT_IMPORTED: Final = "Phan mem cua don vi nhan khong nhap duoc van ban"
_SWEEP_SECONDS: Final = 3_600.0
_AT_A_TIME: Final = 500
_SETTLED_SECONDS: Final = 3_600.0
"""So old a file of nobody's must be before it is removed: what is being filed just now is younger."""


class Desk:
    """One mailbox and its systems (`adapters.vxp.gateway.Gateway`)."""

    def __init__(
        self,
        mailbox: Mailbox,
        cabinet: Cabinet,
        systems: Callable[[], Systems],
        *,
        kept: timedelta,
        repeated_within: timedelta,
    ) -> None:
        """Work for *systems*, asked anew at each call; forget what was settled longer than *kept* ago."""
        self._mailbox = mailbox
        self._cabinet = cabinet
        self._systems = systems
        self._kept = kept
        self._limits = Limits(time.monotonic)
        self._recipients: set[AgencyKey] = set()
        self._departures = Departures(mailbox, repeated_within=repeated_within)
        self._arrivals = Arrivals(cabinet, systems, self._recipients.add)

    async def open(self) -> None:
        """Look into the books; everything else comes after."""
        self._recipients |= await self._mailbox.journal.write(books.recipients)
        await self._departures.clear()

    async def run(self) -> None:
        """Receive and clear up until cancelled."""
        with single_error():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sweep_ever())
                tasks.create_task(self._receive())

    async def _receive(self) -> None:
        await self._mailbox.run(
            self._arrivals.handle_document,
            status=self._arrivals.handle_status,
            receipt=self._arrivals.handle_receipt,
        )

    # ——— what the faces ask for ———

    @property
    def systems(self) -> Systems:
        """The systems as the settings have them now."""
        return self._systems()

    def admit(self, system: System, face: Face) -> None:
        """Let one call of *system* pass."""
        if face not in system.faces:
            raise Refused(Reason.NOT_ALLOWED)
        self._limits.request(system)

    async def send(self, system: System, packet: Packet) -> DocId:
        """Check, sign under mandate where it is not signed, journal; it goes out in the background."""
        self._limits.document(system)
        return await _if_there_is_room(self._departures.send(self.systems, system, packet))

    async def list_received(
        self, system: System, kind: PacketKind | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Received]:
        """Return what the system has not reported as `done` or `fail`, oldest first."""
        agencies = self._agencies_of(system)
        return await self._look(
            lambda connection: books.open_for(connection, agencies, kind, period=period, limit=limit)
        )

    async def received(self, system: System, doc_id: DocId) -> Received:
        """Return one of them, or one that was reported."""
        return (await self._find(system, doc_id))[0]

    async def body_of(self, system: System, doc_id: DocId) -> Path:
        """Return the file with the sender's exact bytes."""
        found = await self.received(system, doc_id)
        return self._cabinet.place_of(found.digest)

    async def count(self, system: System, kind: PacketKind) -> int:
        """Return how many `list_received` would find."""
        agencies = self._agencies_of(system)
        return await self._look(lambda connection: books.count_open(connection, agencies, kind))

    async def update_status(
        self, system: System, doc_id: DocId, status: TransportStatus, description: str = ""
    ) -> None:
        """Note how far the system is, and tell the sender of a document, once."""
        found, is_acknowledged = await self._find(system, doc_id)
        description = presentable(description, longest=_LONGEST_REASON)
        if found.kind is PacketKind.EDOC:
            await self._report(system, found, status, description, is_acknowledged=is_acknowledged)
        crash_point(CrashPoint.AFTER_REPORTED_BEFORE_MARK)
        now = datetime.now(UTC)
        await self._look(partial(books.update, doc_id=doc_id, status=status, description=description, at=now))
        _log.info("packet.reported", systemid=system.systemid, doc_id=doc_id, status=status)
        crash_point(CrashPoint.AFTER_DONE_BEFORE_ANSWER)

    async def list_sent(
        self, system: System, doc_id: DocId | None = None, *, period: Period = ALWAYS, limit: int = 500
    ) -> Sequence[Sent]:
        """Return what became of what the system sent, newest first."""
        return await self._look(
            lambda connection: books.sent_by(connection, system.systemid, doc_id, period=period, limit=limit)
        )

    # ——— how ———

    def _agencies_of(self, system: System) -> frozenset[AgencyKey]:
        """Return the agencies that *system* receives for, as far as anything has come for them."""
        systems = self.systems
        return frozenset(each for each in self._recipients if systems.serving(each) is system)

    async def _find(self, system: System, doc_id: DocId) -> tuple[Received, bool]:
        found = await self._look(partial(books.received, doc_id=doc_id))
        if found is None or not self.systems.speaks_for(system, found[0].recipient):
            raise Refused(Reason.UNKNOWN_DOCUMENT, doc_id=doc_id)
        return found

    async def _report(
        self,
        system: System,
        found: Received,
        status: TransportStatus,
        description: str,
        *,
        is_acknowledged: bool,
    ) -> None:
        match status:
            case TransportStatus.DONE if not (is_acknowledged or system.acknowledges_itself):
                await self._tell_sender(found, StatusCode.ARRIVED, description)
            case TransportStatus.FAIL if system.fail_means is FailMeans.REFUSAL:
                await self._tell_sender(found, StatusCode.REFUSED, description or _NOT_IMPORTED)
            case _:
                return

    async def _tell_sender(self, found: Received, status: StatusCode, description: str) -> None:
        """Send a status once, however often it is asked for: its name is made of what it says."""
        delivery = DeliveryId(UUID(found.doc_id))
        submission = SubmissionId(str(uuid5(NAMESPACE_URL, f"vxp-status:{found.doc_id}:{status}")))
        document = await self._look(lambda connection: incoming.reported_document(connection, delivery))
        if document is None or await self._mailbox.state(submission) is not None:
            return
        draft = compose_report(document, status, description, datetime.now(UTC))
        with suppress(UnfitDraft):  # the same call came twice at once, and the other was first
            await _if_there_is_room(self._mailbox.post(draft, about=delivery, submission=submission))

    async def _look(self, act: Act[T]) -> T:
        return await _if_there_is_room(self._mailbox.journal.write_or_refuse(act))

    async def _sweep_ever(self) -> None:
        while True:
            try:
                await self._sweep()
            except (OSError, JournalFull) as error:
                _log.warning("sweep.failed", reason=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _sweep(self) -> None:
        before = datetime.now(UTC) - self._kept
        while await self._mailbox.journal.write_or_refuse(
            partial(books.sweep, before=before, limit=_AT_A_TIME)
        ):
            pass
        settled = time.time() - _SETTLED_SECONDS
        for digest in await asyncio.to_thread(lambda: list(self._cabinet.older_than(settled))):
            await self._mailbox.journal.write_or_refuse(
                partial(_remove, cabinet=self._cabinet, digest=digest, before=settled)
            )


def _remove(connection: Connection, *, cabinet: Cabinet, digest: Digest, before: float) -> None:
    if not books.is_wanted(connection, digest):
        cabinet.remove(digest, before=before)


async def _if_there_is_room(work: Awaitable[T]) -> T:
    """Let a full disk be told to the system, which calls again, rather than keep it waiting."""
    try:
        return await work
    except JournalFull as error:
        raise Refused(Reason.NOT_READY) from error
