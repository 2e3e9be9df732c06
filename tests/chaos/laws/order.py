"""Law: what a sender sends to one unit on one lane takes effect in the order of its acceptance.

Exempt are, as the journey says, retries and replays (an attempt above 1), and what a queue at its limit
turned away. What somebody holds who cannot take it comes later in two cases, and no other: where several
consumers share a mailbox and one of them stopped, or anything else was disturbed, and where the network
forgot a single one's connection while the broker still believed in it. Then it comes either from the broker,
which says that it had handed it out before, or from a hub that does not know whether it had published it: no
other delivery is excused, so that an order which the hub broke is seen in the midst of all that.
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
    """Whether somebody may have held it who could not take it, and it came again."""
    is_shared_out = is_shared and _may_have_been_given_on(history, overtaken)
    if not is_shared_out and not _was_sent_to_nobody(history, overtaken):
        return False
    return overtaken.is_redelivered or _may_have_been_published_again(history, overtaken)


def _may_have_been_given_on(history: History, effect: Effected) -> bool:
    """Whether anything happened, since it was accepted, that makes one consumer's share another's."""
    return any(_since_acceptance(history, effect))


def _may_have_been_published_again(history: History, effect: Effected) -> bool:
    """Whether a hub, its server or the line between them failed since it was accepted."""
    return any(
        each.target in {"broker", "database"} or each.target.startswith("hub")
        for each in _since_acceptance(history, effect)
        if isinstance(each, Disturbed)
    )


def _since_acceptance(history: History, effect: Effected) -> Iterator[Disturbed | Started]:
    acceptance = history.accepted.get(effect.delivery_id)
    since = acceptance.receipt.issued_at if acceptance is not None else None
    return (each for each in history.unrest if (since is None or since <= each.at) and each.at <= effect.at)


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
