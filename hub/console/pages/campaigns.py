"""Campaigns: many dead letters at once, judged first, started by one person and confirmed by another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from hub.backends.postgres.campaign_items import CampaignItem, CampaignReason
from hub.backends.postgres.campaigning import Campaign, CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.console.access import Deciding, Seeing, Visit, Working
from hub.console.asked import MaybeNumber, MaybeText, Number
from hub.message.campaign import AT_WORK, ENDED, CampaignKind, CampaignState
from hub.message.identifiers import MailboxName, agency_key
from hub.operations.campaigns import CampaignDesk
from hub.operations.rights import Right

router = APIRouter(include_in_schema=False)
PAGE: Final = "/campaigns"
SHOWN: Final = 50
ITEMS: Final = 200
Maybe = Annotated[MaybeText, Form()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A campaign as its page shows it."""

    campaign: Campaign
    reasons: Sequence[CampaignReason]
    first: Sequence[CampaignItem]
    changes: bool
    """Whether the page looks again by itself."""
    is_over: bool
    may_go_on: bool
    may_confirm: bool
    """As the second person."""


@router.get(PAGE)
async def show_all(
    visit: Seeing, *, every: Annotated[bool, Query(alias="all")] = False, before: MaybeNumber = None
) -> Response:
    """List campaigns, the newest first."""
    found = await _desk(visit).find(is_open=not every, before=before, limit=SHOWN + 1)
    return visit.page(
        "campaigns.html",
        campaigns=found[:SHOWN],
        every=every,
        next_before=found[SHOWN - 1].campaign_id if len(found) > SHOWN else None,
    )


@router.post(PAGE)
async def ask(
    visit: Working,
    cases: Annotated[list[Number] | None, Form(alias="case", max_length=5000)] = None,
    group: Maybe = None,
    mailbox: Maybe = None,
    sender: Maybe = None,
    owner_of: Maybe = None,
    cause: Maybe = None,
    kind: Annotated[CampaignKind, Form()] = CampaignKind.REPLAY,
    reason: Maybe = None,
    new_mailbox: Maybe = None,
    rate: Annotated[MaybeNumber, Form()] = None,
    canary: Annotated[bool, Form()] = False,  # noqa: FBT002 - a box that is ticked or not
) -> Response:
    """Begin the dry run of what was chosen: cases by number, or all that a list describes."""
    if kind is CampaignKind.DISCARD or new_mailbox is not None:
        visit.require(Right.DECIDE)
    chosen = CaseFilter(
        case_ids=tuple(cases) if cases else None,
        group=group,
        mailbox=MailboxName(mailbox) if mailbox else None,
        sender=agency_key(sender) if sender else None,
        owner=owner_of,
        cause=cause,
    )
    terms = CampaignTerms(
        kind=kind,
        reason=reason,
        is_canary=canary,
        rate_per_minute=rate,
        new_mailbox=MailboxName(new_mailbox) if new_mailbox else None,
    )
    made = await _desk(visit).ask(chosen, terms)
    return visit.redirect(f"{PAGE}/{made.campaign_id}")


@router.get(f"{PAGE}/{{campaign_id}}")
async def show(visit: Seeing, campaign_id: Number) -> Response:
    """Show how far a campaign has got, what would not pass and why."""
    seen = await _seen(visit, campaign_id)
    return visit.page("campaign.html", seen=seen, at_most=visit.console.at_most)


@router.get(f"{PAGE}/{{campaign_id}}/progress")
async def show_progress(visit: Seeing, campaign_id: Number) -> Response:
    """Show the part of the page that changes by itself."""
    seen = await _seen(visit, campaign_id)
    return visit.page("campaign_progress.html", seen=seen, at_most=visit.console.at_most)


@router.post(f"{PAGE}/{{campaign_id}}/start")
async def start(visit: Working, campaign_id: Number) -> Response:
    """Let it go on: at once, or as soon as somebody else has confirmed it."""
    found = await _desk(visit).show(campaign_id)
    if _takes_a_supervisor(found.campaign):
        visit.require(Right.DECIDE)
    return _to(visit, await _desk(visit).start(campaign_id))


@router.post(f"{PAGE}/{{campaign_id}}/confirm")
async def confirm(visit: Deciding, campaign_id: Number) -> Response:
    """Agree to it as the second person."""
    return _to(visit, await _desk(visit).confirm(campaign_id))


@router.post(f"{PAGE}/{{campaign_id}}/pause")
async def pause(visit: Working, campaign_id: Number) -> Response:
    """Let nothing more go out for now."""
    return _to(visit, await _desk(visit).pause(campaign_id))


@router.post(f"{PAGE}/{{campaign_id}}/resume")
async def resume(visit: Working, campaign_id: Number) -> Response:
    """Go on where it was paused or stopped."""
    found = await _desk(visit).show(campaign_id)
    if _takes_a_supervisor(found.campaign):
        visit.require(Right.DECIDE)
    return _to(visit, await _desk(visit).resume(campaign_id))


@router.post(f"{PAGE}/{{campaign_id}}/cancel")
async def cancel(visit: Working, campaign_id: Number) -> Response:
    """End it; what has not gone out stays as it is."""
    return _to(visit, await _desk(visit).cancel(campaign_id))


async def _seen(visit: Visit, campaign_id: int) -> Seen:
    found = await _desk(visit).show(campaign_id)
    campaign = found.campaign
    return Seen(
        campaign=campaign,
        reasons=found.reasons,
        first=await _desk(visit).items(campaign_id, limit=ITEMS),
        changes=campaign.state in AT_WORK or campaign.state is CampaignState.AWAITING_SECOND,
        is_over=campaign.state in ENDED,
        may_go_on=visit.account.may(Right.DECIDE if _takes_a_supervisor(campaign) else Right.WORK),
        may_confirm=visit.account.login not in {campaign.asked_by, campaign.started_by},
    )


def _takes_a_supervisor(campaign: Campaign) -> bool:
    return campaign.kind is CampaignKind.DISCARD or campaign.new_mailbox is not None


def _to(visit: Visit, campaign: Campaign) -> Response:
    return visit.redirect(f"{PAGE}/{campaign.campaign_id}")


def _desk(visit: Visit) -> CampaignDesk:
    return visit.console.campaigns(visit.account)
