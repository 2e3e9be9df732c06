"""The database's twin in memory, for tests of the workers: one contract suite holds it to the real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Self, TypeAlias
from uuid import UUID

from hub.errors import TemporaryFailure
from hub.message.breaker import Breaker, BreakerState
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import BusinessType, MessageKind
from hub.message.evidence import Submitted
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)
from hub.message.outbox import OutboxEntry
from hub.message.receipt import ReceiptEvent
from hub.message.receipt_sheet import ReceiptSheet
from hub.ports import Clock

NewId: TypeAlias = Callable[[], UUID]
Lane: TypeAlias = tuple[AgencyKey, AgencyKey, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A row of `deliveries`, with the submission it came from."""

    delivery_id: DeliveryId
    submitted: Submitted | None
    """None for a sheet of receipts about several messages."""
    kind: MessageKind
    mailbox: MailboxName
    sender: AgencyKey | None
    recipient: AgencyKey
    document_id: DocumentId | None
    correlation_id: str
    body: bytes
    event: ReceiptEvent | None = None
    business_type: BusinessType | None = None
    content_digest: Digest | None = None
    is_urgent: bool = False
    lane_number: int = 0
    expires_at: datetime | None = None
    state: DeliveryState = DeliveryState.WAITING
    is_current: bool = True
    attempt: int = 1
    first_attempt: int = 1
    episode: int = 1
    consigned_at: datetime | None = None
    first_back_at: datetime | None = None
    last_back_at: datetime | None = None
    """When it came back from its mailbox, first and last."""

    @property
    def was_consigned(self) -> bool:
        """Whether the broker has ever had it."""
        return self.consigned_at is not None

    @property
    def tries(self) -> int:
        """How often it was tried since it was accepted or replayed."""
        return self.attempt - self.first_attempt + 1

    @property
    def message_id(self) -> MessageId | None:
        """The message that it carries or is about."""
        return None if self.submitted is None else self.submitted.message_id

    @property
    def lane(self) -> Lane | None:
        """Where it stands in line; receipts stand in none."""
        if self.sender is None or not self.lane_number:
            return None
        return self.sender, self.recipient, self.is_urgent

    def same_content(self) -> tuple[object, ...] | None:
        """Return the key that one current delivery alone may have."""
        if self.kind is not MessageKind.DOCUMENT or not self.is_current:
            return None
        return (self.sender, self.document_id, self.business_type, self.content_digest, self.recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """A row of `outbox_entries`."""

    entry_id: int
    delivery_id: DeliveryId
    attempt: int
    not_before: datetime
    is_fresh: bool = True
    claimed_by: int | None = None
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """A row of `attempts`."""

    delivery_id: DeliveryId
    attempt: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCase:
    """A row of `cases`."""

    delivery_id: DeliveryId | None
    cause: str
    is_open: bool = True


@dataclass(slots=True, kw_only=True)
class Tables:
    """Everything that is stored; rows never change, they are replaced."""

    submissions: dict[tuple[str, str, str], tuple[Digest, MessageId]] = field(default_factory=dict)
    digests: dict[tuple[str, Digest], MessageId] = field(default_factory=dict)
    refusals: dict[tuple[str, str, Digest], MessageId] = field(default_factory=dict)
    documents: dict[tuple[str, str], Digest] = field(default_factory=dict)
    answers: dict[MessageId, tuple[ReceiptSheet, SubmissionId]] = field(default_factory=dict)
    """The sheet with the acceptance or rejection of each message, and the name it was submitted under."""
    failures: dict[DeliveryId, ReceiptId] = field(default_factory=dict)
    """The newest failure that was issued about each delivery."""
    subjects: set[tuple[DeliveryId, ReceiptEvent, int]] = field(default_factory=set)
    lanes: Counter[Lane] = field(default_factory=Counter)
    deliveries: dict[DeliveryId, StoredDelivery] = field(default_factory=dict)
    entries: dict[int, StoredEntry] = field(default_factory=dict)
    entry_count: int = 0
    attempts: list[StoredAttempt] = field(default_factory=list)
    cases: list[StoredCase] = field(default_factory=list)
    breakers: dict[MailboxName, Breaker] = field(default_factory=dict)
    """Of the mailboxes that are in trouble."""
    kept: dict[tuple[str, bytes], int] = field(default_factory=dict)
    told: dict[tuple[DeliveryId, int], str] = field(default_factory=dict)
    """Why recipients' systems rejected attempts."""

    def copy(self) -> Self:
        """Return tables that may be changed without touching these."""
        tables = copy(self)
        for each in fields(self):
            setattr(tables, each.name, copy(getattr(self, each.name)))
        return tables

    def entry_of(self, delivery_id: DeliveryId) -> StoredEntry | None:
        """Return the entry that points at *delivery_id*."""
        return next((entry for entry in self.entries.values() if entry.delivery_id == delivery_id), None)

    def drop_entry_of(self, delivery_id: DeliveryId, *, even_claimed: bool = True) -> None:
        """End the promise to publish *delivery_id*."""
        entry = self.entry_of(delivery_id)
        if entry is not None and (even_claimed or entry.claimed_by is None):
            del self.entries[entry.entry_id]

    def has_same_content(self, delivery: StoredDelivery) -> bool:
        """Whether another current delivery holds what *delivery* holds."""
        key = replace(delivery, is_current=True).same_content()
        return key is not None and any(
            other.same_content() == key and other.delivery_id != delivery.delivery_id
            for other in self.deliveries.values()
        )

    def is_overtaking(self, delivery: StoredDelivery, may_hold: Callable[[StoredEntry], bool]) -> bool:
        """Whether something before *delivery* on its lane was never published and is not held by who may."""
        if delivery.lane is None:
            return False
        for entry in self.entries.values():
            other = self.deliveries[entry.delivery_id]
            is_earlier = other.lane == delivery.lane and other.lane_number < delivery.lane_number
            if is_earlier and entry.is_fresh and not may_hold(entry):
                return True
        return False

    def breaker_of(self, mailbox: MailboxName) -> Breaker:
        """Return the breaker of *mailbox*; one that nothing is known of is closed."""
        return self.breakers.get(mailbox, Breaker())

    def put_breaker(self, mailbox: MailboxName, breaker: Breaker) -> None:
        """Remember *breaker*, unless there is nothing to remember."""
        self.breakers.pop(mailbox, None)
        if breaker != Breaker():
            self.breakers[mailbox] = breaker

    def is_idle(self, mailbox: MailboxName) -> bool:
        """Whether nothing waits for *mailbox*."""
        return all(self.deliveries[each.delivery_id].mailbox != mailbox for each in self.entries.values())

    def close_cases(self, delivery_id: DeliveryId) -> None:
        """Close what was open about *delivery_id*."""
        self.cases = [
            replace(case, is_open=False) if case.delivery_id == delivery_id else case for case in self.cases
        ]


class MemoryStore:
    """Tables with the database's guarantees: a transaction is all or nothing, and one at a time."""

    def __init__(self, *, clock: Clock, new_id: NewId) -> None:
        """Begin empty."""
        self.clock = clock
        self.new_id = new_id
        self.tables = Tables()
        self.is_up = True
        self._alive: set[int] = set()
        self._joined = 0
        self._lock = asyncio.Lock()

    def join(self) -> int:
        """Return the number of a new claimant, alive until it leaves."""
        self._joined += 1
        self._alive.add(self._joined)
        return self._joined

    def leave(self, claimant: int) -> None:
        """End *claimant* as a crash would: what it held is free."""
        self._alive.discard(claimant)

    async def probe(self) -> bool:
        """Whether the store answers."""
        return self.is_up

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tables]:
        """Lend tables that become the store's when the block ends well; raises while the store is down."""
        async with self._lock:
            self._check()
            tables = self.tables.copy()
            yield tables
            self._check()
            self.tables = tables

    def is_free(self, entry: StoredEntry, now: datetime) -> bool:
        """Whether nobody holds *entry* any more."""
        return entry.claimed_by not in self._alive or entry.claimed_until is None or entry.claimed_until < now

    def promise(
        self, tables: Tables, deliveries: Iterable[StoredDelivery], claimant: int, lease: timedelta
    ) -> tuple[OutboxEntry, ...]:
        """Enter an outbox entry for each delivery; returns those that *claimant* may publish at once."""
        now = self.clock.now()
        handed_over = []
        for delivery in deliveries:
            tables.entry_count += 1
            waits = is_parked(tables, delivery) or tables.is_overtaking(
                delivery, lambda entry: entry.claimed_by == claimant
            )
            entry = StoredEntry(
                entry_id=tables.entry_count,
                delivery_id=delivery.delivery_id,
                attempt=1,
                not_before=now,
                claimed_by=None if waits else claimant,
                claimed_until=None if waits else now + lease,
            )
            tables.entries[entry.entry_id] = entry
            if not waits:
                handed_over.append(outbox_entry(entry, delivery))
        return tuple(handed_over)

    def _check(self) -> None:
        if not self.is_up:
            raise TemporaryFailure("the store is away")


def enter(tables: Tables, deliveries: Sequence[StoredDelivery]) -> tuple[StoredDelivery, ...]:
    """Insert *deliveries*, numbering their lanes; those whose recipient has the same content are left out."""
    entered = []
    for delivery in deliveries:
        if tables.has_same_content(delivery):
            continue
        numbered = delivery
        if delivery.sender is not None:
            lane = (delivery.sender, delivery.recipient, delivery.is_urgent)
            tables.lanes[lane] += 1
            numbered = replace(delivery, lane_number=tables.lanes[lane])
        tables.deliveries[numbered.delivery_id] = numbered
        entered.append(numbered)
    return tuple(entered)


def is_parked(tables: Tables, delivery: StoredDelivery) -> bool:
    """Whether what goes to the mailbox of *delivery* has to wait as a row."""
    return tables.breaker_of(delivery.mailbox).state is not BreakerState.CLOSED


def outbox_entry(entry: StoredEntry, delivery: StoredDelivery) -> OutboxEntry:
    """Return *entry* with everything that publishing it needs."""
    return OutboxEntry(
        entry_id=entry.entry_id,
        delivery_id=delivery.delivery_id,
        message_id=delivery.message_id,
        kind=delivery.kind,
        mailbox=delivery.mailbox,
        sender=delivery.sender,
        recipient=delivery.recipient,
        is_urgent=delivery.is_urgent,
        lane_number=delivery.lane_number,
        attempt=entry.attempt,
        correlation_id=delivery.correlation_id,
        document_id=delivery.document_id,
        event=delivery.event,
        expires_at=delivery.expires_at,
        body=delivery.body,
    )
