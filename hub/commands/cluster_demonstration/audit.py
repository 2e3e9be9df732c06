"""What the agencies' own journals and signed receipts say in the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from hub.commands.cluster_demonstration.correspondent import Correspondent, Effect
from hub.message.identifiers import DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """How many documents there were, and what became of them."""

    sent: int
    accepted: int
    refused: int
    undecided: int
    owed: int
    """Deliveries of accepted documents: one for each recipient."""
    delivered: int
    lost: int
    double_effects: int
    order_violations: int
    handed_over: int
    """Deliveries for which the sender has the signed ContentHandover."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way any more."""
        return self.undecided == 0 and self.lost == 0 and self.handed_over >= self.owed

    @classmethod
    async def of(cls, correspondents: Sequence[Correspondent], recipients: Mapping[str, int]) -> Self:
        """Count; *recipients* says how many each sender, by its code, writes to."""
        effects = [each for one in correspondents for each in await one.effects()]
        accepted = {
            document: recipients[one.agency.code]
            for one in correspondents
            for submission, document in one.sent.items()
            if submission in one.accepted
        }
        done = _done(effects, accepted)
        return cls(
            sent=sum(len(each.sent) for each in correspondents),
            accepted=len(accepted),
            refused=sum(len(each.refused & each.sent.keys()) for each in correspondents),
            undecided=sum(len(each.sent.keys() - each.accepted - each.refused) for each in correspondents),
            owed=sum(accepted.values()),
            delivered=len(done),
            lost=sum(accepted.values()) - len(done),
            double_effects=sum(count - 1 for count in done.values()),
            order_violations=_out_of_order(effects),
            handed_over=sum(len(each.handed_over) for each in correspondents),
        )


def _done(effects: Sequence[Effect], accepted: Mapping[DocumentId, int]) -> Counter[tuple[str, str]]:
    """Count the effects of each accepted document at each recipient."""
    return Counter(
        (each.document_id, each.recipient) for each in effects if DocumentId(each.document_id) in accepted
    )


def _out_of_order(effects: Sequence[Effect]) -> int:
    """Count what came after a later number of its lane without the broker's word that it comes again.

    A node that comes back takes the consumers it had for alive, hands them what is next, and has it back when
    it finds them gone: such documents come late, and marked.
    """
    highest: Counter[tuple[str, str, str]] = Counter()
    violations = 0
    for each in effects:
        lane = (each.sender, each.recipient, each.lane)
        violations += each.lane_number <= highest[lane] and not each.is_redelivered
        highest[lane] = max(highest[lane], each.lane_number)
    return violations
