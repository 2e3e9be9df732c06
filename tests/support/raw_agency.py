"""An agency that speaks bare AMQP: what it publishes and what it gets, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from hub.commands.local_axis import LocalAgency
from hub.message import properties
from hub.message.identifiers import Fingerprint, MailboxName
from hub.message.receipt import Receipt, ReceiptEvent
from hub.signature.certificates import TrustAnchors
from hub.signature.receipts import verify_receipts
from hub.signature.signing import SigningKey, sign_envelope
from tests.support.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One message from the mailbox's queue, as it came."""

    kind: str | None
    body: bytes = field(repr=False)
    headers: dict[str, object]
    correlation_id: str | None
    message_id: str | None
    priority: int | None
    content_type: str | None
    is_persistent: bool
    at: datetime

    @property
    def document_id(self) -> object:
        return self.headers.get(properties.DOCUMENT_ID)

    @property
    def delivery_id(self) -> str:
        return str(self.headers[properties.DELIVERY_ID])


class RawAgency:
    """Publishes and consumes as the agency's broker user; acknowledges whatever comes."""

    def __init__(self, agency: LocalAgency, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        self.agency = agency
        self.arrived: list[Arrived] = []
        self._channel = channel
        self._exchange = exchange
        self._anchors = TrustAnchors.from_bytes(agency.anchors_file.read_bytes())
        certificate = x509.load_pem_x509_certificate(agency.hub_certificate_file.read_bytes())
        self._verified: dict[bytes, tuple[Receipt, ...]] = {}
        self._hub_certificates = {Fingerprint(certificate.fingerprint(SHA256()))}

    @classmethod
    @asynccontextmanager
    async def open(cls, agency: LocalAgency, *, consumes: bool = True) -> AsyncIterator["RawAgency"]:
        async with await aio_pika.connect(agency.amqp_url) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await channel.get_exchange(properties.SUBMIT_EXCHANGE, ensure=False)
            raw = cls(agency, channel, exchange)
            if consumes:
                await raw._consume(await connection.channel())
            yield raw

    @property
    def key(self) -> SigningKey:
        return key_of(self.agency)

    async def submit(
        self,
        body: bytes,
        submission_id: str | None = None,
        *,
        kind: str = "document",
        about: str | None = None,
        user_id: str | None = None,
        routing_key: str | None = None,
        is_vouched_for: bool = True,
    ) -> str:
        """Publish *body* as the kit would, unless told otherwise; return its submission id."""
        submission_id = submission_id or str(uuid4())
        message = aio_pika.Message(
            body,
            correlation_id=submission_id,
            message_id=uuid4().hex,
            user_id=user_id or self.agency.mailbox if is_vouched_for else None,
            type=kind,
            content_type=properties.content_type_of(body),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            headers={properties.DELIVERY_ID: about} if about is not None else None,
        )
        await self._exchange.publish(message, routing_key or self.agency.mailbox, mandatory=True)
        return submission_id

    async def submit_signed(self, unsigned: bytes, submission_id: str | None = None) -> str:
        """Sign with the agency's own key, and publish."""
        return await self.submit(sign_envelope(unsigned, self.key), submission_id)

    async def read_from(self, mailbox: str) -> None:
        """Try to take one message out of somebody's queue."""
        queue = await self._channel.get_queue(properties.queue_of(MailboxName(mailbox)), ensure=False)
        await queue.get(fail=False)

    def receipts(self, submission_id: str, event: ReceiptEvent | None = None) -> list[Receipt]:
        """Return the verified receipts about a submission, in the order in which they came."""
        return [
            receipt
            for each in self.of_kind("receipt")
            for receipt in self.told(each, submission_id)
            if event in {None, receipt.event}
        ]

    def told(self, arrived: Arrived, submission_id: str) -> list[Receipt]:
        """Return what a receipt or a sheet of them says about a submission, also one that repeats another."""
        sheet = self.verified(arrived)
        about = [each for each in sheet if each.submission_id == submission_id]
        return about or (list(sheet) if arrived.correlation_id == submission_id else [])

    def all_receipts(self) -> list[Receipt]:
        """Return every verified receipt, as often as it came."""
        return [receipt for each in self.of_kind("receipt") for receipt in self.verified(each)]

    def verified(self, arrived: Arrived) -> tuple[Receipt, ...]:
        """Return what a receipt or a sheet of them says; raises where the hub's signature does not hold."""
        if arrived.body not in self._verified:
            self._verified[arrived.body] = verify_receipts(
                arrived.body,
                anchors=self._anchors,
                hub_certificates=self._hub_certificates,
                at=datetime.now(UTC),
            )
        return self._verified[arrived.body]

    async def receipt(self, submission_id: str, event: ReceiptEvent, *, seconds: float = 30.0) -> Receipt:
        """Wait for the first receipt of *event*."""
        what = f"{event} of {submission_id} at {self.agency.mailbox}"
        found = await until(lambda: self.receipts(submission_id, event), what=what, seconds=seconds)
        return found[0]

    async def arrival(self, kind: str, count: int = 1, *, seconds: float = 30.0) -> list[Arrived]:
        """Wait for *count* messages of one kind and return all that came."""
        what = f"{count} of kind {kind} at {self.agency.mailbox}"
        return await until(
            lambda: found if len(found := self.of_kind(kind)) >= count else [], what=what, seconds=seconds
        )

    def of_kind(self, kind: str) -> list[Arrived]:
        return [each for each in self.arrived if each.kind == kind]

    async def _consume(self, channel: AbstractChannel) -> None:
        await channel.set_qos(prefetch_count=50)
        queue = await channel.get_queue(properties.queue_of(self.agency.mailbox), ensure=False)
        await queue.consume(self._take)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self.arrived.append(
            Arrived(
                kind=message.type,
                body=message.body,
                headers=dict(message.headers),
                correlation_id=message.correlation_id,
                message_id=message.message_id,
                priority=message.priority,
                content_type=message.content_type,
                is_persistent=message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT,
                at=datetime.now(UTC),
            )
        )
        await message.ack()


def key_of(agency: LocalAgency) -> SigningKey:
    """Read the agency's signing key."""
    return SigningKey.from_pem(agency.key_file.read_bytes(), agency.key_password.encode())


async def all_receipts(raw: RawAgency, submissions: Sequence[str], event: ReceiptEvent) -> list[Receipt]:
    """Wait for one receipt of *event* for each of *submissions*."""
    return list(await asyncio.gather(*(raw.receipt(each, event) for each in submissions)))
