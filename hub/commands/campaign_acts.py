"""What `truc campaigns`, and a replay that is one, do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from hub.backends.clock import SystemClock
from hub.backends.postgres.campaigning import Campaign, CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.bootstrap import hub_key
from hub.bootstrap_campaigns import campaign_tools
from hub.commands.place import load_settings, operators_database
from hub.message.campaign import AT_WORK
from hub.operations.campaign_runner import CampaignRunner
from hub.operations.campaigns import CampaignDesk, CampaignFile
from hub.settings import Settings
from hub.workers.attestation import Attestation

LOOK_EVERY: Final = 0.3
"""Seconds between two looks at a campaign that somebody waits for."""
Told: TypeAlias = Callable[[str], None] | None


async def find_campaigns(
    home: Path | None, settings: Path | None, *, is_open: bool, limit: int
) -> tuple[Campaign, ...]:
    """Return campaigns, the newest first."""
    async with operators_database(load_settings(home, settings)) as database:
        return await CampaignDesk(database, operator="").find(is_open=is_open, limit=limit)


async def show_campaign(home: Path | None, settings: Path | None, campaign_id: int) -> CampaignFile:
    """Return one campaign."""
    async with operators_database(load_settings(home, settings)) as database:
        return await CampaignDesk(database, operator="").show(campaign_id)


async def dry_run_of(
    home: Path | None, settings: Path | None, operator: str, wanted: CaseFilter, terms: CampaignTerms
) -> CampaignFile:
    """Judge the cases of *wanted* here and now; the campaign waits for somebody to start it."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        desk = _desk(loaded, database, operator)
        asked = await desk.ask(wanted, terms)
        return await _work_off(loaded, database, desk, asked.campaign_id, None)


async def start_campaign(
    home: Path | None,
    settings: Path | None,
    operator: str,
    wanted: CaseFilter,
    terms: CampaignTerms,
    *,
    waits: bool,
    told: Told,
) -> CampaignFile:
    """Make and start a campaign over the cases of *wanted*; worked off here where somebody *waits*."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        desk = _desk(loaded, database, operator)
        asked = await desk.ask(wanted, terms, starts=True)
        if waits:
            return await _work_off(loaded, database, desk, asked.campaign_id, told)
        return await desk.show(asked.campaign_id)


async def decide(
    home: Path | None,
    settings: Path | None,
    operator: str,
    campaign_id: int,
    act: str,
    *,
    waits: bool,
    told: Told,
) -> CampaignFile:
    """Do *act* to a campaign; worked off here where somebody *waits*."""
    loaded = load_settings(home, settings)
    async with operators_database(loaded) as database:
        desk = _desk(loaded, database, operator)
        acts = {
            "start": desk.start,
            "confirm": desk.confirm,
            "pause": desk.pause,
            "resume": desk.resume,
            "cancel": desk.cancel,
        }
        await acts[act](campaign_id)
        if waits:
            return await _work_off(loaded, database, desk, campaign_id, told)
        return await desk.show(campaign_id)


def _desk(settings: Settings, database: Database, operator: str) -> CampaignDesk:
    return CampaignDesk(database, operator=operator, second_person_above=settings.second_person_above)


async def _work_off(
    settings: Settings, database: Database, desk: CampaignDesk, campaign_id: int, told: Told
) -> CampaignFile:
    """Work campaigns off, beside whoever else does, until this one waits for somebody or has ended."""
    async with _runner(settings, database) as runner:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(runner.run(stop))
            before = ""
            while (found := await desk.show(campaign_id)).campaign.state in AT_WORK:
                now = _line(found.campaign)
                if told is not None and now != before:
                    told(now)
                before = now
                await asyncio.sleep(LOOK_EVERY)
            stop.set()
    return found


@asynccontextmanager
async def _runner(settings: Settings, database: Database) -> AsyncIterator[CampaignRunner]:
    with ThreadPoolExecutor(1) as executor:
        attest = Attestation(key=hub_key(settings), executor=executor)
        registry = PostgresRegistry(database, clock=SystemClock(), max_age=settings.registry_interval)
        tools = campaign_tools(settings, registry, executor, attest=attest, seal=attest.seal)
        yield CampaignRunner(database, tools)


def _line(of: Campaign) -> str:
    if not of.sent:
        return f"{of.state.value}: {of.judged} of {of.items} judged, {of.would_pass} would pass"
    return f"{of.state.value}: {of.sent} of {of.would_pass} gone out, {of.done} done"
