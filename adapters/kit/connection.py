"""A connection to the broker that opens or fails, and closes, within a time: whatever the broker does."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Final, Self
from weakref import WeakSet

import structlog
from aio_pika import RobustConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

_log = structlog.get_logger("adapters.kit")

CALL_SECONDS: Final = 30.0
"""How long the broker may take to answer one call."""
OUTAGES: Final = (*CONNECTION_EXCEPTIONS, TimeoutError)
_NODE_SECONDS: Final = 4.0
"""How long one node of several may take to accept: a machine that is gone does not even refuse."""
_CLOSE_SECONDS: Final = 5.0
"""How long a broker may take to say goodbye before the socket is cut."""


class BrokerConnection(RobustConnection):
    """Connects anew by itself, until `leave`."""

    def __init__(self, nodes: Sequence[URL], tls: SSLContext | None) -> None:
        """Connect to one of *nodes*; `open` does it."""
        super().__init__(nodes[0], ssl_context=tls)
        self._socket = _Socket(nodes)
        self.kwargs["transport_factory"] = self._socket

    @classmethod
    async def open(cls, nodes: Sequence[URL], tls: SSLContext | None) -> Self:
        """Connect once; what could not be connected tries no further."""
        connection = cls(nodes, tls)
        async with connection.or_leave():
            await connection.connect()
        return connection

    @asynccontextmanager
    async def or_leave(self) -> AsyncIterator[None]:
        """Do what makes the connection ready, within the time of a call, or leave it.

        The client library goes on connecting where its caller has given up, and takes the loop's last
        cancellation for an outage: an attempt that nobody left would keep a process from ending.
        """
        try:
            async with answering():
                yield
        except BaseException:
            await self.leave()
            raise

    async def leave(self) -> None:
        """Say goodbye, and cut the socket where the broker does not answer it."""
        closing = asyncio.create_task(self.close(), name="goodbye to the broker")
        try:
            await asyncio.wait([closing], timeout=_CLOSE_SECONDS)
        finally:
            self._socket.cut()
        if not closing.done():
            _log.info("broker.left", reason="it did not say goodbye")
            await asyncio.wait([closing], timeout=_CLOSE_SECONDS)
        closing.cancel()
        for error in await asyncio.gather(closing, return_exceptions=True):
            if error is not None:
                _log.info("broker.left", reason=repr(error))


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Wait for the broker as long as one call may take; a connection that breaks is `ConnectionError`.

    The client library cancels what it cannot finish, which must not pass for our own cancellation.
    """
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise ConnectionError("the connection broke") from error


def is_cancelled() -> bool:
    """Tell our own cancellation from the client library's."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Socket(TransportFactory):
    """Opens the socket to a node that accepts, beginning with the one after the last, and can cut it."""

    def __init__(self, nodes: Sequence[URL]) -> None:
        self._nodes = deque(nodes)
        # Many agencies start with different nodes: none carries them all.
        self._nodes.rotate(secrets.randbelow(len(self._nodes)))
        self._writers: WeakSet[asyncio.StreamWriter] = WeakSet()

    def cut(self) -> None:
        """Close without a word what is still open: who waits for the other side then waits no longer."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def create(self, url: URL, **options: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._open(url, options)
        self._writers.add(writer)
        return reader, writer

    async def _open(
        self, url: URL, options: dict[str, object]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opener = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        if len(self._nodes) == 1:
            return await opener.create(url, **options)
        trouble: Exception | None = None
        for _ in range(len(self._nodes)):
            self._nodes.rotate(-1)
            try:
                async with asyncio.timeout(_NODE_SECONDS):
                    return await opener.create(self._nodes[-1], **options)
            except (AMQPConnectionError, TimeoutError) as error:
                trouble = error
        raise AMQPConnectionError(f"no node of the broker accepts a connection: {trouble!r}") from trouble
