"""Campaigns as rows: what was asked for and how far it has got; no process keeps any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.message.campaign import CampaignKind, CampaignState, Standing
from hub.message.identifiers import MailboxName

RUNNERS_LOCK: Final = (0x7276, 3)
"""Advisory lock of whoever works on campaigns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignTerms:
    """What is asked of a campaign."""

    kind: CampaignKind = CampaignKind.REPLAY
    reason: str | None = None
    is_canary: bool = True
    rate_per_minute: int | None = None
    """For each mailbox; None where nothing limits it."""
    new_mailbox: MailboxName | None = None
    """Where to send instead, by a signed overlay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign, and how far it has got."""

    campaign_id: int
    kind: CampaignKind
    state: CampaignState
    asked_by: str
    started_by: str | None
    confirmed_by: str | None
    reason: str | None
    selection: dict[str, object]
    is_canary: bool
    rate_per_minute: int | None
    new_mailbox: MailboxName | None
    step: int
    items: int
    judged: int
    would_pass: int
    sent: int
    done: int
    refused: int
    """Those that would not pass, and those that could not be done when it was their turn."""
    failed_again: int
    created_at: datetime
    judged_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    stopped_because: str | None


async def lead(transaction: Transaction) -> bool:
    """Become the one who works on campaigns, until the transaction ends, unless somebody else is."""
    return bool(await transaction.fetchval(statement("lead_campaigns"), *RUNNERS_LOCK))


async def open_campaign(
    transaction: Transaction, chosen: CaseFilter, terms: CampaignTerms, *, operator: str, starts: bool = False
) -> int:
    """Enter a campaign over the open cases of *chosen*, started where it *starts*; returns its number."""
    asked = (terms.kind.value, operator, terms.reason, _selection(chosen), terms.is_canary)
    number = await transaction.fetchval(
        statement("open_campaign"),
        *asked,
        terms.rate_per_minute,
        terms.new_mailbox,
        operator if starts else None,
    )
    await transaction.execute(
        statement("select_campaign_items"),
        number,
        list(chosen.case_ids) if chosen.case_ids is not None else None,
        chosen.mailbox,
        chosen.sender,
        chosen.cause,
        chosen.since,
        chosen.group,
        chosen.owner,
        list(chosen.visible_to) if chosen.visible_to is not None else None,
    )
    return int(str(number))


async def read(
    connection: Transaction,
    *,
    campaign_ids: Sequence[int] | None = None,
    is_open: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Campaign, ...]:
    """Return up to *limit* campaigns, the newest first."""
    asked = list(campaign_ids) if campaign_ids is not None else None
    rows = await connection.fetch(statement("read_campaigns"), asked, is_open, before, limit)
    return tuple(_campaign(row) for row in rows)


async def lock(transaction: Transaction, campaign_id: int) -> Campaign | None:
    """Lock the campaign until the transaction ends; None where there is none."""
    row = await transaction.fetchrow(statement("lock_campaign"), campaign_id)
    return None if row is None else _campaign(row)


async def at_work(connection: Transaction) -> tuple[int, ...]:
    """Return the campaigns that go on by themselves."""
    return tuple(row["campaign_id"] for row in await connection.fetch(statement("find_campaigns_at_work")))


async def move(
    transaction: Transaction,
    campaign_id: int,
    state: CampaignState,
    *,
    because: str | None = None,
    started_by: str | None = None,
    confirmed_by: str | None = None,
    step: int | None = None,
) -> None:
    """Put the campaign into *state*."""
    await transaction.execute(
        statement("move_campaign"), campaign_id, state.value, because, started_by, confirmed_by, step
    )


async def standing(transaction: Transaction, campaign: Campaign, *, failed_now: int) -> Standing:
    """Return where *campaign* stands, of whose cases *failed_now* have just failed again."""
    row = await transaction.fetchrow(statement("read_campaign_standing"), campaign.campaign_id, campaign.step)
    if row is None:
        raise AssertionError("a count always has a row")
    return Standing(is_canary=campaign.is_canary, step=campaign.step, failed_now=failed_now, **row)


def _selection(chosen: CaseFilter) -> dict[str, object]:
    """Return what was asked for, as it is kept."""
    named = {
        "case_ids": list(chosen.case_ids) if chosen.case_ids is not None else None,
        "mailbox": chosen.mailbox,
        "sender": chosen.sender,
        "cause": chosen.cause,
        "since": chosen.since.isoformat() if chosen.since is not None else None,
        "group": chosen.group,
        "owner": chosen.owner,
        "visible_to": list(chosen.visible_to) if chosen.visible_to is not None else None,
    }
    return {name: value for name, value in named.items() if value is not None} or {"all": True}


def _campaign(row: asyncpg.Record) -> Campaign:
    return Campaign(
        **{**row, "kind": CampaignKind(row["kind"]), "state": CampaignState(row["state"])},
    )
