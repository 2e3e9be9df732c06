"""Statuses: which delivery each is about, and what it moves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from hub.backends.postgres import breaking
from hub.backends.postgres.enlisting import Admission
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.delivery_state import (
    ACKNOWLEDGED,
    CLOSED,
    DeliveryState,
    advance,
    trigger_of,
)
from hub.message.edxml import StatusCode, StatusHeader
from hub.message.evidence import Submitted
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    SubmissionId,
    agency_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedDelivery:
    """A delivery whose row this transaction holds, and the submission it came from."""

    delivery_id: DeliveryId
    kind: str
    state: DeliveryState
    attempt: int
    first_attempt: int
    """The attempt that the present episode began with."""
    episode: int
    lane_number: int
    is_urgent: bool
    sender: AgencyKey | None
    recipient: AgencyKey
    mailbox: MailboxName
    octets: int
    consigned_at: datetime | None
    submitted: Submitted | None
    """None for a sheet of receipts about several messages, which nobody submitted."""

    @property
    def message_id(self) -> MessageId | None:
        """The message that it carries or is about."""
        return None if self.submitted is None else self.submitted.message_id

    @property
    def tries(self) -> int:
        """How often it was tried since it was accepted or replayed."""
        return self.attempt - self.first_attempt + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One status message and the delivery it is about."""

    admission: Admission
    header: StatusHeader
    delivery_id: DeliveryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a status did to its delivery."""

    report: Report
    before: LockedDelivery
    after: DeliveryState
    moved: bool

    @property
    def proves_handover(self) -> bool:
        """Whether this is the recipient's word that it has the document (01 or 03)."""
        return self.report.header.status in {StatusCode.ARRIVED, StatusCode.ACCEPTED}


async def lock(
    transaction: Transaction, delivery_ids: Sequence[DeliveryId]
) -> dict[DeliveryId, LockedDelivery]:
    """Lock the rows of *delivery_ids*, in the order of their keys."""
    if not delivery_ids:
        return {}
    return locked_deliveries(await transaction.fetch(statement("lock_deliveries"), list(delivery_ids)))


def locked_deliveries(rows: Sequence[asyncpg.Record]) -> dict[DeliveryId, LockedDelivery]:
    """Return the deliveries of *rows*, which the transaction holds."""
    return {DeliveryId(row["delivery_id"]): _locked_delivery(row) for row in rows}


def _locked_delivery(row: asyncpg.Record) -> LockedDelivery:
    return LockedDelivery(
        delivery_id=DeliveryId(row["delivery_id"]),
        kind=row["kind"],
        state=DeliveryState(row["state"]),
        attempt=row["attempt"],
        first_attempt=row["first_attempt"],
        episode=row["episode"],
        lane_number=row["lane_number"],
        is_urgent=row["is_urgent"],
        sender=row["sender"],
        recipient=AgencyKey(row["recipient"]),
        mailbox=MailboxName(row["mailbox"]),
        octets=row["octets"] or 0,
        consigned_at=row["consigned_at"],
        submitted=None if row["message_id"] is None else _submitted(row),
    )


def _submitted(row: asyncpg.Record) -> Submitted:
    return Submitted(
        message_id=MessageId(row["message_id"]),
        mailbox=MailboxName(row["submitted_by"]),
        submission_id=SubmissionId(row["submission_id"]),
        digest=Digest(row["digest"]),
        sender=row["submitted_for"],
        document_id=DocumentId(row["document_id"]) if row["document_id"] is not None else None,
    )


async def match(transaction: Transaction, admissions: Sequence[Admission]) -> dict[MessageId, DeliveryId]:
    """Find the delivery that each status in *admissions* is about, by its parties and its DocumentId."""
    rows = [_party_row(each) for each in admissions]
    if not rows:
        return {}
    found = await transaction.fetch(statement("find_reported_deliveries"), *columns(rows, 5))
    return {MessageId(row["message_id"]): DeliveryId(row["delivery_id"]) for row in found}


async def apply(
    transaction: Transaction,
    reports: Sequence[Report],
    locked: dict[DeliveryId, LockedDelivery],
    at: datetime,
    *,
    is_news: bool = True,
) -> list[Move]:
    """Move the deliveries as *reports* say; what is late or repeated is recorded and moves nothing.

    Where it *is_news*, it says that the recipients' systems work: their breakers hear of it.
    """
    moves = []
    present = dict(locked)
    for report in reports:
        before = present[report.delivery_id]
        after = advance(before.state, trigger_of(report.header.status))
        moves.append(Move(report=report, before=before, after=after or before.state, moved=after is not None))
        present[report.delivery_id] = replace(before, state=after or before.state)
    troubled = await _record(transaction, moves, at)
    if troubled and is_news:
        heard = {name: ids for name, ids in _heard(moves).items() if name in troubled}
        await breaking.acknowledged(transaction, heard, at=at)
    changed = {move.report.delivery_id: present[move.report.delivery_id] for move in moves if move.moved}
    await store(transaction, list(changed.values()), at)
    return moves


async def store(transaction: Transaction, changed: Sequence[LockedDelivery], at: datetime) -> None:
    """Write the states of *changed* deliveries, and end what no longer makes sense in their new states."""
    if not changed:
        return
    rows = [_state_row(each, at) for each in changed]
    await transaction.execute(statement("update_deliveries"), *columns(rows, 8))
    ended = [each.delivery_id for each in changed if each.state in ACKNOWLEDGED | CLOSED]
    if ended:
        await transaction.execute(statement("delete_idle_outbox_entries"), ended)
        await transaction.execute(statement("close_acknowledged_cases"), ended)


def _heard(moves: Sequence[Move]) -> dict[MailboxName, dict[DeliveryId, datetime | None]]:
    """Return what recipients spoke of, by mailbox; a recall is the sender's word and says nothing of them."""
    heard: dict[MailboxName, dict[DeliveryId, datetime | None]] = {}
    for move in moves:
        if move.report.header.status is not StatusCode.RECALL_REQUESTED:
            of_mailbox = heard.setdefault(move.before.mailbox, {})
            of_mailbox[move.report.delivery_id] = move.before.consigned_at
    return heard


async def _record(transaction: Transaction, moves: Sequence[Move], at: datetime) -> frozenset[MailboxName]:
    """Write the statuses; returns the mailboxes that are in trouble and spoke nevertheless."""
    if not moves:
        return frozenset()
    rows = [
        (
            move.report.admission.message_id,
            move.report.delivery_id,
            move.report.header.status.value,
            move.report.header.description,
            move.report.admission.admit.authorized.sender,
            at,
            move.before.state.value,
            move.after.value,
            move.moved,
        )
        for move in moves
    ]
    found = await transaction.fetch(statement("insert_statuses"), *columns(rows, 9), sorted(_heard(moves)))
    return frozenset(MailboxName(row["mailbox"]) for row in found)


def _state_row(each: LockedDelivery, at: datetime) -> tuple[object, ...]:
    return (
        each.delivery_id,
        each.state.value,
        each.attempt,
        each.state not in _GIVEN_BACK,
        each.consigned_at,
        at if each.state in ACKNOWLEDGED else None,
        at if each.state in CLOSED else None,
        each.first_attempt,
    )


_GIVEN_BACK = frozenset(
    {
        DeliveryState.REFUSED,
        DeliveryState.RECALLED,
        DeliveryState.DEAD,
        DeliveryState.EXPIRED,
        DeliveryState.DISCARDED,
    }
)


def _party_row(each: Admission) -> tuple[object, ...]:
    valid = each.admit.authorized.valid
    header = valid.header
    if not isinstance(header, StatusHeader):
        message = f"{type(header).__name__} is not a status"
        raise TypeError(message)
    reporter, other = each.admit.authorized.sender, agency_key(header.original_sender)
    if header.status is StatusCode.RECALL_REQUESTED:
        sender, recipient = reporter, other
    else:
        sender, recipient = other, reporter
    return each.message_id, header.document_id, sender, recipient, valid.verified.received.reported_delivery
