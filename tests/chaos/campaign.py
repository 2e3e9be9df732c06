"""One campaign from the first process to the verdict: load, acts, peace, rest, ledgers, laws."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from tests.chaos.actor import Exit
from tests.chaos.ledger import Ledger
from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import Act, schedule
from tests.chaos.rest import Unrest, starting, unrest
from tests.chaos.stage import Stage, a_stage
from tests.chaos.tally import Tally

T = TypeVar("T")

_PROGRESS: Final = 3.0
_QUIET_LOOKS: Final = 3
"""Looks in a row that must find nothing under way and nothing new in any ledger."""
_LOOK_AGAIN: Final = 1.5
_LONGEST: Final = 1200.0
"""Seconds after which not even news are waited for."""

Say: TypeAlias = Callable[[str], None]
Work: TypeAlias = Coroutine[None, None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What happened on the stage, before anybody judges it."""

    acts: tuple[Act, ...]
    deeds: Mapping[str, int]
    points: Mapping[str, int]
    exits: tuple[Exit, ...]
    endings: Mapping[str, int | None]
    """With what each process ended when it was asked to."""
    restless: tuple[Unrest, ...]
    """What had not come to its end when patience was over."""
    seconds_to_rest: float


async def perform(
    home: Path,
    *,
    seed: int,
    seconds: float,
    patience: float,
    judge: Callable[[Stage, Performance], Awaitable[T]],
    keep: Callable[[Path], None],
    say: Say,
) -> T:
    """Run a campaign of *seconds* on a fresh axis, *keep* what it left, and let *judge* look at it."""
    acts = schedule(seed, seconds)
    say(f"seed {seed}: {len(acts)} acts in {seconds:.0f} s, on {home}")
    async with a_stage(home, seed=seed) as stage:
        try:
            performance = await _play(stage, acts, seconds, patience, say)
        finally:
            keep(stage.folder)
        return await judge(stage, performance)


async def _play(stage: Stage, acts: Sequence[Act], seconds: float, patience: float, say: Say) -> Performance:
    tally = Tally(stage.folder)
    nemesis = Nemesis(stage, Ledger(stage.folder / "nemesis.ledger"))
    async with _going_on(stage.watch_over()), _going_on(_tell(nemesis, tally, say)):
        stage.flag.touch()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(nemesis.perform(acts))
            tasks.create_task(asyncio.sleep(seconds))
        stage.flag.unlink()
        say("peace: waiting until everything has come to its end")
        begun = time.monotonic()
        restless = await _come_to_rest(stage, Tally(stage.folder), patience, say)
        seconds_to_rest = time.monotonic() - begun
    endings = await stage.stop_everybody()
    return Performance(
        acts=tuple(acts),
        deeds=dict(sorted(nemesis.counts.items())),
        points=dict(sorted(nemesis.points.items())),
        exits=tuple(stage.exits),
        endings=endings,
        restless=restless,
        seconds_to_rest=round(seconds_to_rest, 1),
    )


async def _come_to_rest(stage: Stage, tally: Tally, patience: float, say: Say) -> tuple[Unrest, ...]:
    """Wait until nothing is under way any more; return what still is after *patience* without any news."""
    begun = news_at = time.monotonic()
    quiet = 0
    while time.monotonic() < min(news_at + patience, begun + _LONGEST):
        found = (*await unrest(stage.axis, stage.folder), *starting(stage.actors.values()))
        has_news = tally.update()
        news_at = time.monotonic() if has_news else news_at
        is_quiet = not found and not has_news
        if found:
            say(f"still under way: {', '.join(map(str, found))}")
        quiet = quiet + 1 if is_quiet else 0
        if quiet >= _QUIET_LOOKS:
            return ()
        await asyncio.sleep(_LOOK_AGAIN)
    return await unrest(stage.axis, stage.folder) or (Unrest(what="ledgers that still grow", count=1),)


async def _tell(nemesis: Nemesis, tally: Tally, say: Say) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(_PROGRESS)
        tally.update()
        acts = "; ".join(str(act) for act in nemesis.at_work) or "nothing"
        say(f"[{time.monotonic() - begun:4.0f} s] {tally} | {acts}")


@asynccontextmanager
async def _going_on(work: Work) -> AsyncIterator[None]:
    """Let *work* go on beside the block, and end with it."""
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
