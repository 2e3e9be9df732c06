"""What is played on: an axis of its own, a hub, the agencies' software, and the console."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from deploy.local import LocalStack
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.management import ManagementApi, segment
from hub.backends.rabbitmq.topology import POLICY_PRIORITY, SHARED_POLICY, own_policy_of
from hub.commands.console_demonstration.cast import PLAYERS, Player, Temper, those_who
from hub.commands.console_demonstration.software import Software
from hub.commands.demonstration.checks import StoryBroken
from hub.commands.foreground import start_console, start_hub, stop_hub
from hub.commands.local_axis import LocalAxis, provision_local
from hub.message.properties import queue_of

HUB: Final = {
    "HUB_RETRY_DELAYS": '["PT1S"]',
    "HUB_BREAKER_FAILURES": "150",
    "HUB_BREAKER_PAUSE": "PT5M",
    "HUB_ALERT_INTERVAL": "PT5S",
}
"""What takes hours elsewhere takes seconds; a breaker lets enough fail to be looked at."""
CONSOLE: Final = {"HUB_SECOND_PERSON_ABOVE": "50", "HUB_LOG_FORMAT": "json"}
DEADLY_OFFERS: Final = 2
"""Deliveries of one message that a crashing agency survives; elsewhere it is twenty."""
COLLECTED_WITHIN: Final = timedelta(seconds=15)
"""Of what lies in the queue of an absent agency; elsewhere it is fifteen days."""
START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that is played with."""

    axis: LocalAxis
    software: Mapping[str, Software]
    """By the agency's code."""
    database: Database
    """As an operator."""
    url: str
    """Of the console."""

    def of(self, player: Player) -> Software:
        """Return the software of *player*."""
        return self.software[player.agency.code]


@asynccontextmanager
async def set_up(home: Path, *, port: int) -> AsyncIterator[Stage]:
    """Make the axis in *home* anew and start everything on it; all of it ends with the block."""
    stack = LocalStack(home)
    await asyncio.to_thread(stack.purge)
    try:
        axis = await provision_local(stack=stack)
        agencies = await axis.add_agencies([each.agency for each in PLAYERS])
        await _limit(axis)
        async with AsyncExitStack() as open_ones:
            await open_ones.enter_async_context(_hub(axis))
            url = await open_ones.enter_async_context(_console(axis, port))
            database = await Database.open(axis.operator_dsn, name="truc console-demo", size=2)
            open_ones.push_async_callback(database.close)
            software = {
                player.agency.code: await open_ones.enter_async_context(Software.open(player, agency))
                for player, agency in zip(PLAYERS, agencies, strict=True)
            }
            yield Stage(axis=axis, software=software, database=database, url=url)
    finally:
        await asyncio.to_thread(stack.down)


async def _limit(axis: LocalAxis) -> None:
    """Let the broker be less patient with two of the agencies."""
    for player in those_who(Temper.CRASHING):
        await _set_policy(axis, player, {"delivery-limit": DEADLY_OFFERS})
    for player in those_who(Temper.ABSENT):
        await _set_policy(axis, player, {"message-ttl": COLLECTED_WITHIN // timedelta(milliseconds=1)})


async def _set_policy(axis: LocalAxis, player: Player, changed: Mapping[str, JsonValue]) -> None:
    mailbox = (await axis.agency(player.agency.code)).mailbox
    async with ManagementApi(axis.management()) as api:
        shared = await api.record(f"policies/{api.vhost}/{SHARED_POLICY.name}")
        definition = shared["definition"]
        if not isinstance(definition, dict):
            raise StoryBroken("the broker's policy for mailboxes has no definition")
        policy: dict[str, JsonValue] = {
            "pattern": f"^{queue_of(mailbox).replace('.', '[.]')}$",
            "apply-to": shared["apply-to"],
            "priority": POLICY_PRIORITY,
            "definition": {**definition, **changed},
        }
        await api.put(f"policies/{api.vhost}/{segment(own_policy_of(mailbox))}", policy)


@asynccontextmanager
async def _hub(axis: LocalAxis) -> AsyncIterator[None]:
    process = await start_hub(axis.settings_file, environment=HUB, log=axis.home / "log" / "hub.log")
    try:
        yield
    finally:
        await stop_hub(process)


@asynccontextmanager
async def _console(axis: LocalAxis, port: int) -> AsyncIterator[str]:
    """Start the console and give its address; what it logs goes into a file."""
    environment = CONSOLE | {"HUB_CONSOLE_PORT": str(port)}
    process = await start_console(axis.operator_file, environment=environment)
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    log = axis.home / "log" / "console.log"
    reading = asyncio.create_task(_read(process.stdout, log, listening))
    try:
        yield await asyncio.wait_for(listening, START_SECONDS)
    except TimeoutError:
        raise StoryBroken(f"the console did not start; {log} says why") from None
    finally:
        await stop_hub(process)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(lines: asyncio.StreamReader | None, log: Path, listening: asyncio.Future[str]) -> None:
    if lines is None:
        return
    with log.open("wb") as output:
        async for line in lines:
            output.write(line)
            output.flush()
            if b"console.listening" in line and not listening.done():
                listening.set_result(str(json.loads(line)["url"]))
