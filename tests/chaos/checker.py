"""The judge of a failure campaign: decides every law from ledgers, receipts and what operators see.

    verdict = judge(entries, sight)
    print(*verdict.told(), sep="; ")

It starts nothing, asks nothing and knows nothing of the hub but its published words: receipts, statuses, the
names of events, the table of transitions and how the audit log is chained.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_history import History
from tests.chaos.checker_sight import Sight
from tests.chaos.checker_story import story_of
from tests.chaos.laws.attempts import outage_is_no_attempt
from tests.chaos.laws.nothing_lost import nothing_lost
from tests.chaos.laws.one_effect import one_effect, same_bytes
from tests.chaos.laws.order import order
from tests.chaos.laws.sealed_log import sealed_log
from tests.chaos.laws.true_receipts import true_receipts
from tests.chaos.laws.violation import Law, Violation
from tests.chaos.laws.visible_end import visible_end
from tests.chaos.laws.whole_trail import whole_trail
from tests.chaos.ledger import Entry

Judge: TypeAlias = Callable[[History], Iterator[Violation]]

JUDGES: Final[Mapping[Law, Judge]] = {
    Law.NOTHING_LOST: nothing_lost,
    Law.ONE_EFFECT: one_effect,
    Law.SAME_BYTES: same_bytes,
    Law.VISIBLE_END: visible_end,
    Law.TRUE_RECEIPTS: true_receipts,
    Law.ORDER: order,
    Law.WHOLE_TRAIL: whole_trail,
    Law.OUTAGE_IS_NO_ATTEMPT: outage_is_no_attempt,
    Law.SEALED_LOG: sealed_log,
}
_STORIES: Final = 20
"""Violations of each law that are told with their story; the others are counted and named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a campaign."""

    submitted: int
    confirmed: int
    accepted: int
    refused: int
    deliveries: int
    """What the hub promised to deliver, with its signature."""
    delivered: int
    """Of these, what had an effect."""
    receipts: int
    sealed: int
    """Events in the chain of the audit log."""
    violations: tuple[Violation, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every law held."""
        return not self.violations

    @property
    def broken(self) -> frozenset[Law]:
        """The laws that did not hold."""
        return frozenset(each.law for each in self.violations)

    def of(self, law: Law) -> tuple[Violation, ...]:
        """Return the violations of *law*."""
        return tuple(each for each in self.violations if each.law is law)

    def counts(self) -> dict[str, int]:
        """Return every figure by the name that it has in `build/chaos.json`."""
        figures = {
            "submitted": self.submitted,
            "confirmed": self.confirmed,
            "accepted": self.accepted,
            "refused": self.refused,
            "deliveries": self.deliveries,
            "delivered": self.delivered,
            "receipts": self.receipts,
            "sealed": self.sealed,
        }
        return figures | {law.value: len(self.of(law)) for law in Law}

    def told(self) -> Iterator[str]:
        """Yield each violation as a sentence, with its story indented below it."""
        for each in self.violations:
            yield f"[{each.law}] {each.what}"
            yield from (f"    {line}" for line in each.story)


def judge(entries: Iterable[Entry], sight: Sight) -> Verdict:
    """Decide every law for a campaign that has come to rest."""
    history = History.of(entries, sight)
    return Verdict(
        submitted=sum(map(len, history.submitted.values())),
        confirmed=len(history.confirmed),
        accepted=_decided(history, ReceiptEvent.SUBMISSION_ACCEPTANCE),
        refused=_decided(history, ReceiptEvent.SUBMISSION_REJECTION),
        deliveries=len(history.accepted),
        delivered=sum(history.has_effect(each) for each in history.accepted),
        receipts=len(history.receipts),
        sealed=len(sight.log.seals),
        violations=tuple(_violations(history)),
    )


def _violations(history: History) -> Iterator[Violation]:
    for find in JUDGES.values():
        for number, violation in enumerate(find(history)):
            story = story_of(history, violation) if number < _STORIES else ()
            yield replace(violation, story=story)


def _decided(history: History, event: ReceiptEvent) -> int:
    return len({each.digest for each in history.receipts.values() if each.event is event})
