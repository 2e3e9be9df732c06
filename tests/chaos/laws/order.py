"""Law: what a sender sends to one unit on one lane takes effect in the order of its acceptance.

Exempt are, as the journey says, retries and replays (an attempt above 1), and what a queue at its limit
turned away. What the broker has handed out before and nobody settled may come later in two cases, and no
other: where several consumers share a mailbox and one of them stopped, or anything else was disturbed, and
where the network forgot a single one's connection while the broker still believed in it. The broker says so
of each such delivery, and what comes for the first time is excused by nothing: an order that the hub broke is
seen in the midst of all that.
"""

from collections.abc import Iterator, Sequence

from hub.message.identifiers import MailboxName
from tests.chaos.checker_history import History, grouped
from tests.chaos.laws.violation import Law, Violation
from tests.chaos.ledger import Disturbed, Effected, Started


def order(history: History) -> Iterator[Violation]:
    """Find first effects that came after one with a higher lane number."""
    disturbed = [each for each in history.unrest if isinstance(each, Disturbed)]
    limited = {each.target for each in disturbed if each.what == "limited"}
    firsts = (effects[0] for effects in history.effects.values())
    lanes = grouped(((each.sender, each.recipient, each.lane), each) for each in firsts if each.attempt == 1)
    for lane, effects in lanes.items():
        if history.mailbox_of(effects[0].delivery_id) in limited:
            continue
        consumers = grouped((each.consumer, each) for each in effects)
        is_shared = len(consumers) > 1 or _is_shared(history, effects[0])
        for of_one in consumers.values():
            for overtaken, ahead in _overtaken(of_one):
                if not _is_excused(history, overtaken, is_shared=is_shared):
                    yield _violation(lane, overtaken, ahead)


def _overtaken(effects: Sequence[Effected]) -> Iterator[tuple[Effected, Effected]]:
    """Yield each effect that has a higher number before it, with the highest such."""
    ahead: Effected | None = None
    for each in sorted(effects, key=lambda effect: effect.ordinal):
        if ahead is not None and each.lane_number < ahead.lane_number:
            yield each, ahead
        else:
            ahead = each


def _is_shared(history: History, effect: Effected) -> bool:
    mailbox: MailboxName | None = history.mailbox_of(effect.delivery_id)
    started = (each for each in history.unrest if isinstance(each, Started))
    return len({each.consumer for each in started if each.mailbox == mailbox}) > 1


def _is_excused(history: History, overtaken: Effected, *, is_shared: bool) -> bool:
    """Whether it had gone to somebody before who could not take it."""
    if not overtaken.is_redelivered:
        return False
    if is_shared and _may_have_been_given_on(history, overtaken):
        return True
    return _was_sent_to_nobody(history, overtaken)


def _may_have_been_given_on(history: History, effect: Effected) -> bool:
    """Whether anything happened, since it was accepted, that makes one consumer's share another's."""
    acceptance = history.accepted.get(effect.delivery_id)
    since = acceptance.receipt.issued_at if acceptance is not None else None
    return any((since is None or since <= each.at) and each.at <= effect.at for each in history.unrest)


def _was_sent_to_nobody(history: History, effect: Effected) -> bool:
    """Whether the consumer's connection was a forgotten one between the acceptance and the effect."""
    acceptance = history.accepted.get(effect.delivery_id)
    since = acceptance.receipt.issued_at if acceptance is not None else effect.at
    own = [
        each
        for each in history.unrest
        if isinstance(each, Disturbed) and each.target.startswith(f"{effect.consumer}>")
    ]
    ends = [each.at for each in own if each.what == "end of forget client"]
    for begin in (each.at for each in own if each.what == "forget client"):
        end = min((at for at in ends if at > begin), default=effect.at)
        if begin <= effect.at and end >= since:
            return True
    return False


def _violation(lane: tuple[str, str, str], overtaken: Effected, ahead: Effected) -> Violation:
    sender, recipient, name = lane
    return Violation(
        law=Law.ORDER,
        what=f"number {overtaken.lane_number} of the {name} lane from {sender} to {recipient} took effect"
        f" after number {ahead.lane_number} ({ahead.delivery_id})",
        delivery_id=overtaken.delivery_id,
    )
