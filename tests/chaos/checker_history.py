"""Everything that is known about a campaign, found by what it is about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar, assert_never

from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, DeliveryId, DocumentId, MailboxName, ReceiptId, SubmissionId
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_sight import Sight
from tests.chaos.ledger import (
    Answered,
    Confirmed,
    Disturbed,
    Effected,
    Entry,
    GaveBack,
    Offered,
    ReceiptArrived,
    Started,
    StatusArrived,
    Subject,
    Submitted,
)

K = TypeVar("K")
V = TypeVar("V")
Statement: TypeAlias = tuple[ReceiptArrived, Subject]
"""A receipt and what it says of one delivery."""
BusinessKey: TypeAlias = tuple[AgencyKey, DocumentId, str, AgencyKey]
"""Sender, DocumentId, content and recipient: what may have one effect, under whatever delivery id."""

DECISIONS = frozenset({ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A delivery that the hub has promised with its signature."""

    delivery_id: DeliveryId
    recipient: AgencyKey
    receipt: ReceiptArrived
    submitted: Submitted | None


@dataclass(slots=True, kw_only=True)
class History:
    """The entries of all ledgers, indexed; nothing is judged here."""

    sight: Sight
    submitted: dict[SubmissionId, list[Submitted]] = field(default_factory=lambda: defaultdict(list))
    by_digest: dict[str, list[Submitted]] = field(default_factory=lambda: defaultdict(list))
    confirmed: dict[SubmissionId, Confirmed] = field(default_factory=dict)
    receipts: dict[ReceiptId, ReceiptArrived] = field(default_factory=dict)
    forged: list[ReceiptArrived] = field(default_factory=list)
    """Receipts that say something else under an id that was used before."""
    decisions: dict[str, list[ReceiptArrived]] = field(default_factory=lambda: defaultdict(list))
    """Acceptances and rejections by the digest of what they decide about."""
    about: dict[DeliveryId, list[Statement]] = field(default_factory=lambda: defaultdict(list))
    """What was said of a delivery, in the order of issue."""
    accepted: dict[DeliveryId, Acceptance] = field(default_factory=dict)
    effects: dict[DeliveryId, list[Effected]] = field(default_factory=lambda: defaultdict(list))
    """In their order; the copies of one effect in several ledgers are one."""
    offers: dict[DeliveryId, list[Offered]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[DeliveryId, list[Answered]] = field(default_factory=lambda: defaultdict(list))
    given_back: dict[DeliveryId, list[GaveBack]] = field(default_factory=lambda: defaultdict(list))
    statuses: list[StatusArrived] = field(default_factory=list)
    unrest: list[Disturbed | Started] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterable[Entry], sight: Sight) -> "History":
        """Index *entries*, whose order does not matter."""
        history = cls(sight=sight)
        for entry in sorted(entries, key=lambda each: each.at):
            history._add(entry)
        history._relate()
        return history

    def _add(self, entry: Entry) -> None:
        match entry:
            case Submitted():
                self.submitted[entry.submission_id].append(entry)
                self.by_digest[entry.digest].append(entry)
            case Confirmed():
                self.confirmed.setdefault(entry.submission_id, entry)
            case ReceiptArrived():
                self._add_receipt(entry)
            case StatusArrived():
                self.statuses.append(entry)
            case Disturbed() | Started():
                self.unrest.append(entry)
            case Effected() | Offered() | Answered() | GaveBack():
                self._add_of_recipient(entry)
            case _:
                assert_never(entry)

    def _add_of_recipient(self, entry: Effected | Offered | Answered | GaveBack) -> None:
        match entry:
            case Effected():
                self._add_effect(entry)
            case Offered():
                self.offers[entry.delivery_id].append(entry)
            case Answered():
                self.answers[entry.delivery_id].append(entry)
            case GaveBack():
                self.given_back[entry.delivery_id].append(entry)
            case _:
                assert_never(entry)

    def _add_receipt(self, arrived: ReceiptArrived) -> None:
        first = self.receipts.setdefault(arrived.receipt_id, arrived)
        if replace(arrived, at=first.at) != first:
            self.forged.append(arrived)

    def _add_effect(self, effect: Effected) -> None:
        if effect.ordinal not in {each.ordinal for each in self.effects[effect.delivery_id]}:
            self.effects[effect.delivery_id].append(effect)

    def _relate(self) -> None:
        for effects in self.effects.values():
            effects.sort(key=lambda each: each.ordinal)
        for receipt in sorted(self.receipts.values(), key=lambda each: each.issued_at):
            if receipt.event in DECISIONS:
                self.decisions[receipt.digest].append(receipt)
            for subject in receipt.subjects:
                if subject.delivery_id is not None:
                    self.about[subject.delivery_id].append((receipt, subject))
                    self._accept(receipt, subject, subject.delivery_id)

    def _accept(self, receipt: ReceiptArrived, subject: Subject, delivery_id: DeliveryId) -> None:
        if receipt.event is ReceiptEvent.SUBMISSION_ACCEPTANCE:
            acceptance = Acceptance(
                delivery_id=delivery_id,
                recipient=subject.recipient,
                receipt=receipt,
                submitted=self.submission_of(receipt),
            )
            self.accepted.setdefault(delivery_id, acceptance)

    # ——— what the laws ask ———

    def submission_of(self, receipt: ReceiptArrived) -> Submitted | None:
        """Return what *receipt* is about: the submission of its id and digest, else any of its digest."""
        same = self.by_digest.get(receipt.digest, [])
        named = (each for each in same if each.submission_id == receipt.submission_id)
        return next(named, same[0] if same else None)

    def said(self, delivery_id: DeliveryId, event: ReceiptEvent) -> list[Statement]:
        """Return what receipts of *event* say of a delivery, in the order of issue."""
        return [each for each in self.about.get(delivery_id, []) if each[0].event is event]

    def has_effect(self, delivery_id: DeliveryId) -> bool:
        """Whether its recipient's ledger holds an effect of the delivery."""
        return bool(self.effects.get(delivery_id))

    def was_answered(self, delivery_id: DeliveryId, *codes: StatusCode) -> bool:
        """Whether its recipient set out to answer the delivery with one of *codes*."""
        return any(each.code in codes for each in self.answers.get(delivery_id, []))

    def key_of(self, acceptance: Acceptance) -> BusinessKey | None:
        """Return what may have one effect; None where nobody's ledger knows the submission."""
        if acceptance.submitted is None:
            return None
        return business_key(acceptance.submitted, acceptance.recipient)

    def mailbox_of(self, delivery_id: DeliveryId) -> MailboxName | None:
        """Return whose queue a delivery goes to, where the operators' view knows it."""
        seen = self.sight.deliveries.get(delivery_id)
        return None if seen is None else seen.mailbox


def business_key(submitted: Submitted, recipient: AgencyKey) -> BusinessKey:
    """Return the key of one recipient's part of *submitted*."""
    return (submitted.sender, submitted.document_id, submitted.content or submitted.digest, recipient)


def grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, Sequence[V]]:
    """Return the values of each key, in their order."""
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def repeated(groups: Mapping[K, Sequence[V]]) -> Iterator[tuple[K, Sequence[V]]]:
    """Yield the groups of more than one."""
    return ((key, values) for key, values in groups.items() if len(values) > 1)
