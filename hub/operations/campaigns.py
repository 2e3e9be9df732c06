"""Many dead letters at once: chosen, judged, started by one and confirmed by another, paused, cancelled."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub.backends.postgres import campaign_items, campaigning, desk
from hub.backends.postgres.campaign_items import CampaignItem, CampaignReason
from hub.backends.postgres.campaigning import Campaign, CampaignTerms
from hub.backends.postgres.desk import Action, CaseFilter
from hub.backends.postgres.pool import Database, Transaction
from hub.backends.postgres.statements import statement
from hub.errors import NothingFound, OperationRefused
from hub.message.campaign import (
    ENDED,
    CampaignKind,
    CampaignState,
    state_at_start,
    state_under_way,
)
from hub.message.identifiers import AgencyKey, MailboxName

_PAUSABLE: Final = frozenset({CampaignState.CANARY, CampaignState.RUNNING})
_RESUMABLE: Final = frozenset({CampaignState.PAUSED, CampaignState.STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFile:
    """A campaign with the reasons of what did not go well."""

    campaign: Campaign
    reasons: tuple[CampaignReason, ...]


class CampaignDesk:
    """What people decide about campaigns; the work itself is done by `CampaignRunner`, wherever one runs."""

    def __init__(
        self,
        database: Database,
        *,
        operator: str,
        visible_to: tuple[AgencyKey, ...] | None = None,
        second_person_above: int = 100,
    ) -> None:
        """Decide in the name of *operator*; over more cases than *second_person_above* two people decide."""
        self._database = database
        self._operator = operator
        self._visible_to = visible_to
        self._second_person_above = second_person_above

    async def ask(self, chosen: CaseFilter, terms: CampaignTerms, *, starts: bool = False) -> Campaign:
        """Make a campaign over the open cases that *chosen* describes, which is judged first: the dry run.

        What is put off is left out unless its number is named. Where it *starts*, it goes on as if `start`
        had been called. Raises `OperationRefused` where no case is meant or a reason is missing.
        """
        asked = _checked(terms)
        seen = replace(chosen, visible_to=self._visible_to)
        async with self._database.transaction() as transaction:
            await _require_mailbox(transaction, asked.new_mailbox)
            number = await campaigning.open_campaign(
                transaction, seen, asked, operator=self._operator, starts=starts
            )
            made = await self._lock(transaction, number)
            if not made.items:
                raise OperationRefused("no open case is meant")
            await self._record(transaction, made, "campaign.ask")
        return made

    async def find(
        self, *, is_open: bool = False, before: int | None = None, limit: int = 50
    ) -> tuple[Campaign, ...]:
        """Return up to *limit* campaigns, the newest first; *before* is where the last page ended."""
        async with self._database.connection() as connection:
            found = await campaigning.read(connection, is_open=is_open, before=before, limit=limit)
        return tuple(each for each in found if self._sees(each))

    async def show(self, campaign_id: int) -> CampaignFile:
        """Return one campaign; raises `OperationRefused` where there is none."""
        async with self._database.connection() as connection:
            found = await campaigning.read(connection, campaign_ids=[campaign_id])
            if not found or not self._sees(found[0]):
                raise _unknown(campaign_id)
            reasons = await campaign_items.read_reasons(connection, campaign_id)
        return CampaignFile(campaign=found[0], reasons=reasons)

    async def items(
        self, campaign_id: int, *, states: Sequence[str] | None = None, after: int = 0, limit: int = 100
    ) -> tuple[CampaignItem, ...]:
        """Return up to *limit* cases of the campaign, behind the case *after*."""
        await self.show(campaign_id)
        async with self._database.connection() as connection:
            return await campaign_items.read_items(
                connection, campaign_id, states=states, after=after, limit=limit
            )

    async def start(self, campaign_id: int) -> Campaign:
        """Let a judged campaign go on: at once, or as soon as somebody else has confirmed it."""
        async with self._database.transaction() as transaction:
            campaign = await self._lock_in(transaction, campaign_id, {CampaignState.READY}, "started")
            state = state_at_start(
                would_pass=campaign.would_pass,
                second_person_above=self._second_person_above,
                is_confirmed=False,
                is_canary=campaign.is_canary,
            )
            await campaigning.move(transaction, campaign_id, state, started_by=self._operator)
            return await self._recorded(transaction, campaign, "campaign.start")

    async def confirm(self, campaign_id: int) -> Campaign:
        """Agree, as the second person, to what somebody else has asked for and started."""
        async with self._database.transaction() as transaction:
            wanted = {CampaignState.AWAITING_SECOND}
            campaign = await self._lock_in(transaction, campaign_id, wanted, "confirmed")
            if self._is_one_of(campaign.asked_by, campaign.started_by):
                raise OperationRefused(f"campaign {campaign_id} is confirmed by somebody else than who asked")
            state = state_under_way(0, is_canary=campaign.is_canary)
            await campaigning.move(transaction, campaign_id, state, confirmed_by=self._operator)
            return await self._recorded(transaction, campaign, "campaign.confirm")

    def _is_one_of(self, *people: str | None) -> bool:
        """Whether this operator is: the command line takes names as they are typed, accounts do not."""
        return _name(self._operator) in {_name(each) for each in people if each is not None}

    async def pause(self, campaign_id: int) -> Campaign:
        """Let nothing more go out, for the time being; what went out is not taken back."""
        async with self._database.transaction() as transaction:
            campaign = await self._lock_in(transaction, campaign_id, _PAUSABLE, "paused")
            await campaigning.move(transaction, campaign_id, CampaignState.PAUSED)
            return await self._recorded(transaction, campaign, "campaign.pause")

    async def resume(self, campaign_id: int) -> Campaign:
        """Go on where it was paused or stopped; what failed again, and is a case again, gets another try."""
        async with self._database.transaction() as transaction:
            campaign = await self._lock_in(transaction, campaign_id, _RESUMABLE, "resumed")
            await campaign_items.take_up_failed(transaction, campaign_id)
            state = state_under_way(campaign.step, is_canary=campaign.is_canary)
            is_judged = campaign.judged_at is not None
            await campaigning.move(transaction, campaign_id, state if is_judged else CampaignState.JUDGING)
            return await self._recorded(transaction, campaign, "campaign.resume")

    async def cancel(self, campaign_id: int) -> Campaign:
        """End it: what has not gone out stays as it is."""
        async with self._database.transaction() as transaction:
            wanted = frozenset(CampaignState) - ENDED
            campaign = await self._lock_in(transaction, campaign_id, wanted, "cancelled")
            await campaigning.move(transaction, campaign_id, CampaignState.CANCELLED)
            return await self._recorded(transaction, campaign, "campaign.cancel")

    async def _lock_in(
        self,
        transaction: Transaction,
        campaign_id: int,
        states: frozenset[CampaignState] | set[CampaignState],
        done: str,
    ) -> Campaign:
        campaign = await self._lock(transaction, campaign_id)
        if campaign.state not in states:
            named = ", ".join(sorted(states))
            raise OperationRefused(
                f"campaign {campaign_id} is {campaign.state.value}; only what is {named} can be {done}"
            )
        return campaign

    async def _lock(self, transaction: Transaction, campaign_id: int) -> Campaign:
        campaign = await campaigning.lock(transaction, campaign_id)
        if campaign is None or not self._sees(campaign):
            raise _unknown(campaign_id)
        return campaign

    def _sees(self, campaign: Campaign) -> bool:
        """Whether all that was chosen is what this operator may see."""
        if self._visible_to is None:
            return True
        chosen_from = campaign.selection.get("visible_to")
        return isinstance(chosen_from, list) and set(self._visible_to).issuperset(chosen_from)

    async def _recorded(self, transaction: Transaction, campaign: Campaign, act: str) -> Campaign:
        await self._record(transaction, campaign, act)
        return await self._lock(transaction, campaign.campaign_id)

    async def _record(self, transaction: Transaction, campaign: Campaign, act: str) -> None:
        detail: dict[str, object] = {
            "campaign_id": campaign.campaign_id,
            "kind": campaign.kind.value,
            "items": campaign.items,
        }
        action = Action(operator=self._operator, action=act, reason=campaign.reason, detail=detail)
        await desk.record(transaction, [action])


def _checked(terms: CampaignTerms) -> CampaignTerms:
    needs_reason = terms.kind is CampaignKind.DISCARD or terms.new_mailbox is not None
    if needs_reason and not (terms.reason or "").strip():
        raise OperationRefused("what is discarded or sent elsewhere has a reason in the evidence: give one")
    if terms.rate_per_minute is not None and terms.rate_per_minute < 1:
        raise OperationRefused("at least one goes out in a minute")
    if terms.kind is CampaignKind.REPLAY:
        return terms
    if terms.new_mailbox is not None:
        raise OperationRefused("what is discarded goes nowhere: name no mailbox")
    return replace(terms, is_canary=False)


async def _require_mailbox(transaction: Transaction, mailbox: MailboxName | None) -> None:
    if mailbox is None:
        return
    is_open = {row["name"] for row in await transaction.fetch(statement("read_open_mailboxes"))}
    if mailbox not in is_open:
        raise OperationRefused(f"the mailbox {mailbox} does not exist or is closed")


def _name(operator: str) -> str:
    return unicodedata.normalize("NFKC", operator).strip().casefold()


def _unknown(campaign_id: int) -> NothingFound:
    return NothingFound(f"there is no campaign {campaign_id}; `truc campaigns list` shows them")
