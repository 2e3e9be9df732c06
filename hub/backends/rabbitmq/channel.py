"""A channel whose calls the client library makes, and whose messages we write and read ourselves."""

import asyncio
from collections.abc import Mapping

from aiormq import Channel

from hub.backends.rabbitmq.frames import Place
from hub.backends.rabbitmq.wire import TakeMessage, TakeMethod, Tap, Wire


class MessageChannel:
    """One open channel of a link."""

    def __init__(self, calls: Channel, wire: Wire) -> None:
        """Take over *calls*, a channel on the connection that *wire* is."""
        self.calls = calls
        """For what the broker answers: subscribe, cancel, set the prefetch, close."""
        self._wire = wire
        self._tap: Tap | None = None

    @property
    def number(self) -> int:
        """What frames name the channel by."""
        return self.calls.number

    @property
    def closing(self) -> asyncio.Future[object]:
        """Done once the channel is closed, whoever closed it."""
        closing: asyncio.Future[object] = self.calls.closing
        return closing

    @property
    def is_closed(self) -> bool:
        """Whether it is of no more use."""
        return self.calls.is_closed

    @property
    def place(self) -> Place:
        """Where frames go, and how large they may be."""
        return Place(channel=self.number, largest=self.calls.max_content_size)

    def take(
        self, *, messages: Mapping[bytes, TakeMessage], methods: Mapping[bytes, TakeMethod] | None = None
    ) -> None:
        """Hand over, as soon as it has come, what the broker says so; handlers must not raise."""
        self._tap = Tap(messages=messages, methods=methods)
        self._wire.tap(self.number, self._tap)

    def let_go(self) -> None:
        """Hand over nothing any more."""
        if self._tap is not None:
            self._wire.untap(self.number, self._tap)

    def write(self, octets: bytes) -> None:
        """Send whole frames; over a lost connection they go nowhere."""
        self._wire.write(octets)

    async def drained(self) -> None:
        """Return once there is room for more; raises `OSError` where the connection is lost."""
        await self._wire.drained()
