"""The kit's two connections: one publishes, the other consumes, so that neither can block the other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, TypeVar
from uuid import uuid4

import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel
from aio_pika.exceptions import AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import AMQPConnectionError
from pamqp.commands import Basic
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from adapters.kit.connection import CALL_SECONDS, OUTAGES, BrokerConnection, answering, is_cancelled
from adapters.kit.outgoing import Outgoing
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message import properties, reject_reason
from hub.message.identifiers import MailboxName
from hub.message.reject_reason import RejectReason
from hub.transport.address import broker_urls, unencrypted_advice
from hub.transport.tls import NO_FILES, TlsFiles
from hub.transport.trouble import explain, suspect

T = TypeVar("T")
_log = structlog.get_logger("adapters.kit")

_HEARTBEAT: Final = 15
_LONGEST_WAIT: Final = 30.0
_LOOK_SECONDS: Final = 0.5
"""How often we look whether the broker reads what we publish."""
_BLOCKED_ADVICE: Final = (
    "the axis's broker is low on memory or disk and takes no messages: nothing is lost, what waits is in the "
    "journal and goes out by itself; tell the axis's operators if it lasts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, and as whom we speak there: the broker user is the mailbox."""

    url: str = field(repr=False)
    """The nodes of a cluster in one: `amqps://H14:password@a:5671,b:5671,c:5671/axis`; with `?auth=external`
    and no password we are whom our certificate names."""
    mailbox: MailboxName
    tls: TlsFiles = NO_FILES

    @property
    def place(self) -> str:
        """Hosts and ports, without the password: for people."""
        return ",".join(f"{url.host}:{url.port}" for url in broker_urls(self.url))

    def check(self) -> None:
        """Raise `ConfigurationError` with everything that keeps this address from being used."""
        if complaints := self.tls.complaints(self.url, self.mailbox):
            raise ConfigurationError("; ".join(complaints))

    def warn(self) -> None:
        """Log where others can listen on the way to the broker."""
        if advice := [found for url in broker_urls(self.url) if (found := unencrypted_advice(url))]:
            _log.warning("broker.unencrypted", mailbox=self.mailbox, broker=self.place, advice=advice[0])


class SubmitChannel:
    """Publishes to `axis.submit`, mandatory and persistent, in the mailbox's own name, until confirmed."""

    def __init__(
        self, connection: BrokerConnection, channel: AbstractRobustChannel, mailbox: MailboxName
    ) -> None:
        """Publish on *channel*, which does nothing else: one bad operation would fail all in flight on it."""
        self._connection = connection
        self._channel = channel
        self._mailbox = mailbox
        self._is_read = asyncio.Event()
        self._is_read.set()
        self._limits: set[asyncio.Timeout] = set()
        # It lives as long as the channel; `close` awaits it.
        self._watching = asyncio.create_task(self._watch(), name=f"alarms for {mailbox}")

    @classmethod
    async def open(cls, address: BrokerAddress) -> Self:
        """Connect, for as long as it takes; raises `ConfigurationError` where the broker does not know us."""
        address.warn()
        return await _persistently(lambda: cls._open(address), address)

    @property
    def is_blocked(self) -> bool:
        """Whether the broker reads nothing from us: it is low on memory or disk."""
        return not self._is_read.is_set()

    @classmethod
    async def _open(cls, address: BrokerAddress) -> Self:
        connection = await _connect(address, "submit")
        async with connection.or_leave():
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        assert isinstance(channel, AbstractRobustChannel)  # noqa: S101 - what a robust connection opens
        return cls(connection, channel, address.mailbox)

    async def submit(self, outgoing: Outgoing) -> None:
        """Publish once; raises `TemporaryFailure` for whatever the broker did but confirm.

        Waits where the broker is low on memory or disk: what is in flight then is confirmed afterwards; to
        publish it again would only make it more.
        """
        await self._publish(self._message(outgoing), outgoing.submission_id)

    async def explain(self, reason: RejectReason) -> None:
        """Tell the axis why a delivery is about to be rejected; raises `TemporaryFailure` as `submit` does.

        Nothing depends on it: who waits for it says how long.
        """
        message = Message(
            reason.write(),
            content_type=reject_reason.CONTENT_TYPE,
            delivery_mode=DeliveryMode.PERSISTENT,
            type=reject_reason.REJECT_REASON,
            message_id=uuid4().hex,
            user_id=self._mailbox,
        )
        await self._publish(message, f"the reason of {reason.delivery_id}")

    async def _publish(self, message: Message, name: str) -> None:
        await self._is_read.wait()
        try:
            async with self._patience():
                exchange = await self._channel.get_exchange(properties.SUBMIT_EXCHANGE, ensure=False)
                confirm = await exchange.publish(message, self._mailbox, mandatory=True)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            raise TemporaryFailure("the connection broke while publishing") from error
        except OUTAGES as error:
            raise TemporaryFailure(f"{name} was not confirmed: {error!r}") from error
        if not isinstance(confirm, Basic.Ack):
            raise TemporaryFailure(f"{name} was not confirmed: {type(confirm).__name__}")

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Wait as long as a call may take, without the time during which the broker reads nothing."""
        async with asyncio.timeout(CALL_SECONDS) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    async def _watch(self) -> None:
        """Look whether the broker blocks us, because the client library knows it and tells nobody."""
        while True:
            if await self._is_blocked_now() != self.is_blocked:
                self._turn()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _is_blocked_now(self) -> bool:
        transport = self._connection.transport
        if transport is None or not self._connection.connected.is_set():
            return False  # what waits on a lost connection fails by itself
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await transport.ready()
        except TimeoutError:
            return self._connection.connected.is_set()
        return False

    def _turn(self) -> None:
        if self.is_blocked:
            self._is_read.set()
            until = asyncio.get_running_loop().time() + CALL_SECONDS
            _log.warning("broker.unblocked", mailbox=self._mailbox)
        else:
            self._is_read.clear()
            until = None
            _log.error("broker.blocked", mailbox=self._mailbox, advice=_BLOCKED_ADVICE)
        for limit in self._limits:
            limit.reschedule(until)

    def _message(self, outgoing: Outgoing) -> Message:
        about = outgoing.about_delivery
        return Message(
            outgoing.body,
            content_type=properties.content_type_of(outgoing.body),
            delivery_mode=DeliveryMode.PERSISTENT,
            type=outgoing.kind.value,
            correlation_id=outgoing.submission_id,
            message_id=uuid4().hex,  # fresh: the client library matches returns to publishes by it
            user_id=self._mailbox,
            headers={properties.DELIVERY_ID: str(about)} if about is not None else None,
        )

    async def close(self) -> None:
        """Let go of the connection; what was not confirmed stays in the journal."""
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self._connection.leave()


class Arrived(Protocol):
    """One message from the mailbox's queue, unsettled."""

    @property
    def body(self) -> bytes:
        """The exact bytes."""
        ...

    @property
    def content_type(self) -> str | None:
        """What the bytes are: an envelope, or a claim check for a large one."""
        ...

    @property
    def type(self) -> str | None:
        """The kind of message, as the axis says."""
        ...

    @property
    def correlation_id(self) -> str | None:
        """What a receipt answers."""
        ...

    @property
    def headers(self) -> dict[str, object]:
        """What the axis wrote beside the bytes."""
        ...

    @property
    def is_redelivered(self) -> bool:
        """Whether the broker has handed it out before."""
        ...

    async def acknowledge(self) -> None:
        """Settle: the broker may forget it. Quiet where the connection is gone, since it then comes again."""
        ...

    async def give_back(self) -> None:
        """Reject without requeue: the axis decides when it is offered again."""
        ...


class _ArrivedMessage:
    """An AMQP message of the client library, as `Arrived`."""

    def __init__(self, message: AbstractIncomingMessage) -> None:
        self._message = message
        self.body = message.body
        self.content_type = message.content_type
        self.type = message.type
        self.correlation_id = message.correlation_id
        self.headers: dict[str, object] = dict(message.headers)
        self.is_redelivered = bool(message.redelivered)

    async def acknowledge(self) -> None:
        await _settle(self._message.ack())

    async def give_back(self) -> None:
        await _settle(self._message.reject(requeue=False))


class MailboxQueue:
    """Consumes `agency.<mailbox>`; what is unsettled when it closes or the broker restarts comes again."""

    def __init__(self, connection: BrokerConnection) -> None:
        """Consume over *connection*; `open` makes it."""
        self._connection = connection
        self._arrived: asyncio.Queue[Arrived] = asyncio.Queue()  # bounded by the prefetch

    @classmethod
    async def open(cls, address: BrokerAddress, *, prefetch: int) -> Self:
        """Connect and consume, for as long as it takes."""
        return await _persistently(lambda: cls._open(address, prefetch), address)

    @classmethod
    async def _open(cls, address: BrokerAddress, prefetch: int) -> Self:
        connection = await _connect(address, "consume")
        mailbox_queue = cls(connection)
        async with connection.or_leave():
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            queue = await channel.declare_queue(properties.queue_of(address.mailbox), passive=True)
            await queue.consume(mailbox_queue._take)
        return mailbox_queue

    async def _take(self, message: AbstractIncomingMessage) -> None:
        self._arrived.put_nowait(_ArrivedMessage(message))

    async def __aiter__(self) -> AsyncIterator[Arrived]:
        """Yield what arrives, in the queue's order, without end."""
        while True:
            yield await self._arrived.get()

    async def close(self) -> None:
        """Let go of the connection and of everything unsettled."""
        await self._connection.leave()


async def _connect(address: BrokerAddress, purpose: str) -> BrokerConnection:
    query = {
        "heartbeat": str(_HEARTBEAT),
        "reconnect_interval": "1",
        "name": f"{address.mailbox} {purpose}",
    }
    nodes = [url.update_query(query) for url in broker_urls(address.url)]
    return await BrokerConnection.open(nodes, address.tls.context() if nodes[0].scheme == "amqps" else None)


async def _persistently(connect: Callable[[], Awaitable[T]], address: BrokerAddress) -> T:
    address.check()
    attempts = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT),
        before_sleep=_log_attempt,
        reraise=True,
    )
    try:
        async for attempt in attempts:
            with attempt:
                return await connect()
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise ConfigurationError(
            f"the broker at {address.place} does not let {address.mailbox} in ({error!r}): check user, "
            "password or certificate, and that the axis has connected this mailbox"
        ) from error
    except AMQPConnectionError as error:
        raise ConfigurationError(f"the broker at {address.place}: {explain(error)}") from error
    raise AssertionError("tenacity ended without a result")


def _may_pass(error: BaseException) -> bool:
    """Whether to try again: an outage passes, a refusal or a wrong certificate does not."""
    if isinstance(error, AuthenticationError | ProbableAuthenticationError | asyncio.CancelledError):
        return False
    return isinstance(error, Exception) and explain(error) is None


def _log_attempt(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    advice = {"advice": found} if (found := suspect(error)) else {}
    _log.warning("broker.unreachable", attempt=state.attempt_number, reason=repr(error), **advice)


async def _settle(settlement: Awaitable[None]) -> None:
    try:
        async with answering():
            await settlement
    except OUTAGES as error:
        _log.info("delivery.unsettled", reason=repr(error))
