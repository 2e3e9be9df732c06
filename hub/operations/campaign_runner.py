"""Works campaigns off: all it knows stands in rows, so that it may end at any moment and go on anywhere."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

import structlog

from hub.backends.postgres import campaign_items, campaigning, desk
from hub.backends.postgres.campaign_items import Progress
from hub.backends.postgres.campaigning import Campaign
from hub.backends.postgres.desk import LockedCase
from hub.backends.postgres.pool import Database, Transaction
from hub.crash import crash_point
from hub.errors import HubError, TemporaryFailure
from hub.intake.line import IntakeLine
from hub.message.campaign import (
    AT_WORK,
    CampaignKind,
    CampaignState,
    Finish,
    Send,
    Stop,
    Watch,
    next_move,
    state_at_start,
    state_under_way,
)
from hub.message.delivery_state import Trigger
from hub.operations.campaign_judging import DryRun
from hub.operations.case_batch import BATCH, Errand, Handled
from hub.operations.discarding import Notice, discard
from hub.operations.large_reading import IN_ROWS, Originals
from hub.operations.replaying import Detour, replay
from hub.ports import Attest, Clock, Registry, Seal

log = structlog.get_logger(__name__)
JUDGED_TOGETHER: Final = 200
JUDGED_OCTETS: Final = 8_000_000
"""Cases that are judged in one transaction: some tenths of a second."""
IDLE: Final = timedelta(seconds=1)
"""Between two looks at what went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTools:
    """What the work of a campaign takes."""

    line: IntakeLine
    """Today's rules."""
    registry: Registry
    attest: Attest
    seal: Seal
    clock: Clock
    new_id: Callable[[], UUID]
    executor: Executor
    """Where cases are judged."""
    canary_patience: timedelta = timedelta(seconds=30)
    """After so long in the recipient's queue a delivery counts as taken."""
    second_person_above: int = 100
    originals: Originals = IN_ROWS


class CampaignRunner:
    """Takes every campaign at work forward; of several runners one works at a time, none repeats another."""

    def __init__(self, database: Database, tools: CampaignTools) -> None:
        """Work on *database*, as the operators' user."""
        self._database = database
        self._tools = tools
        self._looked_at: dict[int, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; outages are sat out."""
        while not stop.is_set():
            try:
                is_busy = await self.work()
            except TemporaryFailure as failure:
                log.warning("campaigns.paused", reason=str(failure))
                is_busy = False
            if not is_busy:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE.total_seconds())

    async def work(self) -> bool:
        """Take each campaign at work one move forward; returns whether more can be done at once."""
        async with self._database.connection() as connection:
            numbers = await campaigning.at_work(connection)
        return any([await self._advance(each) for each in numbers])

    async def _advance(self, campaign_id: int) -> bool:
        """Do one move in one transaction: a crash leaves all of it or nothing."""
        try:
            async with self._database.transaction() as transaction:
                if not await campaigning.lead(transaction):
                    return False
                is_busy = await self._move(transaction, await campaigning.lock(transaction, campaign_id))
                crash_point("campaign.inside_move")
            crash_point("campaign.after_move")
        except TemporaryFailure:
            raise
        except HubError as error:
            # What the database refuses once, it refuses again: this campaign ends here, the others go on.
            log.exception("campaign.failed", campaign_id=campaign_id)
            await self._give_up(campaign_id, str(error))
            return False
        return is_busy

    async def _give_up(self, campaign_id: int, because: str) -> None:
        """Stop what is still at work: what somebody ended or may still refuse meanwhile cannot be resumed."""
        async with self._database.transaction() as transaction:
            campaign = await campaigning.lock(transaction, campaign_id)
            if campaign is not None and campaign.state in AT_WORK:
                await campaigning.move(transaction, campaign_id, CampaignState.STOPPED, because=because)

    async def _move(self, transaction: Transaction, campaign: Campaign | None) -> bool:
        if campaign is None:
            return False
        if campaign.state is CampaignState.JUDGING:
            return await self._judge(transaction, campaign)
        if campaign.state in {CampaignState.CANARY, CampaignState.RUNNING}:
            return await self._go_on(transaction, campaign)
        return False  # somebody was quicker

    # ——— the dry run ———

    async def _judge(self, transaction: Transaction, campaign: Campaign) -> bool:
        cases = await campaign_items.cases_to_judge(
            transaction, campaign.campaign_id, limit=JUDGED_TOGETHER, octets=JUDGED_OCTETS
        )
        if not cases:
            state = self._state_when_judged(campaign)
            await campaigning.move(transaction, campaign.campaign_id, state)
            log.info("campaign.judged", campaign_id=campaign.campaign_id, would_pass=campaign.would_pass)
            return state not in {CampaignState.READY, CampaignState.AWAITING_SECOND}
        dry_run = DryRun(
            line=self._tools.line,
            directory=await self._tools.registry.directory(),
            at=self._tools.clock.now(),
            trigger=_trigger(campaign),
            new_mailbox=campaign.new_mailbox,
            originals=self._tools.originals,
        )
        loop = asyncio.get_running_loop()
        verdicts = await loop.run_in_executor(self._tools.executor, dry_run.judge, cases)
        await campaign_items.judge(transaction, campaign.campaign_id, verdicts)
        return True

    def _state_when_judged(self, campaign: Campaign) -> CampaignState:
        if campaign.started_by is None:
            return CampaignState.READY
        return state_at_start(
            would_pass=campaign.would_pass,
            second_person_above=self._tools.second_person_above,
            is_confirmed=False,
            is_canary=campaign.is_canary,
        )

    # ——— the work ———

    async def _go_on(self, transaction: Transaction, campaign: Campaign) -> bool:
        if campaign.state is CampaignState.RUNNING and not self._is_time_to_look(campaign):
            return await self._send(transaction, campaign, Send(step=campaign.step, limit=None))
        patience = self._tools.clock.now() - self._tools.canary_patience
        failed = await campaign_items.settle(transaction, campaign.campaign_id, consigned_before=patience)
        standing = await campaigning.standing(transaction, campaign, failed_now=len(failed))
        self._looked_at[campaign.campaign_id] = asyncio.get_running_loop().time()
        match move := next_move(standing):
            case Send():
                return await self._send(transaction, campaign, move)
            case Watch():
                return False
            case Stop():
                await self._stop(transaction, campaign, failed)
                return False
            case Finish():
                await campaigning.move(transaction, campaign.campaign_id, CampaignState.DONE)
                log.info("campaign.done", campaign_id=campaign.campaign_id)
                return False
            case _:
                assert_never(move)

    def _is_time_to_look(self, campaign: Campaign) -> bool:
        """Whether to look at what went out; a look costs as much as there is of it, and sends nothing."""
        looked_at = self._looked_at.get(campaign.campaign_id)
        now = asyncio.get_running_loop().time()
        return looked_at is None or now - looked_at >= IDLE.total_seconds()

    async def _stop(
        self, transaction: Transaction, campaign: Campaign, failed: Sequence[tuple[int, str]]
    ) -> None:
        case_id, why = failed[0]
        because = f"{len(failed)} failed again, first case {case_id}: {why}"
        await campaigning.move(transaction, campaign.campaign_id, CampaignState.STOPPED, because=because)
        log.warning("campaign.stopped", campaign_id=campaign.campaign_id, reason=because)

    async def _send(self, transaction: Transaction, campaign: Campaign, send: Send) -> bool:
        """Let the next cases go out; returns whether more may follow at once."""
        limit = BATCH if send.limit is None else min(send.limit, BATCH)
        chosen = await campaign_items.choose(
            transaction, campaign.campaign_id, limit=limit, rate_per_minute=campaign.rate_per_minute
        )
        if not chosen:
            self._looked_at.pop(campaign.campaign_id, None)
            return False
        cases = await desk.lock(transaction, chosen)
        handled = await self._act(transaction, campaign, cases)
        progress = _progress(campaign, cases, handled)
        await campaign_items.record(transaction, campaign.campaign_id, progress, step=send.step)
        state = state_under_way(send.step, is_canary=campaign.is_canary)
        if (state, send.step) != (campaign.state, campaign.step):
            await campaigning.move(transaction, campaign.campaign_id, state, step=send.step)
        return campaign.rate_per_minute is None and state is CampaignState.RUNNING

    async def _act(
        self, transaction: Transaction, campaign: Campaign, cases: Sequence[LockedCase]
    ) -> Handled:
        errand = Errand(operator=campaign.asked_by, reason=campaign.reason, campaign_id=campaign.campaign_id)
        if campaign.kind is CampaignKind.DISCARD:
            tools = self._tools
            notice = Notice(attest=tools.attest, clock=tools.clock, new_id=tools.new_id)
            return await discard(transaction, cases, errand, notice)
        return await replay(transaction, cases, errand, await self._detour(campaign))

    async def _detour(self, campaign: Campaign) -> Detour | None:
        if campaign.new_mailbox is None:
            return None
        return Detour(
            mailbox=campaign.new_mailbox,
            directory=await self._tools.registry.directory(),
            seal=self._tools.seal,
            clock=self._tools.clock,
            new_id=self._tools.new_id,
        )


def _trigger(campaign: Campaign) -> Trigger:
    return Trigger.DISCARDED if campaign.kind is CampaignKind.DISCARD else Trigger.REPLAYED


def _progress(campaign: Campaign, cases: Sequence[LockedCase], handled: Handled) -> list[Progress]:
    """Return what became of *cases*; what was discarded is done with, what was replayed has to stay away."""
    after = "done" if campaign.kind is CampaignKind.DISCARD else "sent"
    attempts = {each.case_id: each.delivery.attempt + 1 for each in cases if each.delivery is not None}
    done = [Progress(case_id=each, state=after, attempt=attempts.get(each)) for each in handled.done]
    refused = [Progress(case_id=each.case_id, state="refused", why=each.reason) for each in handled.refused]
    return [*done, *refused]
