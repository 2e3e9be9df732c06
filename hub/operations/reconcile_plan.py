"""What evidence proves and the database does not know: values compared with values, nothing decided."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.hindsight import Fact
from hub.message.identifiers import AgencyKey, DeliveryId, Digest, MailboxName, MessageId, ReceiptId
from hub.message.receipt import Receipt, ReceiptEvent
from hub.operations.reconcile_evidence import Evidence, Held, Received, Sent

_ABOUT_DELIVERIES = frozenset(
    {
        ReceiptEvent.CONTENT_CONSIGNMENT,
        ReceiptEvent.CONTENT_HANDOVER,
        ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDelivery:
    """A delivery that the database knows."""

    kind: MessageKind
    state: DeliveryState
    attempt: int
    submitted_by: MailboxName | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database knows of everything that the evidence names."""

    receipts: frozenset[ReceiptId] = frozenset()
    messages: frozenset[MessageId] = frozenset()
    submissions: Mapping[tuple[MailboxName, Digest], MessageId] = field(default_factory=dict)
    deliveries: Mapping[DeliveryId, KnownDelivery] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A message that was submitted, and that the database does not know."""

    sent: Sent
    message_id: MessageId | None
    """What the hub called it, where anybody has heard that."""
    receipts: tuple[Held, ...] = ()
    received: tuple[Received, ...] = ()
    """Those who took it from their queues."""

    @property
    def acceptance(self) -> Receipt | None:
        """The hub's signed word that it has accepted it."""
        return self._of(ReceiptEvent.SUBMISSION_ACCEPTANCE)

    @property
    def rejection(self) -> Receipt | None:
        """The hub's signed word that it has refused it."""
        return self._of(ReceiptEvent.SUBMISSION_REJECTION)

    @property
    def at(self) -> datetime:
        """When the hub first spoke of it, or else when it was signed."""
        return min((each.receipt.issued_at for each in self.receipts), default=self.sent.at)

    def _of(self, event: ReceiptEvent) -> Receipt | None:
        return next((each.receipt for each in self.receipts if each.receipt.event is event), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """A delivery that the database knows, and of which more has happened than it knows."""

    delivery_id: DeliveryId
    facts: tuple[Fact, ...]
    receipts: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that is proven, and cannot be brought back from what was handed in."""

    what: str
    why: str
    needs: tuple[MailboxName, ...] = ()
    """Whose evidence would help."""
    is_harmless: bool = False
    """The hub settles it by itself, without a second effect."""


LaneName = tuple[AgencyKey, AgencyKey, bool]
"""Sender, recipient, and whether it is the urgent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything in which evidence and database differ."""

    lost: tuple[Lost, ...]
    advanced: tuple[Advanced, ...]
    missing: tuple[Missing, ...]
    lanes: Mapping[LaneName, int]
    """The highest number that anybody has seen."""


def compare(evidence: Evidence, known: Known) -> Comparison:
    """Return everything that *evidence* tells and the database does not know."""
    unknown = [each for each in evidence.held if each.receipt.receipt_id not in known.receipts]
    named, missing = _named(evidence, unknown, known)
    unnamed, undecided_elsewhere = _unnamed(evidence, named, known)
    about_known = [each for each in unknown if each.receipt.message_id in known.messages]
    names = known.messages | {each.message_id for each in named}
    return Comparison(
        lost=tuple(sorted([*named, *unnamed], key=lambda each: each.at)),
        advanced=tuple(_advanced(evidence, about_known, known)),
        missing=(*missing, *undecided_elsewhere),
        lanes=_lanes(evidence, [each.receipt for each in unknown if each.receipt.message_id not in names]),
    )


def facts_of(
    receipts: Iterable[Held], received: Iterable[Received] = ()
) -> dict[DeliveryId, tuple[Fact, ...]]:
    """Return what *receipts* and the journals of recipients tell of each delivery."""
    told: dict[DeliveryId, list[Fact]] = defaultdict(list)
    for held in receipts:
        receipt = held.receipt
        for subject in receipt.subjects if receipt.event in _ABOUT_DELIVERIES else ():
            if subject.delivery_id is not None:
                told[subject.delivery_id].append(_fact(receipt, subject.attempt))
    for each in received:
        told[each.delivery_id].append(
            Fact(at=each.at, event=None, attempt=each.attempt, is_rejected=each.is_rejected)
        )
    return {delivery_id: tuple(facts) for delivery_id, facts in told.items()}


def _fact(receipt: Receipt, attempt: int | None) -> Fact:
    return Fact(
        at=receipt.issued_at,
        event=receipt.event,
        attempt=attempt or 1,
        episode=receipt.episode,
        receipt_id=receipt.receipt_id,
        failure=receipt.failure,
        cause=receipt.cause,
    )


def _named(evidence: Evidence, unknown: Sequence[Held], known: Known) -> tuple[list[Lost], list[Missing]]:
    """Return the messages that somebody knows by the hub's name for them."""
    receipts: dict[MessageId, list[Held]] = defaultdict(list)
    received: dict[MessageId, list[Received]] = defaultdict(list)
    for held in unknown:
        if held.receipt.message_id not in known.messages:
            receipts[held.receipt.message_id].append(held)
    for each in evidence.received:
        if each.message_id not in known.messages:
            received[each.message_id].append(each)
    by_digest = {(each.mailbox, each.digest): each for each in evidence.sent}
    anywhere = {each.digest: each for each in evidence.sent}
    lost, missing = [], []
    for message_id in receipts.keys() | received.keys():
        held_receipts, journals = receipts[message_id], received[message_id]
        sent = (
            by_digest.get((held_receipts[0].receipt.mailbox, held_receipts[0].receipt.digest))
            if held_receipts
            else anywhere.get(journals[0].digest)
        )
        if sent is None:
            missing.append(_without_bytes(message_id, held_receipts, journals))
        else:
            lost.append(
                Lost(
                    sent=sent, message_id=message_id, receipts=tuple(held_receipts), received=tuple(journals)
                )
            )
    return lost, missing


def _without_bytes(message_id: MessageId, receipts: Sequence[Held], received: Sequence[Received]) -> Missing:
    if receipts:
        receipt = receipts[0].receipt
        return Missing(
            what=f"message {message_id} (submission {receipt.submission_id}, {receipt.document_id})",
            why=f"{receipt.event.value} is in {receipt.mailbox}'s hands, and its bytes are in no journal",
            needs=(receipt.mailbox,),
        )
    first = received[0]
    return Missing(
        what=f"message {message_id} ({first.kind.value} from {first.sender})",
        why=f"{first.mailbox} has received it, and its bytes are in no journal that was handed in",
    )


def _unnamed(evidence: Evidence, named: Sequence[Lost], known: Known) -> tuple[list[Lost], list[Missing]]:
    """Return what was submitted, of which the hub never spoke in anybody's hearing."""
    spoken_of = {(each.sent.mailbox, each.sent.digest) for each in named}
    silent = [
        each
        for each in evidence.sent
        if (each.mailbox, each.digest) not in spoken_of
        and (each.mailbox, each.digest) not in known.submissions
    ]
    refused = {
        (each.receipt.mailbox, each.receipt.digest)
        for each in evidence.held
        if each.receipt.event is ReceiptEvent.SUBMISSION_REJECTION
    }
    silent = [each for each in silent if (each.mailbox, each.digest) not in refused]
    lost = [Lost(sent=each, message_id=None) for each in silent if not each.is_decided]
    missing = [
        Missing(
            what=f"submission {each.submission_id} of {each.mailbox}",
            why="its sender says that it was decided, and handed in no receipt",
            needs=(each.mailbox,),
        )
        for each in silent
        if each.is_decided
    ]
    return lost, missing


def _advanced(evidence: Evidence, about_known: Sequence[Held], known: Known) -> Iterable[Advanced]:
    facts = facts_of(about_known, [each for each in evidence.received if _is_news(each, known)])
    receipts: dict[DeliveryId, list[Held]] = defaultdict(list)
    for held in about_known:
        for subject in held.receipt.subjects:
            if subject.delivery_id is not None:
                receipts[subject.delivery_id].append(held)
    for held in evidence.held:  # a sheet that arrived, though the database still means to send it
        delivery = known.deliveries.get(held.sheet.delivery_id)
        if delivery is not None and delivery.state is DeliveryState.WAITING:
            arrived = Fact(at=held.sheet.at, event=None, attempt=delivery.attempt)
            facts.setdefault(held.sheet.delivery_id, (arrived,))
    for delivery_id in facts:
        if delivery_id in known.deliveries:
            yield Advanced(
                delivery_id=delivery_id, facts=facts[delivery_id], receipts=tuple(receipts[delivery_id])
            )


def _is_news(received: Received, known: Known) -> bool:
    """Whether the database would still send what was received, or waits for what was given back."""
    delivery = known.deliveries.get(received.delivery_id)
    if delivery is None or received.attempt < delivery.attempt:
        return False
    return delivery.state is DeliveryState.WAITING or (
        delivery.state is DeliveryState.CONSIGNED and received.is_rejected
    )


def _lanes(evidence: Evidence, without_bytes: Sequence[Receipt]) -> dict[LaneName, int]:
    """Return the highest number seen on each lane; of a document without bytes both lanes may be meant."""
    highest: dict[LaneName, int] = defaultdict(int)
    for each in evidence.received:
        lane = (each.sender, each.recipient, each.is_urgent)
        highest[lane] = max(highest[lane], each.lane_number)
    for receipt in without_bytes:
        for subject in receipt.subjects:
            for is_urgent in (False, True):
                lane = (receipt.sender or AgencyKey(""), subject.recipient, is_urgent)
                highest[lane] = max(highest[lane], subject.lane_number or 0)
    return {lane: number for lane, number in highest.items() if number > 0}
