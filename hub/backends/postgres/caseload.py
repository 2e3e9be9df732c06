"""Cases as operators share them out: by root cause, with owners, notes and what they are put off until."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import columns, statement
from hub.message.identifiers import AgencyKey, DeliveryId, Fingerprint, MailboxName


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilter:
    """Which open cases are grouped; what is not set does not narrow."""

    mailbox: MailboxName | None = None
    sender: AgencyKey | None = None
    owner: str | None = None
    visible_to: tuple[AgencyKey, ...] | None = None
    """Only what these agencies have sent or receive; None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGroup:
    """Open cases with one root cause."""

    group_key: str
    cause_code: str
    cause_rule: str | None
    mailbox: MailboxName | None
    certificate: Fingerprint | None
    signed_by: str | None
    """Subject of the certificate, where it is registered."""
    cause: str
    """Of the newest of them, in words."""
    open: int
    """Those that are put off are not counted here."""
    snoozed: int
    oldest_at: datetime
    newest_at: datetime
    recipients: int
    times_back: int
    """How often the worst of them was a case before."""
    told: str | None = None
    """What the recipient's system said about the newest of them; nobody signed that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNote:
    """What an operator wrote down about a case; it is read with every later case of the same delivery."""

    note_id: int
    case_id: int
    delivery_id: DeliveryId | None
    at: datetime
    operator: str
    text: str


async def read_groups(connection: Transaction, wanted: GroupFilter, *, limit: int) -> tuple[CaseGroup, ...]:
    """Return up to *limit* groups of open cases, the largest first."""
    rows = await connection.fetch(
        statement("read_case_groups"),
        wanted.mailbox,
        wanted.sender,
        wanted.owner,
        list(wanted.visible_to) if wanted.visible_to is not None else None,
        limit,
    )
    return tuple(CaseGroup(**row) for row in rows)


async def read_notes(
    connection: Transaction, case_ids: Sequence[int], deliveries: Sequence[DeliveryId]
) -> tuple[CaseNote, ...]:
    """Return what was noted on the cases and on all cases of *deliveries*, in its order."""
    rows = await connection.fetch(statement("read_case_notes"), list(case_ids), list(deliveries))
    return tuple(CaseNote(**row) for row in rows)


async def assign(transaction: Transaction, case_ids: Sequence[int], owner: str | None) -> None:
    """Give the cases to *owner*, or to nobody."""
    await transaction.execute(statement("assign_cases"), list(case_ids), owner)


async def snooze(transaction: Transaction, case_ids: Sequence[int], until: datetime | None) -> None:
    """Put the cases off, or wake them."""
    await transaction.execute(statement("snooze_cases"), list(case_ids), until)


async def link(transaction: Transaction, case_ids: Sequence[int], ticket: str | None) -> None:
    """Name where else the cases are worked on, or nowhere."""
    await transaction.execute(statement("link_cases"), list(case_ids), ticket)


async def note(
    transaction: Transaction, cases: Sequence[tuple[int, DeliveryId | None]], *, operator: str, text: str
) -> None:
    """Write *text* down about each of *cases*."""
    rows = [(case_id, delivery_id, operator, text) for case_id, delivery_id in cases]
    await transaction.execute(statement("insert_case_notes"), *columns(rows, 4))
