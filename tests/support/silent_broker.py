"""A broker that goes silent, or refuses, at a chosen moment: frames of AMQP 0-9-1, nothing behind them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from enum import IntEnum

import pamqp.frame
from pamqp import commands, header
from pamqp.base import Frame


class Silence(IntEnum):
    """The last thing that the broker answers: what would come next never comes, and it does not hang up."""

    ACCEPTED = 0
    GREETED = 1
    TUNED = 2
    OPENED = 3
    CHANNELLED = 4
    REFUSED = 9
    """The password is wrong: it says so and hangs up."""


_ANSWERS = {
    "Connection.StartOk": (Silence.TUNED, commands.Connection.Tune(channel_max=100, frame_max=131_072)),
    "Connection.Open": (Silence.OPENED, commands.Connection.OpenOk()),
    "Channel.Open": (Silence.CHANNELLED, commands.Channel.OpenOk()),
    "Confirm.Select": (Silence.CHANNELLED, commands.Confirm.SelectOk()),
}
_REFUSAL = commands.Connection.Close(403, "ACCESS_REFUSED - Login was refused", 0, 0)


class SilentBroker:
    """Treats each connection as the purpose in its name (`G22 submit`) is to be treated."""

    def __init__(self, silences: Mapping[str, Silence], *, is_encrypted: bool) -> None:
        self.is_encrypted = is_encrypted
        self._silences = silences
        self._present = {purpose: asyncio.Event() for purpose in silences}
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.unanswered = 0
        """How often it has been asked something that it does not answer."""
        self.port = 0

    @property
    def open_connections(self) -> int:
        """How many connections the other side has not closed yet."""
        return len(self._writers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._speak(reader, writer)
        self._writers.discard(writer)
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(header.ProtocolHeader().marshal()))
        if min(self._silences.values()) is Silence.ACCEPTED:
            self.unanswered += 1
        else:
            start = commands.Connection.Start(
                server_properties={"capabilities": {"publisher_confirms": True}}, mechanisms="PLAIN"
            )
            writer.write(pamqp.frame.marshal(start, 0))
        silence = Silence.ACCEPTED
        while True:
            channel, frame = await _read(reader)
            if isinstance(frame, commands.Connection.StartOk):
                silence = await self._recognize(frame)
            if silence is Silence.REFUSED:
                writer.write(pamqp.frame.marshal(_REFUSAL, 0))
                return
            step, answer = _ANSWERS.get(frame.name, (Silence.REFUSED, None))
            if answer is not None and step <= silence:
                writer.write(pamqp.frame.marshal(answer, channel))
            elif not isinstance(frame, commands.Connection.TuneOk):
                self.unanswered += 1

    async def _recognize(self, frame: commands.Connection.StartOk) -> Silence:
        """Say how this one is treated, once there is one of every purpose: the order is always the same."""
        name = (frame.client_properties or {})["connection_name"]
        purpose = str(name).split()[-1]
        self._present[purpose].set()
        await asyncio.gather(*[each.wait() for each in self._present.values()])
        return self._silences[purpose]


@asynccontextmanager
async def silent_broker(
    silences: Mapping[str, Silence], tls: ssl.SSLContext | None = None
) -> AsyncIterator[SilentBroker]:
    """Listen on a free port; *silences* says for each purpose when it begins."""
    broker = SilentBroker(silences, is_encrypted=tls is not None)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0, ssl=tls)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.hang_up()


async def _read(reader: asyncio.StreamReader) -> tuple[int, Frame]:
    head = await reader.readexactly(7)
    rest = await reader.readexactly(int.from_bytes(head[3:7], "big") + 1)
    _, channel, frame = pamqp.frame.unmarshal(head + rest)
    return channel, frame
