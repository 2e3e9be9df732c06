"""Connections that come back by themselves; publishing and consuming each have their own.

A connection that an alarm of the broker has blocked is no longer read, acknowledgements included: this is why
a link serves one purpose.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import structlog
from aiormq import Channel, Connection
from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential
from yarl import URL

from hub.backends.rabbitmq.alarm import Alarm
from hub.backends.rabbitmq.channel import MessageChannel
from hub.backends.rabbitmq.gate import Gate
from hub.backends.rabbitmq.wire import TappedTransport, Wire
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.places import each_place
from hub.transport.address import broker_urls, unencrypted_advice
from hub.transport.tls import NO_FILES, TlsFiles
from hub.transport.trouble import explain, suspect

log: structlog.stdlib.BoundLogger = structlog.get_logger()

CALL_SECONDS: Final = 10.0
NODE_SECONDS: Final = 4.0
"""How long one node of several may take to let us in: a machine that is gone does not even refuse."""
CLOSE_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 5.0
FOREIGN: Final = (AMQPError, OSError, RuntimeError, TimeoutError)
"""What the client library raises; `ChannelInvalidStateError` is a `RuntimeError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is, who we are to it; `amqps` for TLS, `?auth=external` for a client certificate.

    The nodes of a cluster stand in one address, `amqps://hub:password@a:5671,b:5671,c:5671/axis`.
    """

    url: str = field(repr=False)
    tls: TlsFiles = NO_FILES
    heartbeat: timedelta = timedelta(seconds=15)

    @property
    def nodes(self) -> tuple[Self, ...]:
        """The same address for each node alone."""
        return tuple(replace(self, url=url) for url in each_place(self.url))

    @property
    def place(self) -> str:
        """Hosts, ports and virtual host, without the password: for people."""
        urls = broker_urls(self.url)
        return ",".join(f"{url.host}:{url.port}" for url in urls) + urls[0].path

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return broker_urls(self.url)[0].scheme == "amqps"

    @property
    def user(self) -> str | None:
        """Who we are to the broker: whom the address names, else whom our certificate does."""
        return broker_urls(self.url)[0].user or self.tls.common_name()

    def warn(self) -> None:
        """Log where others can listen on the way to the broker."""
        advice = {unencrypted_advice(url) for url in broker_urls(self.url)} - {None}
        if advice:
            log.warning("broker.unencrypted", broker=self.place, advice=advice.pop())

    def connection(self, purpose: str, gate: Gate, alarm: Alarm) -> "TappedConnection":
        """Prepare a connection that is read while *gate* is open and tells *alarm*; nothing is opened yet.

        The TLS files are read each time, so that renewed ones are used. Raises `ConfigurationError` where
        they cannot be.
        """
        url = broker_urls(self.url)[0]
        url = url.update_query(heartbeat=int(self.heartbeat.total_seconds()), name=purpose)
        return TappedConnection(
            url, TappedTransport(self.tls.context() if self.is_encrypted else None, gate, alarm)
        )

    def check(self) -> None:
        """Raise `ConfigurationError` with everything that keeps this address from being used."""
        if complaints := self.tls.complaints(self.url):
            raise ConfigurationError("; ".join(complaints))


class TappedConnection(Connection):
    """A connection of the client library, past which messages go."""

    def __init__(self, url: URL, transport: TappedTransport) -> None:
        """Prepare to connect to *url* by *transport*."""
        super().__init__(url, transport_factory=transport)
        self._tapped = transport

    @property
    def wire(self) -> Wire:
        """The socket; there is one once this is connected."""
        if self._tapped.wire is None:
            raise TemporaryFailure("the connection was never opened")
        return self._tapped.wire


class BrokerLink:
    """One connection, kept up until closed: `async with BrokerLink(...) as link`."""

    def __init__(self, address: BrokerAddress, *, purpose: str) -> None:
        """Prepare a link; *purpose* is the connection's name on the broker."""
        self._address = address
        self._nodes = deque(address.nodes)
        # Many processes start with different nodes: none carries them all.
        self._nodes.rotate(secrets.randbelow(len(self._nodes)))
        self._purpose = purpose
        self.gate = Gate()
        """Whoever has too much in hand shuts it: then nothing is read."""
        self.alarm = Alarm(purpose=purpose)
        """Whether the broker reads what we write."""
        self._connection: TappedConnection | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._last_error: Exception | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start to connect; `wait_ready` tells when it has worked.

        Raises `ConfigurationError` where the address or the TLS files cannot be used.
        """
        self._address.check()
        # The link outlives the call that opens it; it is awaited when the link is closed.
        self._keeper = asyncio.create_task(self._keep(), name=f"broker link {self._purpose}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection and stop."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._connection is not None:
            await _close(self._connection)
        self._down()

    @property
    def is_up(self) -> bool:
        """Whether there is an open connection at this moment."""
        return self._up.is_set()

    async def wait_ready(self, patience: timedelta) -> None:
        """Return once connected.

        Raises `ConfigurationError` where the broker refuses us, `TemporaryFailure` where it does not answer.
        """
        try:
            await self.wait_up(patience)
        except TemporaryFailure:
            if advice := explain(self._last_error):
                raise ConfigurationError(
                    f"the broker at {self._address.place}: {advice}"
                ) from self._last_error
            if _is_refusal(self._last_error):
                raise ConfigurationError(
                    f"the broker at {self._address.place} refuses the hub ({self._last_error}): "
                    "check user, password and virtual host, and that the topology was applied"
                ) from self._last_error
            raise

    async def wait_up(self, patience: timedelta) -> None:
        """Return once connected; raises `TemporaryFailure` when *patience* is over."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self._up.wait()
        except TimeoutError:
            reason = self._advice() or self._last_error or self._silence()
            raise TemporaryFailure(
                f"the broker at {self._address.place} cannot be reached: {reason}"
            ) from self._last_error

    def _advice(self) -> str | None:
        """Say what to do about the last error, as far as TLS has to do with it."""
        if self._address.is_encrypted:
            return explain(self._last_error)
        return suspect(self._last_error)

    def _silence(self) -> str:
        """Say what to look at where nobody has said anything: RabbitMQ 4 waits for the rest of a greeting."""
        if self._address.is_encrypted:
            return "no answer"
        return "no answer; if this port is one for TLS, let the address begin with amqps://"

    async def open_channel(self, *, confirms: bool = False) -> MessageChannel:
        """Open a channel; raises `TemporaryFailure` where that is not possible now."""
        connection = self._connection
        if connection is None:
            raise TemporaryFailure(f"there is no connection to the broker at {self._address.place}")
        with translated(f"open a channel on {self._address.place}"):
            channel = await connection.channel(publisher_confirms=confirms, timeout=CALL_SECONDS)
        if not isinstance(channel, Channel):
            raise TypeError(f"aiormq gave {type(channel).__name__} for a channel")
        return MessageChannel(channel, connection.wire)

    def drop(self) -> None:
        """Give up the present connection, which has stopped answering, and make a new one."""
        self._lost.set()

    async def _keep(self) -> None:
        while True:
            connection = await self._connect()
            self._lost.clear()
            connection.closing.add_done_callback(lambda _: self._lost.set())
            self._connection = connection
            self._last_error = None
            self._up.set()
            node = self._nodes[-1].place
            log.info("broker.connected", purpose=self._purpose, broker=node)
            await self._lost.wait()
            self._down()
            log.warning("broker.lost", purpose=self._purpose, broker=node)
            await _close(connection)
            connection.wire.abort()  # a broker that has stopped reading would keep the socket open

    def _down(self) -> None:
        self._up.clear()
        self._connection = None
        self.alarm.forget()

    async def _connect(self) -> TappedConnection:
        attempts = AsyncRetrying(
            wait=wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE),
            retry=retry_if_exception_type(TemporaryFailure),
        )
        return await attempts(self._connect_once)

    async def _connect_once(self) -> TappedConnection:
        """Try each node once, beginning with the one after the last; the one that took us is the last now."""
        failure = TemporaryFailure(f"no node at {self._address.place}")
        for _ in range(len(self._nodes)):
            self._nodes.rotate(-1)
            try:
                return await self._connect_to(self._nodes[-1])
            except TemporaryFailure as refusal:
                failure = refusal
                self._note(refusal)
        raise failure

    def _note(self, refusal: TemporaryFailure) -> None:
        """Keep why the broker did not take us, and log it where it is not what it was."""
        before = repr(self._last_error)
        self._last_error = refusal.__cause__ if isinstance(refusal.__cause__, Exception) else refusal
        if repr(self._last_error) != before:
            advice = {"advice": found} if (found := self._advice()) else {}
            log.warning("broker.unreachable", purpose=self._purpose, reason=str(refusal), **advice)

    async def _connect_to(self, node: BrokerAddress) -> TappedConnection:
        try:
            connection = node.connection(self._purpose, self.gate, self.alarm)
        except ConfigurationError as error:  # a file that was good when we started: its next version may be
            raise TemporaryFailure(f"could not connect to {node.place}: {error}") from error
        seconds = CALL_SECONDS if len(self._nodes) == 1 else NODE_SECONDS
        with translated(f"connect to {node.place}"):
            async with asyncio.timeout(seconds):
                await connection.connect()
        return connection


@contextmanager
def translated(act: str) -> Iterator[None]:
    """Turn whatever the client library raises into a `TemporaryFailure` that says what was tried."""
    try:
        yield
    except FOREIGN as error:
        raise TemporaryFailure(f"could not {act}: {error!r}") from error
    except asyncio.CancelledError as error:
        # The library also rejects what waits on a closed connection with CancelledError: nobody cancelled us.
        task = asyncio.current_task()
        if task is not None and task.cancelling() == 0:
            raise TemporaryFailure(f"could not {act}: the connection was closed") from error
        raise


def _is_refusal(error: Exception | None) -> bool:
    """Whether the broker has answered, and does not want us.

    The client library reports the broker's close instead of an open virtual host as an invalid frame.
    """
    return isinstance(error, AuthenticationError | ProbableAuthenticationError | InvalidFrameError)


async def _close(connection: Connection) -> None:
    with suppress(TemporaryFailure), translated("close the connection"):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
