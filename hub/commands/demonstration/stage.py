"""What the story is played on: the provisioned axis, a hub process of its own, and the agencies' software."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.kit.settings import read_settings
from hub.backends.postgres.pool import Database
from hub.backends.rabbitmq.depths import depths_of
from hub.backends.rabbitmq.management import ManagementApi
from hub.commands.demonstration.cast import CAST, CONNECTED
from hub.commands.demonstration.checks import Checks, StoryBroken
from hub.commands.demonstration.office import Office
from hub.commands.foreground import start_hub, stop_hub
from hub.commands.local_axis import LocalAxis, provision_local
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode, agency_key
from hub.message.properties import INTAKE_QUEUE

RETRY_DELAYS: Final = '["PT1S", "PT1S"]'
"""Three attempts within seconds: the story is short."""
_COUNTS_LAG_SECONDS: Final = 8
"""The broker counts consumers every five seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that the story needs."""

    axis: LocalAxis
    offices: dict[str, Office]
    """By the code of the connected agency."""
    database: Database
    """As an operator."""
    checks: Checks


@asynccontextmanager
async def set_up(home: Path | None, checks: Checks) -> AsyncIterator[Stage]:
    """Provision, start a hub and open the mailboxes; stop what was started, except the stack."""
    checks.tell("Setting up: the local stack, the database, keys, the broker's topology …")
    axis = await provision_local(home)
    await _ensure_no_hub_runs(axis)
    agencies = await axis.add_agencies(CAST)
    kits = {agency.key: read_settings(agency.kit_file) for agency in agencies}
    async with AsyncExitStack() as open_ones:
        await open_ones.enter_async_context(_hub(axis))
        database = await Database.open(axis.operator_dsn, name="truc demo", size=2)
        open_ones.push_async_callback(database.close)
        offices = {
            each.code: await open_ones.enter_async_context(
                Office.open(each.name, kits[agency_key(AgencyCode(each.code))])
            )
            for each in CONNECTED
        }
        yield Stage(axis=axis, offices=offices, database=database, checks=checks)


@asynccontextmanager
async def _hub(axis: LocalAxis) -> AsyncIterator[None]:
    log = axis.home / "log" / "demo-hub.log"
    process = await start_hub(axis.settings_file, environment={"HUB_RETRY_DELAYS": RETRY_DELAYS}, log=log)
    try:
        yield
        if process.returncode is not None:
            raise StoryBroken(f"the hub ended with {process.returncode} during the story; {log} says why")
    finally:
        await stop_hub(process)


async def _ensure_no_hub_runs(axis: LocalAxis) -> None:
    """Refuse to play beside another hub: its retries are slow, and half of the work would be its."""
    async with ManagementApi(axis.management()) as api:
        for _ in range(_COUNTS_LAG_SECONDS):
            depth = (await depths_of(api, [INTAKE_QUEUE])).get(INTAKE_QUEUE)
            if depth is None or not depth.consumers:
                return
            await asyncio.sleep(1)
    raise OperationRefused(
        "a hub is at work on this axis: stop it (Ctrl-C in `truc run`), or play with --home elsewhere"
    )
