"""The cases of a campaign as rows: judged, chosen, sent and settled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.identifiers import AgencyKey, DeliveryId, Digest, MailboxName, SubmissionId


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignItem:
    """One case of a campaign."""

    case_id: int
    delivery_id: DeliveryId | None
    mailbox: MailboxName | None
    would_pass: bool | None
    why: str | None
    state: str
    step: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReason:
    """Why some cases would not pass, were refused or failed again."""

    state: str
    why: str
    count: int
    example: int
    """A case that it is true of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLetter:
    """A message as it was received."""

    body: bytes = field(repr=False)
    submitted_by: MailboxName
    submission_id: SubmissionId
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCase:
    """A case that is still to be judged."""

    case_id: int
    mailbox: MailboxName | None
    outcome: str | None
    state: DeliveryState | None
    kind: MessageKind | None
    recipient: AgencyKey | None
    is_held: bool
    """Whether the recipient has the same content through another delivery."""
    letter: StoredLetter | None
    """None for receipts, which the hub itself has written, and for what has no delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What became of one case whose turn it was."""

    case_id: int
    state: str
    why: str | None = None
    attempt: int | None = None


async def cases_to_judge(
    transaction: Transaction, campaign_id: int, *, limit: int, octets: int
) -> tuple[CampaignCase, ...]:
    """Return cases that nobody has judged yet, of about *octets* together, one at least."""
    rows = await transaction.fetch(statement("read_campaign_cases"), campaign_id, limit, octets)
    return tuple(_case(row) for row in rows)


async def judge(
    transaction: Transaction, campaign_id: int, verdicts: Sequence[tuple[int, str | None]]
) -> None:
    """Record for each case why it would not pass, or (None) that it would."""
    rows = [(case_id, why is None, why) for case_id, why in verdicts]
    await transaction.execute(statement("judge_campaign_items"), campaign_id, *columns(rows, 3))


async def choose(
    transaction: Transaction, campaign_id: int, *, limit: int, rate_per_minute: int | None
) -> tuple[int, ...]:
    """Return the cases whose turn it is, urgent ones first, as many as the rate lets through now."""
    if rate_per_minute is None:
        rows = await transaction.fetch(statement("choose_campaign_items"), campaign_id, limit)
    else:
        rows = await transaction.fetch(
            statement("choose_campaign_items_at_rate"), campaign_id, limit, rate_per_minute
        )
    return tuple(row["case_id"] for row in rows)


async def record(
    transaction: Transaction, campaign_id: int, progress: Sequence[Progress], *, step: int
) -> None:
    """Record what became of the cases whose turn it was."""
    rows = [(each.case_id, each.state, each.why, each.attempt) for each in progress]
    case_ids, states, reasons, attempts = columns(rows, 4)
    await transaction.execute(
        statement("record_campaign_items"), campaign_id, case_ids, states, reasons, step, attempts
    )


async def settle(
    transaction: Transaction, campaign_id: int, *, consigned_before: datetime
) -> tuple[tuple[int, str], ...]:
    """Look at what went out: what stayed where it was sent is done. Returns what failed again, and how."""
    rows = await transaction.fetch(statement("settle_campaign_items"), campaign_id, consigned_before)
    return tuple((row["case_id"], row["why"] or "") for row in rows)


async def take_up_failed(transaction: Transaction, campaign_id: int) -> None:
    """Take what failed again, and is a case again, into the campaign once more."""
    await transaction.execute(statement("take_up_failed_items"), campaign_id)


async def read_items(
    connection: Transaction,
    campaign_id: int,
    *,
    states: Sequence[str] | None = None,
    after: int = 0,
    limit: int = 100,
) -> tuple[CampaignItem, ...]:
    """Return up to *limit* cases of the campaign behind number *after*."""
    wanted = list(states) if states is not None else None
    rows = await connection.fetch(statement("read_campaign_items"), campaign_id, wanted, after, limit)
    return tuple(CampaignItem(**row) for row in rows)


async def read_reasons(
    connection: Transaction, campaign_id: int, *, limit: int = 20
) -> tuple[CampaignReason, ...]:
    """Return why cases would not pass, were refused or failed again, the most frequent first."""
    rows = await connection.fetch(statement("read_campaign_reasons"), campaign_id, limit)
    return tuple(CampaignReason(**row) for row in rows)


def _case(row: asyncpg.Record) -> CampaignCase:
    return CampaignCase(
        case_id=row["case_id"],
        mailbox=row["mailbox"],
        outcome=row["outcome"],
        state=DeliveryState(row["state"]) if row["state"] else None,
        kind=MessageKind(row["kind"]) if row["kind"] else None,
        recipient=row["recipient"],
        is_held=row["is_held"],
        letter=_letter(row) if row["body"] is not None else None,
    )


def _letter(row: asyncpg.Record) -> StoredLetter:
    return StoredLetter(
        body=row["body"],
        submitted_by=row["submitted_by"],
        submission_id=SubmissionId(row["submission_id"]),
        digest=Digest(row["digest"]),
    )
