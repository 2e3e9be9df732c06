"""The hub as the kit sees it, on a real broker: takes submissions, signs receipts, delivers."""

import asyncio
from datetime import UTC, datetime
from typing import Self
from uuid import UUID, uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustConnection

from hub.message import properties
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
    agency_key,
    digest_of,
)
from hub.message.receipt import Receipt, ReceiptEvent
from hub.message.receipt_xml import write_receipt
from hub.message.reject_reason import REJECT_REASON, RejectReason
from hub.signature.signing import SigningKey, sign_receipt


def a_receipt(mailbox: str, submission_id: str, body: bytes, event: ReceiptEvent) -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(uuid4()),
        event=event,
        issued_at=datetime.now(UTC),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId(submission_id),
        message_id=MessageId(uuid4()),
        digest=digest_of(body),
        sender=AgencyKey(mailbox),
        document_id=None,
    )


class HubTwin:
    """Consumes `hub.intake` and `hub.returned`; accepts every document when told to."""

    def __init__(
        self, connection: AbstractRobustConnection, channel: AbstractRobustChannel, key: SigningKey
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._key = key
        self._lane_numbers: dict[tuple[str, str], int] = {}
        self.accepts_documents = False
        self.submitted: list[AbstractIncomingMessage] = []
        self.returned: list[AbstractIncomingMessage] = []
        self.told: list[RejectReason | None] = []
        """Why recipients reject, as they say before they do."""
        self._news = asyncio.Condition()

    @classmethod
    async def open(cls, url: str, key: SigningKey) -> Self:
        connection = await aio_pika.connect_robust(url, reconnect_interval=0.5)
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        twin = cls(connection, channel, key)
        intake = await channel.get_queue(properties.INTAKE_QUEUE)
        returned = await channel.get_queue(properties.RETURNED_QUEUE)
        await intake.consume(twin._take)
        await returned.consume(twin._take_back)
        return twin

    async def close(self) -> None:
        await self._connection.close()

    async def _take(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        if message.type == REJECT_REASON:
            assert message.user_id == message.routing_key
            self.told.append(RejectReason.read(message.body))
            return
        async with self._news:
            self.submitted.append(message)
            self._news.notify_all()
        if self.accepts_documents and message.type == MessageKind.DOCUMENT:
            await self.decide(message, ReceiptEvent.SUBMISSION_ACCEPTANCE)

    async def _take_back(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        async with self._news:
            self.returned.append(message)
            self._news.notify_all()

    async def until_submitted(
        self, count: int, *, kind: MessageKind | None = None
    ) -> list[AbstractIncomingMessage]:
        def found() -> list[AbstractIncomingMessage]:
            return [message for message in self.submitted if kind is None or message.type == kind]

        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()

    async def until_returned(self, count: int) -> list[AbstractIncomingMessage]:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(self.returned) >= count)
        return self.returned

    async def until_consumed(self, mailbox: str, *, by: int) -> None:
        """Wait until as many consumers read the mailbox's queue."""
        consumers = 0
        async with asyncio.timeout(30):
            while consumers < by:
                async with self._connection.channel() as channel:  # a robust channel would answer from memory
                    queue = await channel.declare_queue(
                        properties.queue_of(MailboxName(mailbox)), passive=True
                    )
                    consumers = queue.declaration_result.consumer_count or 0

    async def decide(self, message: AbstractIncomingMessage, event: ReceiptEvent) -> Receipt:
        receipt = a_receipt(message.user_id or "", message.correlation_id or "", message.body, event)
        await self.send_receipt(receipt, key=self._key)
        return receipt

    async def send_receipt(self, receipt: Receipt, *, key: SigningKey) -> None:
        await self.send_receipt_to(receipt.mailbox, receipt, key=key)

    async def send_receipt_to(self, mailbox: str, receipt: Receipt, *, key: SigningKey) -> None:
        body = sign_receipt(write_receipt(receipt), key)
        headers = self._headers(DeliveryId(uuid4()), attempt=1, sender=None, recipient=mailbox)
        headers[properties.EVENT] = receipt.event.value
        await self._publish(body, mailbox, MessageKind.RECEIPT, receipt.submission_id, headers)

    async def deliver(
        self,
        body: bytes,
        *,
        mailbox: str,
        sender: str,
        recipient: str | None = None,
        delivery_id: UUID | None = None,
        attempt: int = 1,
        kind: MessageKind = MessageKind.DOCUMENT,
    ) -> DeliveryId:
        name = DeliveryId(delivery_id or uuid4())
        headers = self._headers(name, attempt=attempt, sender=sender, recipient=recipient or mailbox)
        await self._publish(body, mailbox, kind, str(uuid4()), headers)
        return name

    def _headers(
        self, delivery_id: DeliveryId, *, attempt: int, sender: str | None, recipient: str
    ) -> dict[str, str | int]:
        lane = (sender or "", recipient)
        self._lane_numbers[lane] = self._lane_numbers.get(lane, 0) + 1
        headers: dict[str, str | int] = {
            properties.DELIVERY_ID: str(delivery_id),
            properties.ATTEMPT: attempt,
            properties.RECIPIENT: agency_key(recipient),
            properties.LANE: "ordinary",
            properties.LANE_NUMBER: self._lane_numbers[lane],
            properties.HUB_MESSAGE_ID: str(uuid4()),
        }
        return headers if sender is None else headers | {properties.SENDER: agency_key(sender)}

    async def _publish(
        self, body: bytes, mailbox: str, kind: MessageKind, correlation_id: str, headers: dict[str, str | int]
    ) -> None:
        exchange = await self._channel.get_exchange(properties.DELIVER_EXCHANGE, ensure=False)
        message = aio_pika.Message(
            body,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            type=kind.value,
            correlation_id=correlation_id,
            message_id=uuid4().hex,
            headers=dict(headers),
        )
        await exchange.publish(message, mailbox, mandatory=True, timeout=30)
