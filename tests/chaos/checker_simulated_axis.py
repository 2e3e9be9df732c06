"""An axis without a hub: what senders, the hub and operators would have written down, step by step."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from itertools import count
from typing import Final
from uuid import UUID

from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos.checker_log import LogRow, SeenLog, Verified, sealed
from tests.chaos.checker_sight import SeenDelivery, SeenEvent, SeenMessage, SeenReceipt, Sight
from tests.chaos.ledger import (
    Confirmed,
    Entry,
    ReceiptArrived,
    StatusArrived,
    Subject,
    Submitted,
)

_BEGINNING: Final = datetime(2026, 5, 30, 2, 0, 0, tzinfo=UTC)
_E = ReceiptEvent


class Fate(Enum):
    """What becomes of one delivery."""

    TAKEN = auto()
    TAKEN_UNANSWERED = auto()
    ACCEPTED_LATER = auto()
    """01 at once, 03 some time after."""
    ANSWERED_FIRST = auto()
    """The status is read before the confirm is recorded."""
    RETRIED = auto()
    REFUSED = auto()
    DEAD = auto()
    REPLAYED = auto()
    """Dead, replayed by an operator, taken."""
    DISCARDED = auto()
    EXPIRED = auto()
    FOUND = auto()
    """Given up as unknown, and answered by the recipient after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One document and what becomes of it."""

    sender: AgencyKey
    fates: tuple[tuple[AgencyKey, Fate], ...]
    is_valid: bool = True
    is_urgent: bool = False
    is_copied: bool = False
    """Submitted again afterwards under another name: every recipient has it already."""


@dataclass(slots=True, kw_only=True)
class Simulation:
    """The axis as it ought to be."""

    entries: list[Entry] = field(default_factory=list)
    messages: dict[MessageId, SeenMessage] = field(default_factory=dict)
    deliveries: dict[DeliveryId, SeenDelivery] = field(default_factory=dict)
    receipts: dict[ReceiptId, SeenReceipt] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lanes: Counter[tuple[AgencyKey, AgencyKey, bool]] = field(default_factory=Counter)
    _ordinals: Counter[AgencyKey] = field(default_factory=Counter)
    _now: datetime = _BEGINNING

    def sight(self) -> Sight:
        """Return what operators would see."""
        return Sight(
            messages=self.messages, deliveries=self.deliveries, receipts=self.receipts, log=self._log()
        )

    def _log(self) -> SeenLog:
        """Seal every event, in some order; with the last head as a hub told it."""
        trails = [
            *((each, None, each.events) for each in self.messages.values()),
            *((each, each.delivery_id, each.events) for each in self.deliveries.values()),
        ]
        rows = [
            LogRow(
                event_id=0,
                name=event.name,
                message_id=owner.message_id,
                delivery_id=delivery_id,
                form=f"{owner.message_id} {delivery_id} {event}".encode(),
            )
            for owner, delivery_id, events in trails
            for event in events
        ]
        numbered = tuple(replace(row, event_id=3 * number) for number, row in enumerate(rows, start=1))
        seals = sealed(numbered)
        return SeenLog(
            rows=numbered,
            seals=seals,
            heads={each.position: each.link for each in seals[-1:]},
            verified=Verified(holds=True, sealed=len(seals)),
        )

    # ——— intake ———

    def submit(self, plan: Plan) -> Submitted:
        """Let a sender publish a document, and the broker confirm it."""
        number = self._number()
        submitted = Submitted(
            submission_id=SubmissionId(f"submission-{number}"),
            digest=f"{number:064x}",
            sender=plan.sender,
            mailbox=MailboxName(plan.sender),
            document_id=DocumentId(f"document-{number}"),
            recipients=tuple(recipient for recipient, _ in plan.fates),
            is_valid=plan.is_valid,
            is_urgent=plan.is_urgent,
            at=self.tick(),
        )
        self._write(submitted)
        self._write(Confirmed(submission_id=submitted.submission_id, at=self.tick()))
        return submitted

    def accept(self, plan: Plan, submitted: Submitted) -> list[DeliveryId]:
        """Accept it; return its deliveries, in the order of its recipients."""
        message_id = self._decide(submitted, "accepted", len(plan.fates))
        subjects = []
        for recipient in submitted.recipients:
            lane = (plan.sender, recipient, plan.is_urgent)
            self._lanes[lane] += 1
            delivery_id = DeliveryId(UUID(int=self._number()))
            subjects.append(
                Subject(recipient=recipient, delivery_id=delivery_id, lane_number=self._lanes[lane])
            )
            self._enter(delivery_id, message_id, submitted, subjects[-1])
        self.sign(submitted, message_id, _E.SUBMISSION_ACCEPTANCE, subjects)
        return [each.delivery_id for each in subjects if each.delivery_id is not None]

    def _enter(
        self, delivery_id: DeliveryId, message_id: MessageId, submitted: Submitted, subject: Subject
    ) -> None:
        self.deliveries[delivery_id] = SeenDelivery(
            delivery_id=delivery_id,
            message_id=message_id,
            kind="document",
            mailbox=MailboxName(subject.recipient),
            sender=submitted.sender,
            recipient=subject.recipient,
            state=DeliveryState.WAITING,
            lane_number=subject.lane_number or 0,
        )

    def accept_copy(self, plan: Plan, submitted: Submitted) -> None:
        """Let the same content come again in other bytes: everybody has it."""
        copy = replace(
            submitted,
            submission_id=SubmissionId(f"{submitted.submission_id}-again"),
            digest=f"{self._number():064x}",
            content=submitted.digest,
            at=self.tick(),
        )
        self._write(copy)
        self._write(Confirmed(submission_id=copy.submission_id, at=self.tick()))
        subjects = [Subject(recipient=each, already_had_it=True) for each, _ in plan.fates]
        self.sign(copy, self._decide(copy, "accepted", 0), _E.SUBMISSION_ACCEPTANCE, subjects)

    def reject(self, submitted: Submitted) -> None:
        """Refuse it."""
        self.sign(
            submitted, self._decide(submitted, "refused", 0), _E.SUBMISSION_REJECTION, (), codes=("HUB-2001",)
        )

    def _decide(self, submitted: Submitted, verdict: str, deliveries: int) -> MessageId:
        message_id = MessageId(UUID(int=self._number()))
        name = "message.accepted" if verdict == "accepted" else "message.rejected"
        self.messages[message_id] = SeenMessage(
            message_id=message_id,
            kind="document",
            verdict=verdict,
            mailbox=submitted.mailbox,
            submission_id=submitted.submission_id,
            digest=submitted.digest,
            document_id=submitted.document_id,
            events=(SeenEvent(name=name, detail={"deliveries": deliveries}),),
        )
        return message_id

    # ——— what the ways of deliveries use ———

    def sign(
        self,
        submitted: Submitted,
        message_id: MessageId,
        event: ReceiptEvent,
        subjects: Sequence[Subject],
        *,
        codes: tuple[str, ...] = (),
        failure: FailureKind | None = None,
        episode: int = 1,
        supersedes: ReceiptId | None = None,
    ) -> ReceiptId:
        """Issue a receipt and let it arrive."""
        receipt_id = ReceiptId(UUID(int=self._number()))
        named = [each.delivery_id for each in subjects if each.delivery_id is not None]
        self.receipts[receipt_id] = SeenReceipt(
            receipt_id=receipt_id,
            message_id=message_id,
            event=event,
            mailbox=submitted.mailbox,
            deliveries=() if event is _E.SUBMISSION_ACCEPTANCE else tuple((each, episode) for each in named),
        )
        issued_at = self.tick()
        self._write(
            ReceiptArrived(
                receipt_id=receipt_id,
                event=event,
                issued_at=issued_at,
                mailbox=submitted.mailbox,
                submission_id=submitted.submission_id,
                message_id=message_id,
                digest=submitted.digest,
                subjects=tuple(subjects),
                codes=codes,
                failure=failure,
                episode=episode,
                supersedes=supersedes,
                at=self.tick(),
            )
        )
        return receipt_id

    def forward(self, submitted: Submitted, recipient: AgencyKey, code: StatusCode) -> None:
        """Take a recipient's status in and deliver it to the sender."""
        number = self._number()
        message_id, delivery_id = MessageId(UUID(int=number)), DeliveryId(UUID(int=self._number()))
        self.messages[message_id] = SeenMessage(
            message_id=message_id,
            kind="status",
            verdict="accepted",
            mailbox=MailboxName(recipient),
            submission_id=SubmissionId(f"status-{number}"),
            digest=f"{number:064x}",
            events=(SeenEvent(name="message.accepted", detail={"deliveries": 1}),),
        )
        self.deliveries[delivery_id] = SeenDelivery(
            delivery_id=delivery_id,
            message_id=message_id,
            kind="status",
            mailbox=submitted.mailbox,
            sender=recipient,
            recipient=submitted.sender,
            state=DeliveryState.CONSIGNED,
            events=(SeenEvent(name="delivery.consigned", detail={"attempt": 1}),),
            tried=((1, "consigned"),),
        )
        self._write(
            StatusArrived(
                delivery_id=delivery_id,
                reported_by=recipient,
                document_id=submitted.document_id,
                code=code,
                at=self.tick(),
            )
        )

    def next_ordinal(self, recipient: AgencyKey) -> int:
        """Return the place of the next effect with *recipient*."""
        self._ordinals[recipient] += 1
        return self._ordinals[recipient]

    def write(self, *entries: Entry) -> None:
        """Let actors write, each at an instant of its own."""
        for each in entries:
            self._write(replace(each, at=self.tick()))

    def _write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def _number(self) -> int:
        return next(self._numbers)

    def tick(self) -> datetime:
        """Return the next instant."""
        self._now += timedelta(seconds=1)
        return self._now
