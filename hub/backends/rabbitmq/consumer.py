"""Takes messages from one queue in batches, settles them out of order, survives the loss of its channel."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import structlog
from aiormq.abc import DeliveredMessage

from hub.backends.rabbitmq.channel import MessageChannel
from hub.backends.rabbitmq.connection import CALL_SECONDS, BrokerLink, translated
from hub.backends.rabbitmq.frames import (
    DELIVER,
    Delivered,
    acknowledging,
    giving_back,
    read_deliver,
    read_properties,
    rejecting,
)
from hub.backends.rabbitmq.intray import Intray
from hub.backends.rabbitmq.settlement import Ledger, Settlement
from hub.errors import TemporaryFailure
from hub.ports import BatchLimits, Inbound

log: structlog.stdlib.BoundLogger = structlog.get_logger()

OUTAGE_PATIENCE: Final = timedelta(milliseconds=500)
"""How long one look for the connection lasts, before a pause is noticed."""


async def _nothing_else(message: DeliveredMessage) -> None:
    """Never called: deliveries do not come through the client library, which wants to be given something."""
    raise AssertionError(f"delivery {message.delivery_tag} was not taken off the wire")


class _Subscription:
    """One channel's life; tags go on where the last channel's ended, so that none is used twice."""

    def __init__(self, channel: MessageChannel, base: int, intray: Intray) -> None:
        self.channel = channel
        self.base = base
        self.highest = base
        self.ledger = Ledger(base)
        self.consumer_tag: str | None = None
        self.is_lost = False
        self.is_ending = False
        """Whether what still arrives goes back at once."""
        self._intray = intray
        channel.take(messages={DELIVER: self._receive})
        channel.closing.add_done_callback(lambda _: self._lose())
        channel.calls.on_consumer_cancel_callbacks.add(lambda _: self._lose())

    def tell(self, settlement: Settlement, *, requeue: bool) -> None:
        """Write what *settlement* says; the broker does not answer to it."""
        number, base = self.channel.number, self.base
        withdrawing = giving_back if requeue else rejecting
        told = [withdrawing(number, tag - base) for tag in settlement.withdraw]
        if settlement.acknowledge_up_to is not None:
            told.append(acknowledging(number, settlement.acknowledge_up_to - base, multiple=True))
        told += [acknowledging(number, tag - base, multiple=False) for tag in settlement.acknowledge]
        if told:
            self.channel.write(b"".join(told))

    def _receive(self, delivered: Delivered) -> None:
        """Put a delivery into the intray; they come in the order of delivery."""
        if self.is_lost:
            return
        tag, is_redelivered, routing_key = read_deliver(delivered.method)
        self.highest = self.base + tag
        if self.is_ending:
            self.tell(self.ledger.withdraw([self.highest]), requeue=True)
        else:
            self._intray.put(_inbound(delivered, self.highest, routing_key, is_redelivered=is_redelivered))

    def _lose(self) -> None:
        self.is_lost = True
        self.channel.let_go()
        self._intray.interrupt()


class RabbitConsumer:
    """`hub.ports.Consumer` over one queue; no more than *prefetch* unsettled messages are held."""

    def __init__(self, link: BrokerLink, queue: str, *, prefetch: int, limits: BatchLimits) -> None:
        """Prepare; the first `batches` subscribes."""
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._intray = Intray(limits, link.gate)
        self._subscription: _Subscription | None = None
        self._last_tag = 0
        self._is_paused = False
        self._changing = asyncio.Lock()
        self._trouble: str | None = None

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @property
    def is_consuming(self) -> bool:
        """Whether the broker sends us messages at this moment."""
        subscription = self._subscription
        return subscription is not None and not subscription.is_lost and subscription.consumer_tag is not None

    async def batches(self) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what has arrived; ends when `pause` or `close` is called, never because of an outage."""
        while not self._is_paused:
            if not self.is_consuming:
                await self._keep_subscribed()
            elif batch := await self._intray.take():
                yield batch

    async def settle(self, accepted: Sequence[Inbound]) -> None:
        """Acknowledge; what came over a lost channel is left alone, since it is delivered again."""
        subscription = self._subscription
        if subscription is not None:
            settlement = subscription.ledger.accept(self._of(subscription, accepted))
            await self._tell(subscription, settlement, requeue=True)

    async def give_back(self, unsettled: Sequence[Inbound]) -> None:
        """Return to the queue.

        With `nack`, unlike a failure: an outage counts as no attempt, and from RabbitMQ 4.3 on only `reject`
        counts towards the delivery limit.
        """
        await self._withdraw(unsettled, requeue=True)

    async def reject(self, refused: Sequence[Inbound]) -> None:
        """Send to the queue's dead-letter exchange."""
        await self._withdraw(refused, requeue=False)

    async def pause(self) -> None:
        """Take nothing more and give back, once, what nobody has taken yet; what was taken can be settled."""
        self._is_paused = True
        self._intray.interrupt()
        async with self._changing:
            # The broker's answer comes after all that it has sent already, which nobody would read otherwise.
            self._link.gate.open(self._intray)
            await self._cancel()
        await self.give_back(self._intray.empty())

    async def resume(self) -> None:
        """Take messages again."""
        self._is_paused = False

    async def close(self) -> None:
        """Pause and close the channel; the broker takes back what is still unsettled."""
        await self.pause()
        subscription, self._subscription = self._subscription, None
        if subscription is not None and not subscription.is_lost:
            await self._close_channel(subscription)

    async def _keep_subscribed(self) -> None:
        try:
            await self._link.wait_up(OUTAGE_PATIENCE)
            async with self._changing:
                if not self._is_paused:
                    await self._subscribe()
            self._trouble = None
        except TemporaryFailure as failure:
            if self._trouble != str(failure):
                self._trouble = str(failure)
                log.warning("consumer.waiting", queue=self._queue, reason=self._trouble)
            # A queue that is missing or refused is answered at once: do not ask again at once.
            await asyncio.sleep(OUTAGE_PATIENCE.total_seconds())

    async def _subscribe(self) -> None:
        subscription = self._subscription
        if subscription is None or subscription.is_lost:
            subscription = await self._open()
        subscription.is_ending = False
        with translated(f"consume from {self._queue}"):
            answer = await subscription.channel.calls.basic_consume(
                self._queue, _nothing_else, timeout=CALL_SECONDS
            )
        subscription.consumer_tag = answer.consumer_tag

    async def _cancel(self) -> None:
        subscription = self._subscription
        if subscription is None or subscription.is_lost or subscription.consumer_tag is None:
            return
        consumer_tag, subscription.consumer_tag = subscription.consumer_tag, None
        subscription.is_ending = True
        try:
            with translated(f"cancel the consumer of {self._queue}"):
                await subscription.channel.calls.basic_cancel(consumer_tag, timeout=CALL_SECONDS)
        except TemporaryFailure as failure:
            log.warning("consumer.cancel_failed", queue=self._queue, reason=str(failure))

    async def _open(self) -> _Subscription:
        """Begin a new channel; what is left of the old one is forgotten, because it comes again."""
        if self._subscription is not None:
            self._last_tag = self._subscription.highest
            await self._close_channel(self._subscription)
        self._intray.empty()
        channel = await self._link.open_channel()
        self._subscription = _Subscription(channel, self._last_tag, self._intray)
        with translated(f"set the prefetch for {self._queue}"):
            await channel.calls.basic_qos(prefetch_count=self._prefetch, timeout=CALL_SECONDS)
        return self._subscription

    async def _close_channel(self, subscription: _Subscription) -> None:
        if not subscription.channel.is_closed:
            try:
                with translated(f"close the channel of {self._queue}"):
                    await subscription.channel.calls.close(timeout=CALL_SECONDS)
            except TemporaryFailure as failure:
                log.warning("consumer.close_failed", queue=self._queue, reason=str(failure))

    async def _withdraw(self, messages: Sequence[Inbound], *, requeue: bool) -> None:
        subscription = self._subscription
        if subscription is not None:
            settlement = subscription.ledger.withdraw(self._of(subscription, messages))
            await self._tell(subscription, settlement, requeue=requeue)

    @staticmethod
    def _of(subscription: _Subscription, messages: Iterable[Inbound]) -> list[int]:
        return [message.tag for message in messages if message.tag > subscription.base]

    async def _tell(self, subscription: _Subscription, settlement: Settlement, *, requeue: bool) -> None:
        """Tell the broker, unless the channel is gone and everything comes again anyway."""
        if subscription.is_lost:
            return
        try:
            with translated(f"settle deliveries of {self._queue}"):
                subscription.tell(settlement, requeue=requeue)
                async with asyncio.timeout(CALL_SECONDS):
                    await subscription.channel.drained()
        except TemporaryFailure as failure:
            log.warning("consumer.settle_failed", queue=self._queue, reason=str(failure))
            if not subscription.channel.is_closed:
                self._link.drop()


def _inbound(delivered: Delivered, tag: int, routing_key: str, *, is_redelivered: bool) -> Inbound:
    heard = read_properties(delivered.header)
    return Inbound(
        tag=tag,
        body=delivered.body,
        user_id=heard.user_id,
        message_id=heard.message_id,
        correlation_id=heard.correlation_id,
        routing_key=routing_key,
        headers=heard.headers,
        kind=heard.kind,
        sent_at=heard.sent_at,
        is_redelivered=is_redelivered,
    )
