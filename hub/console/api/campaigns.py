"""Campaigns: many dead letters at once."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from hub.backends.postgres.campaigning import Campaign as KnownCampaign
from hub.backends.postgres.campaigning import CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.console.access import Deciding, Seeing, Visit, Working
from hub.console.api.shapes import Order, Resource, Serial
from hub.console.api.version_1 import PREFIX, PROBLEMS
from hub.console.asked import LARGEST_NUMBER, Instant, Number, PageSize, Text
from hub.message.campaign import CampaignKind, CampaignState
from hub.message.identifiers import MailboxName, agency_key
from hub.operations.campaigns import CampaignDesk
from hub.operations.rights import Right

router = APIRouter(prefix=f"{PREFIX}/campaigns", tags=["campaigns"], responses=PROBLEMS)
Code = Annotated[Text, Field(min_length=1, max_length=200)]


class Campaign(Resource):
    """A campaign, and how far it has got."""

    campaign_id: int
    kind: CampaignKind
    state: CampaignState
    asked_by: str
    started_by: str | None
    confirmed_by: str | None
    reason: str | None
    is_canary: bool
    rate_per_minute: int | None
    new_mailbox: str | None
    step: int
    items: int
    judged: int
    would_pass: int
    sent: int
    done: int
    refused: int
    failed_again: int
    created_at: datetime
    judged_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    stopped_because: str | None


class Reason(Resource):
    """Why some cases would not pass, were refused or failed again."""

    state: str
    why: str
    count: int
    example: int


class CampaignFile(Resource):
    """A campaign with the reasons of what did not go well."""

    campaign: Campaign
    reasons: list[Reason]


class Item(Resource):
    """One case of a campaign."""

    case_id: int
    mailbox: str | None
    would_pass: bool | None
    why: str | None
    state: str
    step: int | None
    at: datetime


class Chosen(Order):
    """Which open cases are meant: by number, or all that fit everything that is said here."""

    cases: Annotated[list[Serial], Field(min_length=1, max_length=100_000)] | None = None
    group: Code | None = None
    mailbox: Code | None = None
    sender: Code | None = None
    owner: Code | None = None
    cause: Code | None = None
    since: Instant | None = None


class NewCampaign(Order):
    """A campaign that is to be; it is judged first, and started by another order."""

    chosen: Chosen
    kind: CampaignKind = CampaignKind.REPLAY
    reason: Annotated[Text, Field(max_length=2000)] | None = None
    is_canary: bool = True
    rate_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    new_mailbox: Annotated[Text, Field(min_length=1, max_length=64)] | None = None


@router.get("")
async def find(
    visit: Seeing, is_open: bool = False, before: Number | None = None, limit: PageSize = 50
) -> list[Campaign]:
    """Return campaigns, the newest first."""
    found = await _desk(visit).find(is_open=is_open, before=before, limit=limit)
    return [Campaign.model_validate(each) for each in found]


@router.post("", status_code=201)
async def ask(visit: Working, new: NewCampaign) -> Campaign:
    """Begin the dry run of the chosen cases."""
    _require(visit, new.kind, new.new_mailbox)
    terms = CampaignTerms(
        kind=new.kind,
        reason=new.reason,
        is_canary=new.is_canary,
        rate_per_minute=new.rate_per_minute,
        new_mailbox=MailboxName(new.new_mailbox) if new.new_mailbox is not None else None,
    )
    return Campaign.model_validate(await _desk(visit).ask(_filter(new.chosen), terms))


@router.get("/{campaign_id}")
async def show(visit: Seeing, campaign_id: Number) -> CampaignFile:
    """Return one campaign with its reasons."""
    return CampaignFile.model_validate(await _desk(visit).show(campaign_id))


@router.get("/{campaign_id}/items")
async def find_items(
    visit: Seeing,
    campaign_id: Number,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER)] = 0,
    limit: PageSize = 100,
) -> list[Item]:
    """Return cases of a campaign by number; ask with `after` for those behind the last one."""
    found = await _desk(visit).items(campaign_id, after=after, limit=limit)
    return [Item.model_validate(each) for each in found]


@router.post("/{campaign_id}/start")
async def start(visit: Working, campaign_id: Number) -> Campaign:
    """Let it go on: at once, or as soon as somebody else has confirmed it."""
    await _require_for(visit, campaign_id)
    return _told(await _desk(visit).start(campaign_id))


@router.post("/{campaign_id}/confirm")
async def confirm(visit: Deciding, campaign_id: Number) -> Campaign:
    """Agree to it as the second person."""
    return _told(await _desk(visit).confirm(campaign_id))


@router.post("/{campaign_id}/pause")
async def pause(visit: Working, campaign_id: Number) -> Campaign:
    """Let nothing more go out for now."""
    return _told(await _desk(visit).pause(campaign_id))


@router.post("/{campaign_id}/resume")
async def resume(visit: Working, campaign_id: Number) -> Campaign:
    """Go on where it was paused or stopped."""
    await _require_for(visit, campaign_id)
    return _told(await _desk(visit).resume(campaign_id))


@router.post("/{campaign_id}/cancel")
async def cancel(visit: Working, campaign_id: Number) -> Campaign:
    """End it; what has not gone out stays as it is."""
    return _told(await _desk(visit).cancel(campaign_id))


def _filter(chosen: Chosen) -> CaseFilter:
    return CaseFilter(
        case_ids=tuple(chosen.cases) if chosen.cases is not None else None,
        group=chosen.group,
        mailbox=MailboxName(chosen.mailbox) if chosen.mailbox is not None else None,
        sender=agency_key(chosen.sender) if chosen.sender is not None else None,
        owner=chosen.owner,
        cause=chosen.cause,
        since=chosen.since,
    )


async def _require_for(visit: Visit, campaign_id: int) -> None:
    found = await _desk(visit).show(campaign_id)
    _require(visit, found.campaign.kind, found.campaign.new_mailbox)


def _require(visit: Visit, kind: CampaignKind, new_mailbox: str | None) -> None:
    """Refuse where what is done takes a supervisor."""
    if kind is CampaignKind.DISCARD or new_mailbox is not None:
        visit.require(Right.DECIDE)


def _told(campaign: KnownCampaign) -> Campaign:
    return Campaign.model_validate(campaign)


def _desk(visit: Visit) -> CampaignDesk:
    return visit.console.campaigns(visit.account)
