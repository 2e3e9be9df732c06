"""Everything that is stored about one message, for people who have to explain what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from hub.backends.postgres import overlays
from hub.backends.postgres.desk import Attempt, read_attempts
from hub.backends.postgres.overlays import StoredOverlay
from hub.backends.postgres.pool import Transaction
from hub.backends.postgres.statements import statement
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SheetId,
)
from hub.message.receipt_xml import read_receipts

MANY: Final = 50
_DIGEST_OCTETS: Final = 32
_LEAST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as it was decided about; its bytes stay where they are."""

    message_id: MessageId
    kind: str
    verdict: str
    mailbox: MailboxName
    submission_id: str
    digest: Digest
    octets: int
    sender: AgencyKey | None
    document_id: DocumentId | None
    business_type: int | None
    priority: int | None
    code_number: str | None
    code_notation: str | None
    subject: str | None
    received_at: datetime
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery where it stands."""

    delivery_id: DeliveryId
    message_id: MessageId | None
    """None for receipts about several messages."""
    sheet_id: SheetId | None
    kind: str
    mailbox: MailboxName
    sender: AgencyKey | None
    recipient: AgencyKey
    state: str
    attempt: int
    episode: int
    lane_number: int
    is_urgent: bool
    event: str | None
    created_at: datetime
    consigned_at: datetime | None
    acknowledged_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime | None
    not_before: datetime | None
    """Set while it waits as a row."""
    status: str | None
    """Code of the status that it carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """A receipt that was issued."""

    receipt_id: ReceiptId
    event: str
    mailbox: MailboxName
    issued_at: datetime
    supersedes: ReceiptId | None
    stamped_at: datetime | None
    """As the time stamp over its sheet says, where there is one."""
    deliveries: tuple[DeliveryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatus:
    """A status that a recipient sent about a delivery."""

    message_id: MessageId
    delivery_id: DeliveryId
    code: str
    description: str
    reported_by: AgencyKey
    at: datetime
    state_before: str
    state_after: str
    moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One line of the event trail."""

    event_id: int
    at: datetime
    name: str
    message_id: MessageId | None
    delivery_id: DeliveryId | None
    detail: dict[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAction:
    """What an operator did."""

    at: datetime
    operator: str
    action: str
    case_id: int | None
    delivery_id: DeliveryId | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All of it."""

    message: StoredMessage
    deliveries: tuple[StoredDelivery, ...]
    attempts: tuple[Attempt, ...]
    receipts: tuple[StoredReceipt, ...]
    statuses: tuple[StoredStatus, ...]
    events: tuple[StoredEvent, ...]
    actions: tuple[StoredAction, ...]
    overlays: tuple[StoredOverlay, ...] = ()
    """Routes that an operator changed."""


async def find_messages(connection: Transaction, name: str) -> tuple[MessageId, ...]:
    """Return the messages that *name* may mean; a status stands for the document that it is about.

    A name is that of a message, delivery, receipt, submission or document, or the beginning of a digest.
    """
    rows: list[asyncpg.Record] = []
    told: list[MessageId] = []
    if (identifier := _uuid(name)) is not None:
        rows += await connection.fetch(statement("find_messages_by_uuid"), identifier)
        told = await _told_of(connection, identifier)
    if not rows and not told:
        rows += await connection.fetch(statement("find_messages_by_text"), name, MANY)
    if not rows and not told and (limits := _digest_range(name)) is not None:
        rows += await connection.fetch(statement("find_messages_by_digest"), *limits, MANY)
    wanted = [*told, *(row["message_id"] for row in rows)]
    found = await connection.fetch(statement("find_reported_messages"), wanted)
    return tuple(sorted(MessageId(row["message_id"]) for row in found))


async def _told_of(connection: Transaction, delivery: UUID) -> list[MessageId]:
    """Return the messages that the receipts in *delivery* are about, where it carries a sheet of them."""
    sheets = await connection.fetch(statement("find_sheet_of_delivery"), delivery)
    receipts = [each for row in sheets for each in read_receipts(parse_hardened(row["body"]))]
    return [each.message_id for each in receipts[:MANY]]


async def read_dossier(connection: Transaction, message_id: MessageId) -> Dossier:
    """Return everything about the message, which exists."""
    (message,) = await connection.fetch(statement("trace_message"), message_id)
    deliveries = [
        StoredDelivery(**row) for row in await connection.fetch(statement("trace_deliveries"), message_id)
    ]
    of_it = [each.delivery_id for each in deliveries if each.message_id == message_id]
    messages = sorted({message_id, *(each.message_id for each in deliveries if each.message_id)})
    every = [each.delivery_id for each in deliveries]
    receipts = await connection.fetch(statement("trace_receipts"), message_id)
    statuses = await connection.fetch(statement("trace_statuses"), of_it)
    events = await connection.fetch(statement("trace_events"), messages, every)
    actions = await connection.fetch(statement("trace_operator_actions"), every)
    return Dossier(
        message=StoredMessage(**message),
        deliveries=tuple(deliveries),
        attempts=await read_attempts(connection, every),
        receipts=tuple(
            StoredReceipt(**{**row, "deliveries": tuple(row["deliveries"] or ())}) for row in receipts
        ),
        statuses=tuple(StoredStatus(**row) for row in statuses),
        events=tuple(StoredEvent(**row) for row in events),
        actions=tuple(StoredAction(**row) for row in actions),
        overlays=await overlays.read(connection, every),
    )


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _digest_range(name: str) -> tuple[bytes, bytes] | None:
    """Return the first and the last digest that begin with *name* (hexadecimal), if it is one."""
    digits = name.lower()
    if not _LEAST_DIGITS <= len(digits) <= 2 * _DIGEST_OCTETS or set(digits) - set("0123456789abcdef"):
        return None
    width = 2 * _DIGEST_OCTETS
    return bytes.fromhex(digits.ljust(width, "0")), bytes.fromhex(digits.ljust(width, "f"))
