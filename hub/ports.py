"""What the lines need from the world outside; each protocol states what it guarantees."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from hub.message.decision import Committed, Decision
from hub.message.directory import Directory
from hub.message.identifiers import MailboxName
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, Recovery, ReturnedDelivery
from hub.message.receipt import Receipt
from hub.message.receipt_sheet import ReceiptSheet
from hub.message.reject_reason import RejectReason

Attest: TypeAlias = Callable[[Sequence[Receipt]], Awaitable[Sequence[ReceiptSheet]]]
"""Writes receipts on sheets and signs these, off the event loop; every receipt stands on one of them."""

Seal: TypeAlias = Callable[[Sequence[bytes]], Awaitable[Sequence[bytes]]]
"""Signs documents of the hub itself, in canonical form, off the event loop."""

Recover: TypeAlias = Callable[[ReturnedDelivery, int], Recovery]
"""Decides about a delivery that came back, after so many tries since it was accepted or replayed."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class Seam(Protocol):
    """The one commit of intake."""

    async def commit(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        """Commit all *decisions* in one transaction, and their signed receipts with them.

        Nothing is visible before everything is safe. Equal submissions, in one batch or in two processes,
        have one effect. Raises `TemporaryFailure` where the database is away; then nothing was written.
        """
        ...


class Outbox(Protocol):
    """Promises not yet kept."""

    async def claim(self, limit: int, octets: int) -> Sequence[OutboxEntry]:
        """Take up to *limit* due entries of *octets* together, urgent ones first, lanes in order."""
        ...

    async def record(
        self, attempts: Sequence[Attempted], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Record what the broker said, in one transaction with the receipts that it makes true.

        Confirmed entries are kept promises. A mailbox that is full is parked. What was not answered costs no
        attempt and stays with this process, so that nothing behind it on its lane overtakes it. Returns what
        this process is to publish: what was not answered, and the receipts.
        """
        ...

    async def release(self, entries: Sequence[OutboxEntry]) -> None:
        """Give back what this process claimed and did not try."""
        ...

    async def disown(self, held: Mapping[int, int]) -> None:
        """Give back what is claimed for this process and not *held*: entries by number, with their attempt.

        A commit whose answer was lost leaves such claims. Called while nothing is being claimed, and before
        anything more is, so that what comes later does not overtake them.
        """
        ...


class Returns(Protocol):
    """Deliveries that came back."""

    async def settle(
        self, returned: Sequence[ReturnedDelivery], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        """Look first, then decide: acknowledged or older ones leave an event only, the rest is recovered.

        A delivery that is given up becomes a case in the same transaction as the signed failure.
        """
        ...

    async def expired(self, limit: int) -> Sequence[ReturnedDelivery]:
        """Return deliveries that still wait and whose time is over."""
        ...


class Registry(Protocol):
    """Where the directory comes from."""

    async def directory(self) -> Directory:
        """Return the registry in force; cheap where nothing has changed since the last call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidMessage:
    """Something that nobody vouches for, or that the hub itself could not process."""

    queue: str
    body: bytes
    claimed_by: str | None
    reason: str
    at: datetime


class Quarantine(Protocol):
    """Where messages wait that cannot be answered."""

    async def keep(self, messages: Sequence[InvalidMessage]) -> None:
        """Store *messages* once each (by queue and digest), for an operator to look at."""
        ...


class RejectReasons(Protocol):
    """What recipients' systems say of what they reject."""

    async def keep(self, told: Sequence[tuple[MailboxName, RejectReason]]) -> None:
        """Store, for operators to read, what a mailbox says of a delivery of its own; each attempt once.

        What it says of anybody else's delivery, or of none, is nothing.
        """
        ...


class Publisher(Protocol):
    """Hands entries to the broker."""

    @property
    def is_up(self) -> bool:
        """Whether there is a broker to hand anything to at this moment."""
        ...

    async def publish(self, entry: OutboxEntry) -> PublishResult:
        """Publish once, mandatory, and return what the broker said; never raises for what the broker did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One AMQP message as it came from a queue; settled by its tag."""

    tag: int
    """Never used twice by one consumer, not even after a lost connection."""
    body: bytes
    user_id: str | None
    message_id: str | None
    correlation_id: str | None
    routing_key: str
    headers: dict[str, object]
    """Plain Python values, `x-death` (a list of dicts) among them."""
    kind: str | None = None
    """AMQP `type`."""
    sent_at: datetime | None = None
    """AMQP `timestamp`: the publisher's claim, to the second."""
    is_redelivered: bool = False
    """Whether somebody may have seen it before."""


class Consumer(Protocol):
    """Takes messages from one queue in batches."""

    def batches(self) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what has arrived, limited by count and bytes; ends when `pause` or `close` is called.

        Who takes a batch settles it or gives it back; several batches may be in the works at once.
        """
        ...

    async def settle(self, accepted: Sequence[Inbound]) -> None:
        """Acknowledge; with `multiple` up to the highest tag below which everything is settled."""
        ...

    async def give_back(self, unsettled: Sequence[Inbound]) -> None:
        """Return to the queue, once, what could not be handled now."""
        ...

    async def reject(self, refused: Sequence[Inbound]) -> None:
        """Send to the dead-letter exchange what can never be handled."""
        ...

    async def pause(self) -> None:
        """Take nothing more and give back what nobody has taken yet; ends `batches`."""
        ...

    async def resume(self) -> None:
        """Take messages again: `batches` may be iterated anew."""
        ...

    async def close(self) -> None:
        """Pause for good; what is unsettled goes back to the queue."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much is taken at a time."""

    count: int = 64
    octets: int = 8_000_000
    linger: timedelta = timedelta(milliseconds=3)
