"""The simulated axis: a real broker, and behind it a hub that does what a scenario tells it to."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final
from uuid import UUID, uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from hub.commands.conforming.place import MAILBOX, PARTNER, Place
from hub.errors import RejectionCode, TemporaryFailure
from hub.message import properties
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyCode,
    DeliveryId,
    Digest,
    MessageId,
    ReceiptId,
    SubmissionId,
    agency_key,
    digest_of,
)
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_sheet import write_sheets
from hub.message.refusal import violation
from hub.message.reject_reason import REJECT_REASON, RejectReason
from hub.signature.signing import SigningKey, sign_receipt

REFUSED_FOR: Final = violation(
    RejectionCode.UNKNOWN_RECIPIENT, path="/edXML", rule="simulated refusal", recipient=PARTNER
)
_AWAY: Final = (*CONNECTION_EXCEPTIONS, asyncio.TimeoutError)


class Reply(Enum):
    """What the hub does with a document that the adapter submits."""

    ACCEPT = auto()
    REFUSE = auto()
    SAY_NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One publish of the adapter, as the broker kept it."""

    body: bytes = field(repr=False)
    submission_id: str | None
    message_id: str | None
    user_id: str | None
    kind: str | None
    content_type: str | None
    is_persistent: bool
    about: str | None
    """The delivery that a status says it is about."""
    is_redelivered: bool
    at: float
    """When it came, by the clock of the event loop."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of the exact bytes."""
        return digest_of(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consigned:
    """A message that was put into the mailbox's queue."""

    delivery_id: DeliveryId
    attempt: int
    at: float


class SimulatedAxis:
    """Consumes what is submitted and returned, and delivers; connects anew when it is told to."""

    def __init__(self, place: Place) -> None:
        """Serve the axis of *place*, once `connect` was called."""
        self.reply = Reply.ACCEPT
        self.submissions: list[Submission] = []
        self.reasons: list[RejectReason | None] = []
        """Why the adapter rejected something, in its words; None for what cannot be read."""
        self.returned: list[tuple[str, str]] = []
        """Delivery id and reason of everything that came back."""
        self.receipts: list[Receipt] = []
        """Those that were issued."""
        self.news: Final = asyncio.Condition()
        self._place = place
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._lane_numbers: dict[tuple[str, str, str], int] = {}
        self._decided: dict[tuple[str, Digest], Receipt] = {}

    async def connect(self) -> None:
        """Connect and consume; what an earlier connection held unsettled comes again."""
        await self.close()
        self._connection = await aio_pika.connect(self._place.hub_url)
        self._channel = channel = await self._connection.channel()
        await channel.set_qos(prefetch_count=500)
        for name, take in (
            (properties.INTAKE_QUEUE, self._take),
            (properties.RETURNED_QUEUE, self._take_back),
        ):
            queue = await channel.get_queue(name, ensure=False)
            await queue.consume(take)

    async def close(self) -> None:
        """Let go of the broker."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_AWAY):
                await connection.close()

    async def tell(self) -> None:
        """Wake whoever waits for something to happen."""
        async with self.news:
            self.news.notify_all()

    async def readers(self) -> int:
        """Return how many consumers the mailbox's queue has just now; none where the broker is away."""
        with suppress(*_AWAY):
            async with asyncio.timeout(5), await aio_pika.connect(self._place.hub_url) as connection:
                channel = await connection.channel()
                queue = await channel.declare_queue(properties.queue_of(MAILBOX), passive=True)
                return queue.declaration_result.consumer_count or 0
        return 0

    def lane_number(self, sender: str, recipient: str, lane: str = properties.ORDINARY) -> int:
        """Take the next number of a lane."""
        place = (sender, recipient, lane)
        self._lane_numbers[place] = self._lane_numbers.get(place, 0) + 1
        return self._lane_numbers[place]

    async def deliver(
        self,
        body: bytes,
        *,
        sender: AgencyCode = PARTNER,
        recipient: AgencyCode,
        kind: MessageKind = MessageKind.DOCUMENT,
        delivery_id: DeliveryId | None = None,
        attempt: int = 1,
        lane: str = properties.ORDINARY,
        lane_number: int | None = None,
    ) -> Consigned:
        """Put *body* into the mailbox's queue as the hub does; returns once the broker has it."""
        name = delivery_id or DeliveryId(uuid4())
        number = lane_number or self.lane_number(sender, recipient, lane)
        headers: dict[str, str | int] = {
            properties.DELIVERY_ID: str(name),
            properties.ATTEMPT: attempt,
            properties.SENDER: agency_key(sender),
            properties.RECIPIENT: agency_key(recipient),
            properties.LANE: lane,
            properties.LANE_NUMBER: number,
            properties.HUB_MESSAGE_ID: str(uuid4()),
        }
        await self._publish(body, kind, str(uuid4()), headers, is_urgent=lane == properties.URGENT)
        return Consigned(delivery_id=name, attempt=attempt, at=asyncio.get_running_loop().time())

    async def send_receipts(
        self, *receipts: Receipt, key: SigningKey | None = None, spoilt: tuple[bytes, bytes] | None = None
    ) -> Consigned:
        """Sign *receipts*, on one sheet where they are several, and put them into the mailbox's queue.

        *key* is somebody else's than the hub's; *spoilt* is what gives way to what after signing.
        """
        sheet = write_sheets(receipts)[0]
        body = sign_receipt(sheet.body, key or self._place.hub_key)
        if spoilt is not None:
            body = body.replace(*spoilt)
        name = DeliveryId(uuid4())
        headers: dict[str, str | int] = {
            properties.DELIVERY_ID: str(name),
            properties.ATTEMPT: 1,
            properties.RECIPIENT: agency_key(AgencyCode(MAILBOX)),
            properties.LANE: properties.ORDINARY,
            properties.LANE_NUMBER: self.lane_number("", MAILBOX),
            properties.HUB_MESSAGE_ID: str(sheet.message_id or uuid4()),
        }
        await self._publish(body, MessageKind.RECEIPT, sheet.correlation_id, headers)
        return Consigned(delivery_id=name, attempt=1, at=asyncio.get_running_loop().time())

    async def _publish(
        self,
        body: bytes,
        kind: MessageKind,
        correlation_id: str,
        headers: Mapping[str, str | int],
        *,
        is_urgent: bool = False,
    ) -> None:
        if self._channel is None:
            raise TemporaryFailure("the simulated axis is not connected")
        exchange = await self._channel.get_exchange(properties.DELIVER_EXCHANGE, ensure=False)
        message = aio_pika.Message(
            body,
            content_type=properties.CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            type=kind.value,
            correlation_id=correlation_id,
            message_id=uuid4().hex,
            priority=properties.URGENT_PRIORITY if is_urgent else 0,
            headers=dict(headers),
        )
        await exchange.publish(message, MAILBOX, mandatory=True, timeout=30)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        submission = _submission(message)
        if submission.kind == REJECT_REASON:
            self.reasons.append(RejectReason.read(submission.body))
        else:
            self.submissions.append(submission)
        await self.tell()
        with suppress(*_AWAY):
            await message.ack()
            if submission.kind == MessageKind.DOCUMENT:
                await self.decide(submission, self.reply)

    async def decide(self, submission: Submission, reply: Reply) -> None:
        """Answer as the hub does: the same bytes under the same name get the receipt that they got before."""
        if reply is Reply.SAY_NOTHING:
            return
        asked = (submission.submission_id or "", submission.digest)
        event = {
            Reply.ACCEPT: ReceiptEvent.SUBMISSION_ACCEPTANCE,
            Reply.REFUSE: ReceiptEvent.SUBMISSION_REJECTION,
        }[reply]
        receipt = self._decided.setdefault(asked, a_receipt(event, submission))
        self.receipts.append(receipt)
        await self.send_receipts(receipt)

    async def _take_back(self, message: AbstractIncomingMessage) -> None:
        deaths = message.headers.get("x-death")
        reason = deaths[0].get("reason") if isinstance(deaths, list) and isinstance(deaths[0], dict) else ""
        self.returned.append((str(message.headers.get(properties.DELIVERY_ID)), str(reason)))
        await self.tell()
        with suppress(*_AWAY):
            await message.ack()


def a_receipt(event: ReceiptEvent, submission: Submission | None = None) -> Receipt:
    """Return a receipt for the mailbox about *submission*, or about one that it may have forgotten."""
    why = (REFUSED_FOR,) if event is ReceiptEvent.SUBMISSION_REJECTION else ()
    return Receipt(
        receipt_id=ReceiptId(uuid4()),
        event=event,
        issued_at=datetime.now(UTC),
        mailbox=MAILBOX,
        submission_id=SubmissionId((submission.submission_id if submission else None) or str(uuid4())),
        message_id=MessageId(uuid4()),
        digest=submission.digest if submission else digest_of(uuid4().bytes),
        sender=agency_key(AgencyCode(MAILBOX)),
        document_id=None,
        violations=why,
    )


def _submission(message: AbstractIncomingMessage) -> Submission:
    about = message.headers.get(properties.DELIVERY_ID)
    return Submission(
        body=message.body,
        submission_id=message.correlation_id,
        message_id=message.message_id,
        user_id=message.user_id,
        kind=message.type,
        content_type=message.content_type,
        is_persistent=message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT,
        about=str(about) if isinstance(about, str | UUID) else None,
        is_redelivered=bool(message.redelivered),
        at=asyncio.get_running_loop().time(),
    )
