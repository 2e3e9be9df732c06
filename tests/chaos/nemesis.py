"""What goes wrong: performs the acts of a plan on the stage, one at a time on each target."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from typing import Final, TypeAlias

import psutil

from adapters.kit import crash as kit_crash
from hub import crash as hub_crash
from hub.commands.conforming.line import Line
from hub.errors import TemporaryFailure
from tests.chaos.actor import Actor
from tests.chaos.dead_letters import replay_all
from tests.chaos.ledger import Disturbed, Ledger
from tests.chaos.plan import HUBS, Act, Deed
from tests.chaos.stage import Stage

Strike: TypeAlias = Callable[[Act], Awaitable[None]]

_REACHED_WITHIN: Final = 30.0
"""Seconds in which a process has to pass the point that it is to die at."""


class Nemesis:
    """Does what was planned and undoes it; what it did stands in its ledger."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
        """Act on *stage*."""
        self._stage = stage
        self._ledger = ledger
        self.counts: Counter[str] = Counter()
        """How often each deed was done to each kind of target."""
        self.points: Counter[str] = Counter()
        """How often a process died at each named point."""
        self.at_work: dict[Act, str] = {}
        """What is going on just now."""

    async def perform(self, acts: Sequence[Act]) -> None:
        """Perform *acts* at their times; return when the last is undone.

        A named point that no process reached meanwhile, because nothing passed there, gets a second chance.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for act in acts:
                await asyncio.sleep(begun + act.at - loop.time())
                tasks.create_task(self._act(act))
        for act in [act for act in acts if act.deed is Deed.CRASH]:
            if _point(act) not in self.points:
                await self._act(act)

    async def _act(self, act: Act) -> None:
        self.at_work[act] = "waits"
        if act.deed is Deed.REPLAY:
            await self._noted(act, self._replay)
        elif act.target in self._stage.lines:
            await self._disturb(self._stage.lines[act.target], act)
        elif act.target in self._stage.servers:
            async with self._stage.servers[act.target]:
                await self._noted(act, self._strike_server)
        else:
            actor = self._stage.actors[act.target]
            async with actor.alone:
                await self._noted(act, lambda each: self._strike(actor, each))
        del self.at_work[act]

    async def _noted(self, act: Act, strike: Strike) -> None:
        self.at_work[act] = "acts"
        self._ledger.append(Disturbed(what=str(act.deed), target=act.target))
        self.counts[f"{act.deed} {kind_of(act.target)}"] += 1
        await strike(act)
        self._ledger.append(Disturbed(what=f"end of {act.deed}", target=act.target))

    async def _strike(self, actor: Actor, act: Act) -> None:
        match act.deed:
            case Deed.KILL:
                await actor.kill()
                await asyncio.sleep(act.seconds)
                actor.launch()
            case Deed.PAUSE:
                actor.signal(signal.SIGSTOP)
                await asyncio.sleep(act.seconds)
                actor.signal(signal.SIGCONT)
            case Deed.CRASH:
                await self._crash(actor, act)
            case Deed.SKEW:
                await self._skew(actor, act)
            case _:
                raise ValueError(f"{act.deed} is nothing to do to {actor.name}")

    async def _crash(self, actor: Actor, act: Act) -> None:
        """Let a fresh process run into *point*; what never gets there is killed anywhere."""
        await actor.kill()
        async with self._others_away(actor) if _point(act) in hub_crash.SEALER_POINTS else nullcontext():
            actor.launch(**{hub_crash.VARIABLE: act.detail, kit_crash.VARIABLE: act.detail})
            if await actor.ended(seconds=_REACHED_WITHIN) and actor.exit_code == -signal.SIGKILL:
                self.points[_point(act)] += 1
        await actor.kill()
        actor.launch()

    @asynccontextmanager
    async def _others_away(self, actor: Actor) -> AsyncIterator[None]:
        """Kill the other hubs for as long as the block runs, so that *actor* becomes the one sealer.

        Every plan does this to the same hub: two that did it to each other would wait for ever.
        """
        others = [self._stage.actors[name] for name in HUBS if name != actor.name]
        async with AsyncExitStack() as held:
            for each in others:
                await held.enter_async_context(each.alone)
                await each.kill()
                held.callback(each.launch)
            yield

    async def _skew(self, actor: Actor, act: Act) -> None:
        file = actor.log.with_name("skew")
        for skew in (act.detail, "0"):
            written = file.with_suffix(".new")
            written.write_text(skew, "ascii")
            written.replace(file)  # whoever looks meanwhile finds the old word or the new one
            await asyncio.sleep(act.seconds)

    async def _replay(self, _act: Act) -> None:
        """Do as an operator does who finds dead letters; the database may be away just then."""
        with suppress(TemporaryFailure):
            await replay_all(self._stage.axis.operator_dsn)

    async def _strike_server(self, act: Act) -> None:
        match act.deed:
            case Deed.KILL:
                await self._stage.kill_server(act.target)
                await asyncio.sleep(act.seconds)
                await self._stage.start_server(act.target)
            case Deed.PAUSE:
                members = await asyncio.to_thread(self._stage.members, act.target)
                _each(members, psutil.Process.suspend)
                await asyncio.sleep(act.seconds)
                _each(members, psutil.Process.resume)
            case _:
                raise ValueError(f"{act.deed} is nothing to do to {act.target}")

    async def _disturb(self, line: Line, act: Act) -> None:
        async with line.alone:
            await self._noted(act, lambda each: self._bend(line, each))

    async def _bend(self, line: Line, act: Act) -> None:
        match act.deed:
            case Deed.CUT:
                line.cut()
            case Deed.SILENCE:
                line.silence()
            case Deed.SLOW:
                line.slow_down(float(act.detail))
            case Deed.FORGET_CLIENT:
                line.forget_client()
            case Deed.FORGET_SERVER:
                line.forget_server()
            case _:
                raise ValueError(f"{act.deed} is nothing to do to a line")
        await asyncio.sleep(act.seconds)
        line.heal()


def _point(act: Act) -> str:
    """Return the name of the point at which *act* lets a process die."""
    return act.detail.partition(":")[0]


def kind_of(target: str) -> str:
    """Return what *target* is, without its number: `hub`, `agency`, `hub>broker`."""
    client, arrow, server = target.partition(">")
    kind = (
        client
        if client in {"broker", "database", "cases"}
        else "hub"
        if client.startswith("hub")
        else "agency"
    )
    return f"{kind}{arrow}{server}"


def _each(processes: Sequence[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            act(each)
