"""The story of a violation: every line of every ledger about it, in the order of time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from hub.message.identifiers import DeliveryId
from tests.chaos.checker_history import History
from tests.chaos.laws.violation import Violation
from tests.chaos.ledger import Disturbed, ReceiptArrived, Submitted

_Line: TypeAlias = tuple[datetime, str]
_UNREST: Final = 12
"""Disturbances that a story tells of at most."""
_AROUND: Final = timedelta(seconds=5)


def story_of(history: History, violation: Violation) -> tuple[str, ...]:
    """Return all that is known about what *violation* names, by time; then the trail of its deliveries."""
    deliveries = _deliveries(history, violation)
    submissions = _submissions(history, violation, deliveries)
    lines = {
        *(line for each in submissions for line in _of_submission(history, each)),
        *(line for each in deliveries for line in _of_delivery(history, each)),
        *_of_receipts(history, violation, deliveries, submissions),
    }
    told = sorted(lines | set(_unrest(history, lines)))
    trail = (line for each in deliveries for line in _trail(history, each))
    story = (*(f"{at:%H:%M:%S.%f} {what}" for at, what in told), *trail)
    return story or ("no ledger speaks of it",)


def _deliveries(history: History, violation: Violation) -> list[DeliveryId]:
    if violation.delivery_id is not None:
        return [violation.delivery_id]
    return [
        each.delivery_id
        for each in history.accepted.values()
        if each.receipt.submission_id == violation.submission_id
    ]


def _submissions(history: History, violation: Violation, deliveries: Sequence[DeliveryId]) -> list[Submitted]:
    named = history.submitted.get(violation.submission_id, []) if violation.submission_id is not None else []
    accepted = [history.accepted[each].submitted for each in deliveries if each in history.accepted]
    found = [*named, *(each for each in accepted if each is not None)]
    return list(dict.fromkeys(found))


def _of_submission(history: History, submitted: Submitted) -> Iterator[_Line]:
    kind = "valid" if submitted.is_valid else "invalid"
    name = f"{submitted.submission_id} ({kind}, {submitted.document_id}, SHA-256 {submitted.digest[:16]}…)"
    yield submitted.at, f"{submitted.sender} submits {name} to {', '.join(submitted.recipients)}"
    if (confirmed := history.confirmed.get(submitted.submission_id)) is not None:
        yield confirmed.at, f"the broker has confirmed {submitted.submission_id}"


def _of_delivery(history: History, delivery_id: DeliveryId) -> Iterator[_Line]:
    for offer in history.offers.get(delivery_id, []):
        yield offer.at, f"{offer.consumer} is offered {delivery_id}, attempt {offer.attempt}"
    for effect in history.effects.get(delivery_id, []):
        again = ", redelivered" if effect.is_redelivered else ""
        place = f"attempt {effect.attempt}, {effect.lane} lane number {effect.lane_number}{again}"
        what = f"{effect.consumer}: effect {effect.ordinal} with {effect.recipient} of {delivery_id}, {place}"
        yield effect.at, what
    for answer in history.answers.get(delivery_id, []):
        yield answer.at, f"{answer.recipient} answers {delivery_id} with {answer.code}"
    for back in history.given_back.get(delivery_id, []):
        yield back.at, f"{back.recipient} gives {delivery_id} back on attempt {back.attempt} ({back.how})"


def _of_receipts(
    history: History, violation: Violation, deliveries: Sequence[DeliveryId], submissions: Sequence[Submitted]
) -> Iterator[_Line]:
    digests = {each.digest for each in submissions}
    for receipt in (*history.receipts.values(), *history.forged):
        named = {each.delivery_id for each in receipt.subjects} - {None}
        is_of_all = receipt.digest in digests and not (named and deliveries)
        if receipt.receipt_id == violation.receipt_id or named & set(deliveries) or is_of_all:
            yield receipt.issued_at, _told(receipt)


def _told(receipt: ReceiptArrived) -> str:
    parts = [
        f"the hub signs {receipt.event} {receipt.receipt_id} about {receipt.submission_id}",
        f"episode {receipt.episode}",
        *([receipt.failure.value] if receipt.failure is not None else []),
        *receipt.codes,
        *([f"supersedes {receipt.supersedes}"] if receipt.supersedes is not None else []),
    ]
    return ", ".join(parts)


def _unrest(history: History, lines: set[_Line]) -> Iterator[_Line]:
    """Tell what happened to the machinery meanwhile, the last of it."""
    if not lines:
        return
    first, last = min(at for at, _ in lines) - _AROUND, max(at for at, _ in lines) + _AROUND
    meanwhile = [each for each in history.unrest if first <= each.at <= last]
    for each in meanwhile[-_UNREST:]:
        if isinstance(each, Disturbed):
            yield each.at, f"nemesis: {each.what} {each.target}"
        else:
            yield each.at, f"{each.consumer} begins to consume from {each.mailbox}"


def _trail(history: History, delivery_id: DeliveryId) -> Iterator[str]:
    seen = history.sight.deliveries.get(delivery_id)
    if seen is None:
        yield f"operators see nothing of delivery {delivery_id}"
        return
    yield f"operators see {delivery_id}: {seen.state}, attempt {seen.attempt}, episode {seen.episode}"
    for event in seen.events:
        yield f"    {event.name} {dict(event.detail)}"
