"""One sender, one recipient and hubs, each as it is or with a fault in it; and the verdict on them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import aio_pika
import psutil
from pamqp.commands import Queue

from deploy.local.broker import PRODUCT_VHOST
from deploy.local.process import family
from hub.backends.postgres.pool import Database
from hub.backends.postgres.tracing import Dossier
from hub.commands.conforming.line import Line
from hub.message.identifiers import SubmissionId
from hub.message.properties import INTAKE_QUEUE, RETURNED_QUEUE, queue_of
from hub.operations.trace import trace
from tests.chaos import planted_gate
from tests.chaos.checker import Verdict, judge
from tests.chaos.checker_log import told_heads
from tests.chaos.checker_sight import Sight, read_sight
from tests.chaos.ledger import Disturbed, Effected, merged, read_ledgers
from tests.chaos.planted_parties import Recipient, Sender, a_sender
from tests.support.axis import QUICK, World
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

_QUIET_LOOKS: Final = 6
"""Looks in a row that find nothing new: longer together than a retry waits, or a status for its delivery."""
_LOOK_AGAIN: Final = 0.3
_SEALER_LOOKS: Final = 4.0
"""Seconds in which a sealer looks more than once."""
_UNSEALED: Final = """
    select count(*) from events where event_id > (select coalesce(max(event_id), 0) from event_seals)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a process holds its messages behind."""

    folder: Path
    hub: HubProcess | None = None

    async def holds(self) -> None:
        """Return once it holds one."""
        await until((self.folder / "held").exists, what="a message at the gate")

    def open(self) -> None:
        """Let everything through."""
        (self.folder / "open").touch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who takes part."""

    world: World
    sender: Sender
    recipient: Recipient
    folder: Path
    lines: list[Line] = field(default_factory=list)
    """What stands between a party and a server, closed with the scene."""

    async def hub(self, fault: str = "none", *, crash_at: str = "") -> HubProcess:
        """Start a hub with *fault*, to die at the point *crash_at*; return once it is ready."""
        return await self._launch(fault, {"HUB_CRASH_AT": crash_at}).ready()

    async def gated_hub(self, fault: str = "none") -> Gate:
        """Start a hub with *fault* that holds its documents until the gate is opened."""
        gate = self._gate()
        hub = await self._launch(f"{fault},gate", {planted_gate.VARIABLE: str(gate.folder)}).ready()
        return replace(gate, hub=hub)

    async def hub_inside_its_commit(self) -> Gate:
        """Start a hub that seals nothing and holds its first record of a confirm until the gate is opened."""
        gate = self._gate()
        hub = await self._launch("no-sealer,commit-gate", {planted_gate.VARIABLE: str(gate.folder)}).ready()
        return replace(gate, hub=hub)

    async def gated_recipient(self, fault: str = "none") -> Gate:
        """Start the recipient with *fault*; it holds its statuses until the gate is opened."""
        gate = self._gate()
        await self.recipient.start(f"{fault},kit-gate", **{planted_gate.VARIABLE: str(gate.folder)})
        return gate

    async def line_to_recipient(self) -> Line:
        """Put a line of ours between the recipient, from its next start on, and the broker."""
        address = self.world.axis.address
        name = f"{self.recipient.agency.code}-1>broker"
        line = await Line(name, (address.amqp_host, address.amqp_port)).open()
        self.lines.append(line)
        self.recipient.go_through(line.port, instead_of=address.amqp_port)
        return line

    async def forget_recipient(self, line: Line) -> None:
        """Let the network forget the recipient; return once it consumes anew beside its dead connection."""
        self.sender.ledger.append(Disturbed(what="forget client", target=line.name))
        line.forget_client()

        async def both_consume() -> bool:
            return await self._consumers() > 1

        await until(both_consume, what="a new connection beside the dead one", pause=_LOOK_AGAIN)

    async def remember_recipient(self, line: Line) -> None:
        """Let the broker hear that the old connection is gone; return once something came again."""
        line.heal()
        self.sender.ledger.append(Disturbed(what="end of forget client", target=line.name))
        await until(
            lambda: any(each.is_redelivered for each in self.effects()),
            what="what went down a dead connection",
        )

    async def looked_at_by_the_sealer(self) -> None:
        """Return once what is committed now is sealed, or after a time in which it would have been."""
        (last,) = await self.world.rows("select max(event_id) from events")

        async def is_sealed() -> bool:
            query = "select exists (select from event_seals where event_id >= $1)"
            return bool((await self.world.rows(query, last[0]))[0][0])

        with suppress(AssertionError):
            await until(is_sealed, what="a sealer that does not wait", seconds=_SEALER_LOOKS)

    def effects(self) -> Sequence[Effected]:
        """Return what the recipient has done so far."""
        entries = merged(read_ledgers(self.folder).values())
        return [each for each in entries if isinstance(each, Effected)]

    async def pause_broker(self) -> None:
        """Let the broker neither read nor write, until it is killed."""
        await self.world.broker_is_settled()
        pid = self.world.stack.broker.pid
        for process in family(psutil.Process(pid)) if pid is not None else []:
            process.suspend()

    async def _under_way(self) -> int:
        """Count what waits as a row, in a queue of the hub, or for its seal."""
        unsealed = int((await self.world.rows(_UNSEALED))[0][0])
        return unsealed + await self.world.waiting() + await self._hub_queues()

    def _gate(self) -> Gate:
        folder = self.folder / "gate"
        folder.mkdir()
        return Gate(folder=folder)

    async def comes_to_rest(self) -> None:
        """Return once nothing is under way: no row, nothing in a queue that is read, no new line anywhere."""
        quiet, before = 0, -1

        async def is_at_rest() -> bool:
            nonlocal quiet, before
            written = sum(each.stat().st_size for each in self.folder.glob("**/*.ledger"))
            is_quiet = written == before and not await self._under_way()
            quiet, before = quiet + 1 if is_quiet else 0, written
            return quiet >= _QUIET_LOOKS

        await until(is_at_rest, what="rest", seconds=60, pause=_LOOK_AGAIN)

    async def verdict(self) -> Verdict:
        """Wait for rest and judge what everybody wrote down."""
        await self.comes_to_rest()
        sight = await self.sight()
        self.recipient.stop()
        return judge(merged(read_ledgers(self.folder).values()), sight)

    async def sight(self) -> Sight:
        """Return what operators see of this scene."""
        mailboxes = [self.sender.settings.mailbox, self.recipient.agency.mailbox]
        depths = await self._depths([queue_of(each) for each in mailboxes])
        in_queue = {each: depths[queue_of(each)] for each in mailboxes}
        heads = told_heads(self.world.folder.glob("*.log"))
        return (await read_sight(self.world.axis.operator_dsn, in_queue, heads=heads)).of(mailboxes)

    async def dossiers(self, submission: SubmissionId) -> Sequence[Dossier]:
        """Return what `truc trace` has to show about a submission."""
        database = await Database.open(self.world.axis.operator_dsn, name="checker's test")
        try:
            return [each.dossier for each in await trace(database, submission)]
        finally:
            await database.close()

    def _launch(self, fault: str, environment: Mapping[str, str]) -> HubProcess:
        program = ("tests.chaos.planted", fault, "hub")
        return self.world.start_hub(program=program, **QUICK, **environment)

    async def _hub_queues(self) -> int:
        return sum((await self._depths([INTAKE_QUEUE, RETURNED_QUEUE])).values())

    async def _depths(self, queues: list[str]) -> dict[str, int]:
        return {name: each.message_count or 0 for name, each in (await self._looked_at(queues)).items()}

    async def _consumers(self) -> int:
        name = queue_of(self.recipient.agency.mailbox)
        return (await self._looked_at([name]))[name].consumer_count or 0

    async def _looked_at(self, queues: list[str]) -> dict[str, Queue.DeclareOk]:
        """Look passively: a look that takes a message counts as a delivery of it."""
        address = self.world.axis.address
        connection = await aio_pika.connect(
            host=address.amqp_host,
            port=address.amqp_port,
            login=address.broker_admin,
            password=address.broker_admin_password,
            virtualhost=PRODUCT_VHOST,
        )
        async with connection:
            channel = await connection.channel()
            found = [await channel.declare_queue(name, passive=True) for name in queues]
            return {each.name: each.declaration_result for each in found}


@asynccontextmanager
async def a_scene(world: World) -> AsyncIterator[Scene]:
    """Give a scene on *world*; its hubs end with the world."""
    folder = world.folder / "scene"
    sending, receiving = await world.connected(2)
    recipient = Recipient(receiving, folder / receiving.code)
    async with a_sender(sending, receiving, folder / sending.code) as sender:
        scene = Scene(world=world, sender=sender, recipient=recipient, folder=folder)
        try:
            yield scene
        finally:
            recipient.stop()
            await asyncio.gather(*(line.close() for line in scene.lines))
