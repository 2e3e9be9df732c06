"""Law: every receipt is true, by what senders and recipients themselves wrote down."""

from collections.abc import Iterator

from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.chaos.checker_history import History, Statement, grouped, repeated
from tests.chaos.laws.nothing_lost import beyond_the_queues, missing
from tests.chaos.laws.violation import Law, Violation
from tests.chaos.ledger import Effected, ReceiptArrived

_E = ReceiptEvent
_SURE = frozenset({FailureKind.NOT_DELIVERED, FailureKind.EXPIRED, FailureKind.DISCARDED})
"""Failures that say the recipient does not have it; `unknown` does not."""


def true_receipts(history: History) -> Iterator[Violation]:
    """Find receipts that say what did not happen, or that cannot both be true."""
    for receipt in history.forged:
        yield _untrue(receipt, "says something else than an earlier receipt of the same id")
    for receipt in history.receipts.values():
        for what in (*_of_nobody(history, receipt), *_unheld(history, receipt)):
            yield _untrue(receipt, what)
    yield from _decisions(history)
    yield from _consignments(history)
    yield from _handovers(history)
    yield from _failures(history)
    yield from _repetitions(history)
    yield from _statuses(history)


def _of_nobody(history: History, receipt: ReceiptArrived) -> Iterator[str]:
    submitted = history.submission_of(receipt)
    if submitted is None:
        yield "is about something that nobody submitted"
        return
    if receipt.event is _E.SUBMISSION_REJECTION:
        return
    for subject in receipt.subjects:
        if subject.recipient not in submitted.recipients:
            yield f"names {subject.recipient}, to whom it was not sent"
        elif subject.delivery_id is not None and subject.delivery_id not in history.accepted:
            yield f"names the delivery {subject.delivery_id}, which no acceptance promised"


def _unheld(history: History, receipt: ReceiptArrived) -> Iterator[str]:
    """Compare with what the hub itself holds: a receipt that left before its commit is not there."""
    sight = history.sight
    if receipt.receipt_id not in sight.receipts:
        yield "is not among the receipts that the hub holds"
    message = sight.messages.get(receipt.message_id)
    wanted = "refused" if receipt.event is _E.SUBMISSION_REJECTION else "accepted"
    if message is None:
        yield f"is about the message {receipt.message_id}, which the hub does not hold"
    elif message.verdict != wanted or message.digest != receipt.digest:
        yield f"is about a message that the hub holds as {message.verdict}, SHA-256 {message.digest[:16]}…"
    for subject in receipt.subjects:
        seen = None if subject.delivery_id is None else sight.deliveries.get(subject.delivery_id)
        if subject.delivery_id is not None and (seen is None or seen.recipient != subject.recipient):
            yield f"names {subject.delivery_id} to {subject.recipient}, which the hub does not hold"


def _decisions(history: History) -> Iterator[Violation]:
    arrived = {each.digest for effects in history.effects.values() for each in effects}
    for digest, decided in history.decisions.items():
        acceptances = [each for each in decided if each.event is _E.SUBMISSION_ACCEPTANCE]
        rejections = [each for each in decided if each.event is _E.SUBMISSION_REJECTION]
        for again in acceptances[1:]:
            yield _untrue(again, f"accepts what {acceptances[0].receipt_id} had accepted")
        for rejection in rejections:
            if acceptances:
                yield _untrue(rejection, f"refuses what {acceptances[0].receipt_id} accepts")
            if digest in arrived:
                yield _untrue(rejection, "refuses what a recipient has")
        submitted = history.submission_of(decided[0])
        if submitted is not None and submitted.is_valid and rejections:
            yield _untrue(rejections[0], f"refuses a valid document ({', '.join(rejections[0].codes)})")
        if submitted is not None and not submitted.is_valid and acceptances:
            yield _untrue(acceptances[0], "accepts an invalid document")


def _consignments(history: History) -> Iterator[Violation]:
    gone = {each.delivery_id for each in beyond_the_queues(history, missing(history))}
    for delivery_id in history.about:
        for receipt, subject in history.said(delivery_id, _E.CONTENT_CONSIGNMENT):
            if delivery_id in gone and not _was_seen(history, delivery_id):
                where = f"lay in the queue of {subject.recipient}, where nobody saw it"
                yield _untrue(receipt, f"says that delivery {delivery_id} {where}", delivery_id)
            if receipt.episode > 1 and receipt.supersedes is None:
                yield _untrue(receipt, "follows a replay and supersedes no failure", delivery_id)


def _was_seen(history: History, delivery_id: DeliveryId) -> bool:
    return any(
        history_of.get(delivery_id) for history_of in (history.offers, history.given_back, history.answers)
    )


def _handovers(history: History) -> Iterator[Violation]:
    for delivery_id in history.about:
        handovers = history.said(delivery_id, _E.CONTENT_HANDOVER)
        failures = history.said(delivery_id, _E.CONTENT_CONSIGNMENT_FAILURE)
        for receipt, subject in handovers:
            if not history.was_answered(delivery_id, StatusCode.ARRIVED, StatusCode.ACCEPTED):
                what = f"says that {subject.recipient} has delivery {delivery_id}, which it never said"
                yield _untrue(receipt, what, delivery_id)
            if failures and not any(receipt.supersedes == failure.receipt_id for failure, _ in failures):
                what = f"contradicts the failure {failures[-1][0].receipt_id} and does not supersede it"
                yield _untrue(receipt, what, delivery_id)


def _failures(history: History) -> Iterator[Violation]:
    for delivery_id, statements in history.about.items():
        superseded = {receipt.supersedes for receipt, _ in statements}
        for failure, subject in history.said(delivery_id, _E.CONTENT_CONSIGNMENT_FAILURE):
            if failure.failure not in _SURE or failure.receipt_id in superseded:
                continue
            if (effect := _had_before(history, failure, delivery_id)) is not None:
                had = f"of which {subject.recipient} had an effect at {effect.at:%H:%M:%S.%f}"
                yield _untrue(
                    failure, f"says {failure.failure} of delivery {delivery_id}, {had}", delivery_id
                )


def _had_before(history: History, failure: ReceiptArrived, delivery_id: DeliveryId) -> Effected | None:
    """Return an effect before *failure*, unless it is one outside the journal that was then given back."""
    for effect in history.effects.get(delivery_id, []):
        returned = history.given_back.get(delivery_id, [])
        is_withdrawn = effect.handler == "idempotent" and any(each.at >= effect.at for each in returned)
        if effect.at < failure.issued_at and not is_withdrawn:
            return effect
    return None


def _repetitions(history: History) -> Iterator[Violation]:
    """Find a second receipt for one delivery, event and episode."""
    statements: list[tuple[tuple[DeliveryId, ReceiptEvent, int], Statement]] = [
        ((delivery_id, each[0].event, each[0].episode), each)
        for delivery_id, said in history.about.items()
        for each in said
    ]
    for (delivery_id, event, episode), said in repeated(grouped(statements)):
        what = f"is the second {event} of delivery {delivery_id} in episode {episode}"
        yield _untrue(said[1][0], f"{what}, after {said[0][0].receipt_id}", delivery_id)


def _statuses(history: History) -> Iterator[Violation]:
    """Find statuses that reached a sender and that nobody gave: the hub may pass on, not make up."""
    given = {
        (acceptance.recipient, acceptance.submitted.document_id, each.code)
        for delivery_id, acceptance in history.accepted.items()
        if acceptance.submitted is not None
        for each in history.answers.get(delivery_id, [])
    }
    for status in history.statuses:
        if (status.reported_by, status.document_id, status.code) not in given:
            yield Violation(
                law=Law.TRUE_RECEIPTS,
                what=f"the status {status.code} of {status.reported_by} about {status.document_id} was given"
                " by nobody",
                delivery_id=status.delivery_id,
            )


def _untrue(receipt: ReceiptArrived, what: str, delivery_id: DeliveryId | None = None) -> Violation:
    return Violation(
        law=Law.TRUE_RECEIPTS,
        what=f"the {receipt.event} {receipt.receipt_id} {what}",
        submission_id=receipt.submission_id,
        delivery_id=delivery_id,
        receipt_id=receipt.receipt_id,
    )
