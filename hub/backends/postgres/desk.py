"""What an operator sees and changes: cases of dead letters and invalid messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

from hub.backends.postgres import reporting
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.reporting import LockedDelivery
from hub.backends.postgres.statements import columns, statement
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    Fingerprint,
    MailboxName,
    MessageId,
    document_code,
)

SAME_CONTENT: Final = "deliveries_same_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases are meant; what is not set does not narrow."""

    case_ids: tuple[int, ...] | None = None
    mailbox: MailboxName | None = None
    sender: AgencyKey | None = None
    cause: str | None = None
    """Words that stand in the cause."""
    since: datetime | None = None
    is_open: bool = True
    group: str | None = None
    """The key of a root cause (`CaseGroup`)."""
    owner: str | None = None
    is_snoozed: bool | None = None
    """Only those that are put off, or only those that are not; None for both."""
    visible_to: tuple[AgencyKey, ...] | None = None
    """Only what these agencies have sent or receive; None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A dead letter as an operator works on it."""

    case_id: int
    cause: str
    episode: int
    opened_at: datetime
    outcome: str | None
    closed_at: datetime | None
    mailbox: MailboxName | None
    delivery_id: DeliveryId | None
    """None for a message that the hub itself could not process."""
    queue: str | None = None
    digest: Digest | None = None
    message_id: MessageId | None = None
    kind: MessageKind | None = None
    sender: AgencyKey | None = None
    recipient: AgencyKey | None = None
    document_id: DocumentId | None = None
    document_code: str | None = None
    subject: str | None = None
    state: DeliveryState | None = None
    attempt: int | None = None
    cause_code: str = "unknown"
    """A reason of return, or `hub` for what the hub itself could not process."""
    cause_rule: str | None = None
    certificate: Fingerprint | None = None
    """What signed the message."""
    group_key: str = ""
    """The same for all cases with this code, rule, mailbox and certificate."""
    owner: str | None = None
    snoozed_until: datetime | None = None
    ticket: str | None = None
    times_back: int = 0
    """How often this delivery was a case before."""
    told: str | None = None
    """What the recipient's system said last about why it rejects it; nobody signed that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try, and what came of it."""

    delivery_id: DeliveryId
    attempt: int
    episode: int
    at: datetime
    outcome: str
    note: str | None
    told: str | None = None
    """In the words of the recipient's system why it rejected this attempt; nobody signed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedCase:
    """A case that stays as it is until the transaction ends, with its delivery."""

    case_id: int
    outcome: str | None
    delivery: LockedDelivery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an operator did to one case, to be kept for good."""

    operator: str
    action: str
    reason: str | None = None
    case_id: int | None = None
    delivery_id: DeliveryId | None = None
    detail: dict[str, object] | None = field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A message that nobody vouches for, as it was kept."""

    invalid_id: int
    queue: str
    digest: Digest
    body: bytes = field(repr=False)
    claimed_by: str | None
    reason: str
    arrived_at: datetime
    times: int


async def read_cases(
    connection: Transaction, wanted: CaseFilter, *, limit: int, after: int = 0
) -> tuple[Case, ...]:
    """Return up to *limit* cases with numbers behind *after*, oldest first."""
    rows = await connection.fetch(
        statement("read_cases"),
        list(wanted.case_ids) if wanted.case_ids is not None else None,
        wanted.mailbox,
        wanted.sender,
        wanted.cause,
        wanted.since,
        wanted.is_open,
        limit,
        wanted.group,
        wanted.owner,
        wanted.is_snoozed,
        after,
        list(wanted.visible_to) if wanted.visible_to is not None else None,
    )
    return tuple(_case(row) for row in rows)


async def read_attempts(connection: Transaction, deliveries: Sequence[DeliveryId]) -> tuple[Attempt, ...]:
    """Return every attempt at *deliveries*, in their order."""
    rows = await connection.fetch(statement("read_attempts"), list(deliveries))
    return tuple(
        Attempt(
            delivery_id=DeliveryId(row["delivery_id"]),
            attempt=row["attempt"],
            episode=row["episode"],
            at=row["at"],
            outcome=row["outcome"],
            note=row["note"],
            told=row["told"],
        )
        for row in rows
    )


async def read_invalid_messages(
    connection: Transaction, *, invalid_id: int | None = None, limit: int = 100
) -> tuple[KeptMessage, ...]:
    """Return the newest invalid messages, or the one with *invalid_id*."""
    rows = await connection.fetch(statement("read_invalid_messages"), invalid_id, limit)
    return tuple(
        KeptMessage(
            invalid_id=row["invalid_id"],
            queue=row["queue"],
            digest=Digest(row["digest"]),
            body=row["body"],
            claimed_by=row["claimed_by"],
            reason=row["reason"],
            arrived_at=row["arrived_at"],
            times=row["times"],
        )
        for row in rows
    )


async def lock(transaction: Transaction, case_ids: Sequence[int]) -> tuple[LockedCase, ...]:
    """Lock the cases and their deliveries until the transaction ends, whoever else wants them."""
    found = await transaction.fetch(statement("find_deliveries_of_cases"), list(case_ids))
    deliveries = await reporting.lock(transaction, [DeliveryId(row["delivery_id"]) for row in found])
    return tuple(
        LockedCase(
            case_id=row["case_id"], outcome=row["outcome"], delivery=deliveries.get(row["delivery_id"])
        )
        for row in await transaction.fetch(statement("lock_cases"), list(case_ids))
    )


async def replay(transaction: Transaction, deliveries: Sequence[DeliveryId]) -> bool:
    """Let *deliveries* go out once more; returns whether it did.

    It did not, and nothing was done, where a recipient has the same content through another delivery.
    """
    await transaction.execute("savepoint replay")
    try:
        await transaction.execute(statement("replay_deliveries"), list(deliveries))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != SAME_CONTENT:
            raise
        await transaction.execute("rollback to savepoint replay")
        return False
    await transaction.execute("release savepoint replay")
    return True


async def discard(transaction: Transaction, deliveries: Sequence[DeliveryId]) -> None:
    """Give *deliveries* up for good; what is told about them belongs to a new episode."""
    await transaction.execute(statement("discard_deliveries"), list(deliveries))


async def restore(transaction: Transaction, deliveries: Sequence[DeliveryId]) -> None:
    """Take the discard of *deliveries* back: they are dead letters again."""
    await transaction.execute(statement("restore_deliveries"), list(deliveries))


async def reopen_cases(transaction: Transaction, case_ids: Sequence[int]) -> None:
    """Let the cases wait for an operator again."""
    await transaction.execute(statement("reopen_cases"), list(case_ids))


async def schedule(transaction: Transaction, receipts: Sequence[DeliveryId]) -> None:
    """Promise the deliveries of *receipts* to whichever hub process claims them first."""
    await transaction.execute(statement("schedule_receipts"), list(receipts))


async def close_cases(transaction: Transaction, case_ids: Sequence[int], outcome: str) -> None:
    """Close the cases with *outcome*."""
    await transaction.execute(statement("close_cases"), list(case_ids), outcome)


async def record(transaction: Transaction, actions: Sequence[Action]) -> None:
    """Keep what an operator did."""
    rows: list[tuple[object, ...]] = [
        (each.operator, each.action, each.reason, each.case_id, each.delivery_id, each.detail)
        for each in actions
    ]
    await transaction.execute(statement("record_operator_actions"), *columns(rows, 6))


def _case(row: asyncpg.Record) -> Case:
    return Case(
        case_id=row["case_id"],
        cause=row["cause"],
        episode=row["episode"],
        opened_at=row["opened_at"],
        outcome=row["outcome"],
        closed_at=row["closed_at"],
        mailbox=row["mailbox"],
        delivery_id=row["delivery_id"],
        queue=row["queue"],
        digest=row["digest"],
        message_id=row["message_id"],
        kind=MessageKind(row["kind"]) if row["kind"] else None,
        sender=row["sender"],
        recipient=row["recipient"],
        document_id=row["document_id"],
        document_code=document_code(row["code_number"], row["code_notation"]),
        subject=row["subject"],
        state=DeliveryState(row["state"]) if row["state"] else None,
        attempt=row["attempt"],
        cause_code=row["cause_code"],
        cause_rule=row["cause_rule"],
        certificate=row["certificate"],
        group_key=row["group_key"],
        owner=row["owner"],
        snoozed_until=row["snoozed_until"],
        ticket=row["ticket"],
        times_back=row["times_back"],
        told=row["told"],
    )
