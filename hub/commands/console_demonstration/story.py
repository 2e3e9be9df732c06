"""The story: post for everybody, whatever can fail, and then a living axis until somebody has seen enough."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters.kit.mailbox import Mailbox
from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands import shown
from hub.commands.console_demonstration.cast import NOBODY, SENDERS, Player, Temper, those_who
from hub.commands.console_demonstration.papers import Desk, Letter
from hub.commands.console_demonstration.people import let_in, work
from hub.commands.console_demonstration.stage import COLLECTED_WITHIN, Stage, set_up
from hub.commands.demonstration.papers import faulty
from hub.message.properties import SUBMIT_EXCHANGE
from hub.operations.overview import look

SEED: Final = 1954
"""The year in which the archives of the state were founded anew: any number would do."""
LEAST: Final = {Temper.CRASHING: 24, Temper.ABSENT: 20, Temper.MENDED: 10, Temper.CHOOSY: 10}
"""Letters to recipients that fail in their ways, however few there are in all."""
UNFIT, INVALID = 12, 14
"""Letters that the axis refuses; messages of nobody."""
AT_A_TIME: Final = 32
SETTLED_WITHIN: Final = 180.0
BETWEEN_TRICKLES: Final = 1.0
BETWEEN_REPORTS: Final = 3.0


async def play(home: Path, *, documents: int, port: int, seed: int) -> None:
    """Make the world, say where it can be seen, and keep it alive until a signal."""
    with _stopping_on_signals():
        async with living(home, documents=documents, port=port, seed=seed) as world:
            _welcome(world, await _counts(world.stage.database))
            await _trickle(world)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An axis full of life, and who may look at it."""

    stage: Stage
    desk: Desk
    passwords: Mapping[str, str] = field(repr=False)
    """By login."""


@asynccontextmanager
async def living(home: Path, *, documents: int, port: int = 0, seed: int = SEED) -> AsyncIterator[World]:
    """Make the world of *seed*; it ends with the block."""
    async with set_up(home, port=port) as stage:
        world = World(stage=stage, desk=Desk(seed), passwords=await let_in(stage.database))
        await _post(stage, world.desk, documents)
        await _settled(stage)
        await work(stage)
        yield world


async def _post(stage: Stage, desk: Desk, count: int) -> None:
    """Send everything; the agencies answer meanwhile, each in its way."""
    shown.say(f"{count} documents go out; recipients take, refuse, reject, crash …")
    letters = list(desk.post(count))
    for temper, least in LEAST.items():
        letters += _to(desk, temper, least)
    watching = asyncio.create_task(_tell_progress(stage.database))
    try:
        await _all(stage, letters)
        await _send_unfit(stage, desk)
        await _send_invalid(stage)
    finally:
        await _cancelled(watching)


def _to(desk: Desk, temper: Temper, count: int) -> list[Letter]:
    (recipient,) = those_who(temper)
    return [desk.letter(SENDERS[place % len(SENDERS)], recipient) for place in range(count)]


async def _all(stage: Stage, letters: Sequence[Letter]) -> None:
    room = asyncio.Semaphore(AT_A_TIME)

    async def send(letter: Letter) -> None:
        async with room:
            await _mailbox(stage, letter.sender).post(letter.draft)

    async with asyncio.TaskGroup() as tasks:
        for letter in letters:
            tasks.create_task(send(letter))


async def _send_unfit(stage: Stage, desk: Desk) -> None:
    """Send what the axis refuses: a file that is not enclosed, a recipient whom nobody knows."""
    nobody = Player(agency=NOBODY)
    for place in range(UNFIT):
        sender = SENDERS[place % len(SENDERS)]
        draft = desk.letter(sender, nobody if place % 2 else SENDERS[place % len(SENDERS) - 1]).draft
        await _mailbox(stage, sender).post(draft if place % 2 else faulty(draft))


async def _send_invalid(stage: Stage) -> None:
    """Send what nobody vouches for, as a script does that bypasses the kit."""
    async with ManagementApi(stage.axis.management()) as api:
        for place in range(INVALID):
            await api.post(
                f"exchanges/{api.vhost}/{SUBMIT_EXCHANGE}/publish",
                {
                    "properties": {"content_type": "text/plain"},
                    "routing_key": "thu-nghiem",
                    "payload": f"<thu><so>{place}</so><noi-dung>thử kết nối</noi-dung></thu>",
                    "payload_encoding": "string",
                },
            )


async def _settled(stage: Stage) -> None:
    """Return once nothing moves any longer by itself; meanwhile one recipient dies of its post."""
    crashing = [asyncio.create_task(_die_of_everything(stage, each)) for each in those_who(Temper.CRASHING)]
    watching = asyncio.create_task(_tell_progress(stage.database))
    try:
        async with asyncio.timeout(SETTLED_WITHIN):
            while not await _is_settled(stage.database):
                pass
    except TimeoutError:
        shown.say("some are still under way; the console shows which")
    finally:
        for each in (*crashing, watching):
            await _cancelled(each)


async def _die_of_everything(stage: Stage, player: Player) -> None:
    while True:
        await stage.of(player).crash()


async def _is_settled(database: Database) -> bool:
    """Whether nothing has changed for a while: what is still waiting then is parked or asleep."""
    before = await _counts(database)
    await asyncio.sleep(COLLECTED_WITHIN.total_seconds() / 3)
    return before == await _counts(database)


async def _counts(database: Database) -> Mapping[str, int]:
    seen = await look(database, SystemClock())
    return {
        "documents in": sum(each.arrived for each in seen.minutes),
        "deliveries out": sum(each.consigned for each in seen.minutes),
        "waiting": seen.waiting,
        "dead letters": seen.open_cases,
        "refused": sum(each.refused for each in seen.minutes),
        "invalid": seen.invalid_messages,
    }


async def _tell_progress(database: Database) -> None:
    while True:
        await asyncio.sleep(BETWEEN_REPORTS)
        shown.say(f"   {_in_words(await _counts(database))}")


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _welcome(world: World, found: Mapping[str, int]) -> None:
    shown.say("")
    shown.table("Who may log in", ["login", "password"], list(world.passwords.items()))
    shown.say("")
    shown.say(f"{_in_words(found)}; post goes on while you look.")
    shown.say(f"The console: {world.stage.url} – Ctrl-C stops everything.")


async def _trickle(world: World) -> None:
    """Let a letter go out every second, so that the figures move."""
    for letter in world.desk.post(1_000_000):
        await _mailbox(world.stage, letter.sender).post(letter.draft)
        await asyncio.sleep(BETWEEN_TRICKLES)


def _mailbox(stage: Stage, player: Player) -> Mailbox:
    return stage.of(player).mailbox


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """End the block, in order, where the person or the system asks for it."""
    loop, playing = asyncio.get_running_loop(), asyncio.current_task()
    if playing is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, playing.cancel)
    try:
        yield
    except asyncio.CancelledError:
        shown.say("\nstopped")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
