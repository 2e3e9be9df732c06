"""What scenarios have in hand: the axis, the line to the broker, the adapter, and what was seen so far."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self, TypeVar

from lxml import etree

from hub.commands.conforming.adapter import Adapter, Commands
from hub.commands.conforming.axis import Consigned, Reply, SimulatedAxis, Submission
from hub.commands.conforming.hostile import Forgery
from hub.commands.conforming.line import Line
from hub.commands.conforming.papers import Paper
from hub.commands.conforming.place import MAILBOX, Place
from hub.commands.conforming.scenario import RuleBroken
from hub.commands.conforming.tap import Settled, Settlement, Tap
from hub.errors import OperationRefused
from hub.message.edxml import Header, MessageKind, StatusCode, StatusHeader
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import DeliveryId, DocumentId
from hub.message.properties import queue_of

T = TypeVar("T")

START_SECONDS: Final = 120.0
RECONNECTING_SECONDS: Final = 45.0
"""How long it may take to find a broker that is there again."""
_BY_HAND_SECONDS: Final = 600.0
"""How long we wait for somebody who starts it by hand."""
_LOOK_SECONDS: Final = 0.5
CALM_SECONDS: Final = 1.5
"""How long nothing more may come where nothing more is to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status that the adapter sent about a document."""

    header: StatusHeader
    submission: Submission


class Stage:
    """One run; `set_up` makes it."""

    def __init__(self, place: Place, axis: SimulatedAxis, adapter: Adapter, within: float) -> None:
        """Expect everything within *within* seconds."""
        self.place: Final = place
        self.axis: Final = axis
        self.adapter: Final = adapter
        self.within: Final = within
        self.accepted: list[Consigned] = []
        """What the adapter was to take, each once."""
        self.forged: list[Consigned] = []
        """What it was not to take."""
        self.tap: Final = Tap(told=self._look)
        self.line: Final = Line("adapter", ("127.0.0.1", place.record.amqp_port), witnesses=self.tap.witness)
        self._looking: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def set_up(cls, place: Place, commands: Commands, *, within: float) -> AsyncIterator[Self]:
        """Open the line, start the adapter, and wait until it reads its queue."""
        await place.empty_queues()
        axis = SimulatedAxis(place)
        stage = cls(place, axis, Adapter(place, commands), within)
        try:
            await axis.connect()
            await stage.line.open(place.line_port)
            await stage.rest(seconds=START_SECONDS if commands.adapter else _BY_HAND_SECONDS)
            yield stage
        finally:
            await stage.adapter.stop()
            await stage.line.close()
            await axis.close()

    def _look(self) -> None:
        """Wake whoever waits, from where nothing can be awaited."""
        task = asyncio.get_running_loop().create_task(self.axis.tell())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def rest(self, *, seconds: float = START_SECONDS) -> None:
        """Return to a fine day: an open line, an axis that accepts, an adapter that reads."""
        self.line.heal()
        self.axis.reply = Reply.ACCEPT
        await self.adapter.start()
        before = self.tap.reading
        try:
            async with asyncio.timeout(seconds):
                while not (await self.axis.readers() or self.tap.reading > before):
                    self._refuse_if_ended()
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise OperationRefused(
                f"nobody reads {queue_of(MAILBOX)} through port {self.place.line_port} for {seconds:.0f} s: "
                f"configure the adapter from {self.place.folder}"
            ) from None

    async def recovers(self) -> bool:
        """Rest; False where the adapter could not without being started anew. Raises `OperationRefused`."""
        if not self.adapter.can_be_started:
            await self.rest()
            return True
        try:
            await self.rest(seconds=RECONNECTING_SECONDS)
        except OperationRefused:
            await self.begin_anew()
            await self.rest()
            return False
        return True

    def _refuse_if_ended(self) -> None:
        if self.adapter.has_ended:
            raise OperationRefused(f"the adapter ended before it read its queue: {self.adapter.log} says why")

    async def begin_anew(self) -> None:
        """Leave nothing behind that the adapter cannot cope with."""
        if self.adapter.can_be_started:
            await self.adapter.kill()
            await self.place.empty_queues()

    async def until(
        self, look: Callable[[], T | None], vi: str, en: str, *, seconds: float | None = None
    ) -> T:
        """Wait until *look* finds something; raises `RuleBroken` with the sentences where it does not."""
        try:
            async with asyncio.timeout(seconds or self.within):
                while not (found := look()):
                    await self._news()
                return found
        except TimeoutError:
            raise RuleBroken(*self._with_end(vi, en)) from None

    async def _news(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS), self.axis.news:
                await self.axis.news.wait()

    def _with_end(self, vi: str, en: str) -> tuple[str, str]:
        if not self.adapter.has_ended:
            return vi, en
        return f"{vi}; bộ kết nối đã tự dừng", f"{en}; the adapter has ended by itself"

    async def deliver(
        self,
        paper: Paper,
        *,
        name: DeliveryId | None = None,
        attempt: int = 1,
        lane_number: int | None = None,
    ) -> Consigned:
        """Deliver *paper*, which the adapter is to take; under *name* once more what it may have already."""
        consigned = await self.axis.deliver(
            paper.body, recipient=paper.recipient, delivery_id=name, attempt=attempt, lane_number=lane_number
        )
        if name is None:
            self.accepted.append(consigned)
        return consigned

    async def deliver_forged(self, forgery: Forgery, name: DeliveryId | None = None) -> Consigned:
        """Deliver what the adapter must not take."""
        consigned = await self.axis.deliver(
            forgery.body,
            sender=forgery.sender,
            recipient=forgery.recipient,
            kind=forgery.kind,
            delivery_id=name,
        )
        self.forged.append(consigned)
        return consigned

    async def settled(
        self, consigned: Consigned, *, times: int = 1, seconds: float | None = None
    ) -> Settlement:
        """Wait until it was settled, for the last of so many times."""

        def look() -> Settlement | None:
            found = self.tap.settlements(str(consigned.delivery_id), consigned.attempt)
            return found[times - 1] if len(found) >= times else None

        return await self.until(
            look,
            f"lượt chuyển không được ack hay reject trong {seconds or self.within:.0f} giây",
            f"the delivery was neither acknowledged nor rejected within {seconds or self.within:.0f} s",
            seconds=seconds,
        )

    async def taken(self, consigned: Consigned, *, times: int = 1, seconds: float | None = None) -> None:
        """Wait until the adapter has acknowledged it; raises `RuleBroken` where it gave it back."""
        how = (await self.settled(consigned, times=times, seconds=seconds)).how
        if how in {Settled.REJECTED, Settled.REQUEUED}:
            raise RuleBroken(
                "bộ kết nối trả lại lượt chuyển hợp lệ",
                f"the adapter gave a good delivery back ({how})",
            )

    def answers(self, document: DocumentId) -> list[Answer]:
        """Return the statuses about *document* so far."""
        return [
            Answer(header=header, submission=each)
            for each in self.axis.submissions
            if isinstance(header := header_of(each.body), StatusHeader) and header.document_id == document
        ]

    async def answered(self, document: DocumentId, status: StatusCode = StatusCode.ARRIVED) -> Answer:
        """Wait for a status about *document*."""
        return await self.until(
            lambda: next((each for each in self.answers(document) if each.header.status == status), None),
            f"không có trạng thái {status} về văn bản trong {self.within:.0f} giây",
            f"no status {status} about the document within {self.within:.0f} s",
        )

    def answered_once(self, document: DocumentId) -> None:
        """Raise `RuleBroken` where one status came as two: repeated, it has the same name and bytes."""
        by_status: dict[StatusCode, set[object]] = {}
        for each in self.answers(document):
            asked = (each.submission.submission_id, each.submission.digest)
            by_status.setdefault(each.header.status, set()).add(asked)
        for status, names in by_status.items():
            if len(names) > 1:
                raise RuleBroken(
                    f"trạng thái {status} của một lượt chuyển được gửi thành {len(names)} gói tin khác nhau",
                    f"status {status} about one delivery was sent as {len(names)} different submissions",
                )

    async def calm(self, seconds: float = CALM_SECONDS) -> None:
        """Let pass what may still come."""
        await asyncio.sleep(seconds)

    def documents(self, *, since: int = 0) -> list[Submission]:
        """Return the documents that the adapter submitted, from the place *since* on."""
        return [each for each in self.axis.submissions[since:] if each.kind == MessageKind.DOCUMENT]


@lru_cache(maxsize=4096)
def header_of(body: bytes) -> Header | None:
    """Return what *body* says of itself, whoever signed it; None where nothing can be read."""
    if b"<!DOCTYPE" in body:
        return None
    try:
        return find_header(outline(parse_hardened(body)))
    except (etree.XMLSyntaxError, ValueError, LookupError, RecursionError):
        return None
