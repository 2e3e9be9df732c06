"""A campaign as the checker gets it, and how one is spoilt."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Final, TypeAlias, TypeVar

from hub.message.identifiers import DeliveryId
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_sight import SeenDelivery, SeenMessage, Sight
from tests.chaos.laws.violation import Law
from tests.chaos.ledger import (
    Answered,
    Effected,
    Entry,
    GaveBack,
    Offered,
    ReceiptArrived,
)

E = TypeVar("E")
T = TypeVar("T")


OfRecipient: TypeAlias = Effected | Offered | Answered | GaveBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A campaign as the checker gets it."""

    entries: tuple[Entry, ...]
    sight: Sight

    def all(self, kind: type[E]) -> list[E]:
        """Return the entries of one kind."""
        return [each for each in self.entries if isinstance(each, kind)]

    def receipts(self, *events: ReceiptEvent) -> list[ReceiptArrived]:
        """Return the receipts of *events*."""
        return [each for each in self.all(ReceiptArrived) if each.event in events]

    def without(self, *gone: Entry) -> "Case":
        """Leave entries out."""
        return replace(self, entries=tuple(each for each in self.entries if each not in gone))

    def plus(self, *more: Entry) -> "Case":
        """Add entries."""
        return replace(self, entries=(*self.entries, *more))

    def instead(self, old: Entry, new: Entry) -> "Case":
        """Change an entry."""
        return self.without(old).plus(new)

    def seeing(self, delivery: SeenDelivery) -> "Case":
        """Change what operators see of a delivery."""
        return replace(
            self,
            sight=replace(self.sight, deliveries={**self.sight.deliveries, delivery.delivery_id: delivery}),
        )

    def reading(self, message: SeenMessage) -> "Case":
        """Change what operators see of a message."""
        return replace(
            self, sight=replace(self.sight, messages={**self.sight.messages, message.message_id: message})
        )

    def untroubled(self) -> list[Effected]:
        """Return effects of deliveries about which no failure was ever signed."""
        failed = {
            subject.delivery_id
            for receipt in self.receipts(ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
            for subject in receipt.subjects
        }
        return [each for each in self.all(Effected) if each.delivery_id not in failed]

    def of(self, delivery_id: DeliveryId | None, *kinds: type[OfRecipient]) -> list[OfRecipient]:
        """Return what the recipient wrote about a delivery."""
        written = [each for each in self.entries if isinstance(each, OfRecipient) and isinstance(each, kinds)]
        return [each for each in written if each.delivery_id == delivery_id]


class Unfit(Exception):
    """The campaign has nothing that could be spoilt in this way."""


Mutate: TypeAlias = Callable[[Case, Random], Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One way to spoil a campaign."""

    name: str
    law: Law
    mutate: Mutate


ENTERED: Final[list[Mutation]] = []


def breaks(law: Law) -> Callable[[Mutate], Mutate]:
    """Enter a function that breaks *law*."""

    def enter(mutate: Mutate) -> Mutate:
        ENTERED.append(Mutation(name=mutate.__name__.strip("_"), law=law, mutate=mutate))
        return mutate

    return enter


def any_of(random: Random, candidates: Iterable[T]) -> T:
    """Return one of *candidates*; raises `Unfit` where there is none."""
    found = list(candidates)
    if not found:
        raise Unfit
    return random.choice(found)
