"""A TCP proxy of our own between one process and one server: cuts, silence, delays, half-open connections."""

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

_CHUNK: Final = 65_536
_ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a RST, as a machine does that has forgotten the connection."""


class Condition(StrEnum):
    """What a line is like."""

    OPEN = "open"
    CUT = "cut"
    """Every connection is reset, and every new one at once."""
    SILENT = "silent"
    """Connections stand, not a byte passes; what was sent meanwhile passes afterwards, as TCP repeats it."""
    SLOW = "slow"
    """Every piece arrives late, in its order."""


class Witness(Protocol):
    """Sees what passed on one connection, in its order, after it was handed on."""

    def saw(self, piece: bytes, *, from_client: bool) -> None:
        """Take note of *piece*."""
        ...


Witnesses: TypeAlias = Callable[[], Witness | None]
"""Asked for one at each connection."""


class Line:
    """One port that leads to one server; its condition may change at any time, also for what is connected."""

    def __init__(self, name: str, target: tuple[str, int], *, witnesses: Witnesses = lambda: None) -> None:
        """Lead to *target*; `open` listens."""
        self.name: Final = name
        self.alone: Final = asyncio.Lock()
        """Held by whoever changes its condition."""
        self.port = 0
        self._target = target
        self._condition = Condition.OPEN
        self._delay = 0.0
        self._passes = asyncio.Event()
        self._passes.set()
        self._ways = {from_client: asyncio.Event() for from_client in (True, False)}
        for way in self._ways.values():
            way.set()
        self._witnesses = witnesses
        self.held = 0
        """How many pieces have waited since a way was closed."""
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._is_closed = False

    async def open(self, port: int = 0) -> "Line":
        """Listen on *port*, or on a free one."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", port, limit=_CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and drop what is connected."""
        self._is_closed = True
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many connections stand, as far as the proxy knows."""
        return len(self._pairs)

    def cut(self) -> None:
        """Reset what is connected and whatever comes until `heal`."""
        self._become(Condition.CUT)
        for pair in list(self._pairs):
            pair.reset()

    def silence(self) -> None:
        """Let nothing pass until `heal`; nobody is told."""
        self._become(Condition.SILENT)
        self._passes.clear()

    def slow_down(self, seconds: float) -> None:
        """Let every piece pass *seconds* late until `heal`."""
        self._delay = seconds
        self._become(Condition.SLOW)

    def hold(self, *, from_client: bool) -> None:
        """Let nothing pass one way until `heal`, or for ever where the line is cut before."""
        self.held = 0
        self._ways[from_client].clear()

    def forget_client(self) -> None:
        """Reset the client's half of what is connected; the server hears nothing until `heal`."""
        for pair in list(self._pairs):
            pair.forget(client=True)

    def forget_server(self) -> None:
        """Reset the server's half of what is connected; the client hears nothing until `heal`."""
        for pair in list(self._pairs):
            pair.forget(client=False)

    def heal(self) -> None:
        """Be an ordinary line again; halves whose other end is gone are reset now."""
        self._become(Condition.OPEN)
        for pair in list(self._pairs):
            if pair.is_half:
                pair.reset()

    def _become(self, condition: Condition) -> None:
        self._condition = condition
        self._passes.set()
        for way in self._ways.values():
            way.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._condition is Condition.CUT:
            _reset(writer)
            return
        await self._passes.wait()
        try:
            onward = await asyncio.open_connection(*self._target, limit=_CHUNK)
        except OSError:
            _reset(writer)
            return
        try:
            await self._carry(_Pair(client=(reader, writer), server=onward, witness=self._witnesses()))
        except asyncio.CancelledError:
            if not self._is_closed:  # asyncio's streams complain of a handler that ends cancelled
                raise

    async def _carry(self, pair: "_Pair") -> None:
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(pair, from_client=True))
                tasks.create_task(self._pump(pair, from_client=False))
        finally:
            pair.reset()
            self._pairs.discard(pair)

    async def _pump(self, pair: "_Pair", *, from_client: bool) -> None:
        """Carry bytes one way until that way ends; late pieces keep their order."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(pair, late, from_client=from_client))
            await self._read(pair, late, from_client=from_client)
            await late.put((0.0, b""))
            await writing

    async def _read(
        self, pair: "_Pair", late: "asyncio.Queue[tuple[float, bytes]]", *, from_client: bool
    ) -> None:
        reader = (pair.client if from_client else pair.server)[0]
        loop = asyncio.get_running_loop()
        while piece := await _received(reader):
            due = loop.time() + self._delay if self._condition is Condition.SLOW else 0.0
            await late.put((due, piece))

    async def _write(
        self, pair: "_Pair", late: "asyncio.Queue[tuple[float, bytes]]", *, from_client: bool
    ) -> None:
        writer = (pair.server if from_client else pair.client)[1]
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await late.get()
            await asyncio.sleep(due - loop.time())
            await self._passes.wait()
            self.held += not self._ways[from_client].is_set()
            await self._ways[from_client].wait()
            if not piece:
                pair.end(client=not from_client)
                return
            await _sent(writer, piece)
            pair.tell(piece, from_client=from_client)


class _Pair:
    """The two halves of one connection through the proxy."""

    def __init__(
        self,
        *,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        witness: Witness | None,
    ) -> None:
        self.client = client
        self.server = server
        self.is_half = False
        self._witness = witness

    def tell(self, piece: bytes, *, from_client: bool) -> None:
        """Let the witness know what passed; what fell into the void did not."""
        writer = (self.server if from_client else self.client)[1]
        if self._witness is not None and not writer.is_closing():
            self._witness.saw(piece, from_client=from_client)

    def reset(self) -> None:
        """Reset both halves."""
        self.is_half = False
        for _, writer in (self.client, self.server):
            _reset(writer)

    def forget(self, *, client: bool) -> None:
        """Reset one half and leave the other standing."""
        self.is_half = True
        _reset((self.client if client else self.server)[1])

    def end(self, *, client: bool) -> None:
        """Pass on that one side has ended, unless the other must not hear of it."""
        if not self.is_half:
            _reset((self.client if client else self.server)[1])


async def _received(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""


async def _sent(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send *piece*; where the connection is gone it falls into the void, as on a real line."""
    if writer.is_closing():
        return
    try:
        writer.write(piece)
        await writer.drain()
    except OSError:
        return


def _reset(writer: asyncio.StreamWriter) -> None:
    if writer.transport.is_closing():
        return
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    writer.transport.abort()
