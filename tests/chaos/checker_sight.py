"""What operators see when a campaign has come to rest: messages, where deliveries stand, the event trail.

Only the laws about what is visible afterwards and about the trail rest on it; the others are decided from
ledgers and receipts, and use it to believe the hub less, or to find what still lies in a queue.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import asyncpg

from hub.message.delivery_state import DeliveryState
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_log import SeenLog, read_log, verify


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """One line of the event trail."""

    name: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDelivery:
    """A document or a status on its way to one recipient, where it stands."""

    delivery_id: DeliveryId
    message_id: MessageId
    kind: str
    mailbox: MailboxName
    sender: AgencyKey
    recipient: AgencyKey
    state: DeliveryState
    attempt: int = 1
    episode: int = 1
    lane_number: int = 1
    events: tuple[SeenEvent, ...] = ()
    """Its trail, in the order of the event ids."""
    has_open_case: bool = False
    statuses: tuple[str, ...] = ()
    """Codes of the statuses that were stored about it."""
    tried: tuple[tuple[int, str], ...] = ()
    """The attempts that were recorded, and what came of each; without those that nobody answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenReceipt:
    """A receipt that the hub has issued."""

    receipt_id: ReceiptId
    message_id: MessageId
    event: ReceiptEvent
    mailbox: MailboxName
    deliveries: tuple[tuple[DeliveryId, int], ...] = ()
    """The deliveries and their episodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMessage:
    """A message that the hub has decided about."""

    message_id: MessageId
    kind: str
    verdict: str
    mailbox: MailboxName
    submission_id: SubmissionId
    digest: str
    document_id: DocumentId | None = None
    events: tuple[SeenEvent, ...] = ()
    """Those that are about the message and no delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that is visible."""

    messages: Mapping[MessageId, SeenMessage] = field(default_factory=dict)
    deliveries: Mapping[DeliveryId, SeenDelivery] = field(default_factory=dict)
    receipts: Mapping[ReceiptId, SeenReceipt] = field(default_factory=dict)
    in_queue: Mapping[MailboxName, int] = field(default_factory=dict)
    """How many messages still lie with the broker for each mailbox."""
    quarantined: frozenset[str] = frozenset()
    """Digests of what nobody vouches for, and of what the hub itself failed on."""
    undelivered_receipts: frozenset[ReceiptId] = frozenset()
    """Receipts that wait as rows, or whose case an operator has."""
    log: SeenLog = field(default_factory=SeenLog)

    def of(self, mailboxes: Collection[MailboxName]) -> "Sight":
        """Return what is visible of messages from *mailboxes*: an axis may serve others besides."""
        messages = {key: each for key, each in self.messages.items() if each.mailbox in mailboxes}
        return replace(
            self,
            messages=messages,
            deliveries={key: each for key, each in self.deliveries.items() if each.message_id in messages},
            receipts={key: each for key, each in self.receipts.items() if each.message_id in messages},
            log=replace(self.log, is_shared=True),
        )


_MESSAGES: Final = """
    select message_id, kind, verdict, mailbox, submission_id, encode(digest, 'hex') as digest, document_id
      from messages"""
_DELIVERIES: Final = """
    select d.delivery_id, d.message_id, d.kind, d.mailbox, d.sender, d.recipient, d.state, d.attempt,
           d.episode, d.lane_number,
           exists (select from cases c where c.delivery_id = d.delivery_id and c.outcome is null)
               as has_open_case,
           array(select s.code from statuses s where s.delivery_id = d.delivery_id) as statuses,
           array(select (a.attempt, a.outcome)::text from attempts a
                  where a.delivery_id = d.delivery_id and a.outcome <> 'unknown') as tried
      from deliveries d where d.kind <> 'receipt'"""
_EVENTS: Final = "select name, message_id, delivery_id, detail from events order by event_id"
_RECEIPTS: Final = """
    select r.receipt_id, r.message_id, r.event, r.mailbox,
           array_agg(s.delivery_id) filter (where s.delivery_id is not null) as deliveries,
           array_agg(s.episode) filter (where s.delivery_id is not null) as episodes
      from receipts r left join receipt_subjects s using (receipt_id) group by r.receipt_id"""
_UNDELIVERED: Final = """
    select r.receipt_id from deliveries d join receipts r using (sheet_id)
     where d.kind = 'receipt' and d.state in ('waiting', 'dead')"""
_QUARANTINED: Final = """
    select encode(digest, 'hex') from invalid_messages
    union select encode(digest, 'hex') from cases where delivery_id is null"""


async def read_sight(
    operator_dsn: str, in_queue: Mapping[MailboxName, int], *, heads: Mapping[int, bytes]
) -> Sight:
    """Return what the operators' user sees at one instant; the log is verified against *heads*."""
    sight = await _read_all(operator_dsn, in_queue)
    verified = await verify(operator_dsn, heads)
    return replace(sight, log=replace(sight.log, heads=heads, verified=verified))


async def _read_all(operator_dsn: str, in_queue: Mapping[MailboxName, int]) -> Sight:
    connection = await asyncpg.connect(operator_dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            events = await connection.fetch(_EVENTS)
            return Sight(
                messages=_messages(await connection.fetch(_MESSAGES), events),
                deliveries=_deliveries(await connection.fetch(_DELIVERIES), events),
                receipts=_receipts(await connection.fetch(_RECEIPTS)),
                in_queue=in_queue,
                quarantined=frozenset(row[0] for row in await connection.fetch(_QUARANTINED)),
                undelivered_receipts=frozenset(row[0] for row in await connection.fetch(_UNDELIVERED)),
                log=await read_log(connection),
            )
    finally:
        await connection.close()


def _messages(
    rows: Sequence[asyncpg.Record], events: Sequence[asyncpg.Record]
) -> dict[MessageId, SeenMessage]:
    own: dict[UUID, list[SeenEvent]] = defaultdict(list)
    for event in events:
        if event["message_id"] is not None and event["delivery_id"] is None:
            own[event["message_id"]].append(_event(event))
    return {row["message_id"]: SeenMessage(**row, events=tuple(own[row["message_id"]])) for row in rows}


def _deliveries(
    rows: Sequence[asyncpg.Record], events: Sequence[asyncpg.Record]
) -> dict[DeliveryId, SeenDelivery]:
    own: dict[UUID, list[SeenEvent]] = defaultdict(list)
    for event in events:
        if event["delivery_id"] is not None:
            own[event["delivery_id"]].append(_event(event))
    return {
        row["delivery_id"]: SeenDelivery(
            **{
                **row,
                "state": DeliveryState(row["state"]),
                "statuses": tuple(row["statuses"]),
                "tried": tuple(map(_try, row["tried"])),
            },
            events=tuple(own[row["delivery_id"]]),
        )
        for row in rows
    }


def _try(row: str) -> tuple[int, str]:
    """Read one attempt and its outcome, written as PostgreSQL writes a row."""
    attempt, outcome = row.strip("()").split(",")
    return int(attempt), outcome


def _receipts(rows: Sequence[asyncpg.Record]) -> dict[ReceiptId, SeenReceipt]:
    return {
        row["receipt_id"]: SeenReceipt(
            receipt_id=row["receipt_id"],
            message_id=row["message_id"],
            event=ReceiptEvent(row["event"]),
            mailbox=row["mailbox"],
            deliveries=tuple(zip(row["deliveries"] or (), row["episodes"] or (), strict=True)),
        )
        for row in rows
    }


def _event(row: asyncpg.Record) -> SeenEvent:
    detail = row["detail"]
    return SeenEvent(name=row["name"], detail=json.loads(detail) if isinstance(detail, str) else detail or {})
