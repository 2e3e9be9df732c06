"""Law: nothing that was accepted is lost, and whatever the broker confirmed is answered."""

from collections import Counter
from collections.abc import Iterator

from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyKey, DeliveryId, MailboxName, ReceiptId
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_history import Acceptance, History, business_key
from tests.chaos.laws.violation import Law, Violation
from tests.chaos.ledger import ReceiptArrived, Submitted

_ENDED = frozenset({DeliveryState.EXPIRED, DeliveryState.DISCARDED})


def nothing_lost(history: History) -> Iterator[Violation]:
    """Find what was promised and is nowhere."""
    yield from _unanswered(history)
    yield from _uncovered(history)
    yield from _vanished(history)
    yield from _never_had(history)
    yield from _lost_statuses(history)
    yield from _lost_receipts(history)


def missing(history: History) -> list[Acceptance]:
    """Return the accepted deliveries without an effect and without an end that anybody can see."""
    return [
        each
        for delivery_id, each in history.accepted.items()
        if not history.has_effect(delivery_id) and not has_visible_end(history, delivery_id)
    ]


def has_visible_end(history: History, delivery_id: DeliveryId) -> bool:
    """Whether the recipient refused it, a signed failure says so, or an operator sees that it ended."""
    seen = history.sight.deliveries.get(delivery_id)
    return (
        history.was_answered(delivery_id, StatusCode.REFUSED)
        or bool(history.said(delivery_id, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE))
        or (seen is not None and (seen.has_open_case or seen.state in _ENDED))
    )


def beyond_the_queues(history: History, absent: list[Acceptance]) -> list[Acceptance]:
    """Leave out as many of *absent* as still lie in the queues of their mailboxes."""
    room: Counter[MailboxName | None] = Counter()
    room.update(history.sight.in_queue)
    beyond = []
    for each in absent:
        mailbox = history.mailbox_of(each.delivery_id)
        room[mailbox] -= 1
        if room[mailbox] < 0:
            beyond.append(each)
    return beyond


def _unanswered(history: History) -> Iterator[Violation]:
    for submission_id in history.confirmed:
        for each in history.submitted.get(submission_id, []):
            if not _is_answered(history, each):
                yield Violation(
                    law=Law.NOTHING_LOST,
                    what=f"submission {submission_id} was confirmed by the broker and never decided about",
                    submission_id=submission_id,
                )


def _is_answered(history: History, submitted: Submitted) -> bool:
    return (
        bool(history.decisions.get(submitted.digest))
        or submitted.digest in history.sight.quarantined
        or history.sight.in_queue.get(submitted.mailbox, 0) > 0
    )


def _uncovered(history: History) -> Iterator[Violation]:
    for receipt in history.receipts.values():
        submitted = history.submission_of(receipt)
        if submitted is None or receipt.event is not ReceiptEvent.SUBMISSION_ACCEPTANCE:
            continue
        named = {each.recipient for each in receipt.subjects}
        for recipient in sorted(set(submitted.recipients) - named):
            yield Violation(
                law=Law.NOTHING_LOST,
                what=f"the acceptance of {receipt.submission_id} says nothing of its recipient {recipient}",
                submission_id=receipt.submission_id,
                receipt_id=receipt.receipt_id,
            )


def _vanished(history: History) -> Iterator[Violation]:
    for each in beyond_the_queues(history, missing(history)):
        yield Violation(
            law=Law.NOTHING_LOST,
            what=f"delivery {each.delivery_id} to {each.recipient} was accepted, had no effect and no end",
            submission_id=each.receipt.submission_id,
            delivery_id=each.delivery_id,
        )


def _never_had(history: History) -> Iterator[Violation]:
    promised = {history.key_of(each) for each in history.accepted.values()}
    for receipt, submitted, recipient in _said_to_have_had(history):
        if business_key(submitted, recipient) not in promised:
            yield Violation(
                law=Law.NOTHING_LOST,
                what=f"{recipient} is said to have had the content of {receipt.submission_id} before, but no"
                " acceptance ever promised it to them",
                submission_id=receipt.submission_id,
                receipt_id=receipt.receipt_id,
            )


def _said_to_have_had(history: History) -> Iterator[tuple[ReceiptArrived, Submitted, AgencyKey]]:
    for receipt in history.receipts.values():
        submitted = history.submission_of(receipt)
        for subject in receipt.subjects:
            if submitted is not None and subject.already_had_it:
                yield receipt, submitted, subject.recipient


def _lost_statuses(history: History) -> Iterator[Violation]:
    """Find answers that went with an effect and never reached the sender."""
    arrived = {(each.reported_by, each.document_id, each.code) for each in history.statuses}
    for delivery_id, effects in history.effects.items():
        acceptance = history.accepted.get(delivery_id)
        if acceptance is None or acceptance.submitted is None or has_failed(history, delivery_id):
            continue
        if history.sight.in_queue.get(acceptance.receipt.mailbox, 0) > 0:
            continue
        last = max((each.attempt for each in history.answers.get(delivery_id, [])), default=0)
        codes = {each.code for each in history.answers.get(delivery_id, []) if each.attempt == last}
        for code in sorted(codes):
            if (acceptance.recipient, acceptance.submitted.document_id, code) not in arrived:
                yield Violation(
                    law=Law.NOTHING_LOST,
                    what=f"the status {code} with which {effects[0].recipient} answered {delivery_id}"
                    " never reached the sender",
                    submission_id=acceptance.receipt.submission_id,
                    delivery_id=delivery_id,
                )


def has_failed(history: History, delivery_id: DeliveryId) -> bool:
    """Whether the hub ever signed that it stopped trying."""
    return bool(history.said(delivery_id, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE))


def _lost_receipts(history: History) -> Iterator[Violation]:
    """Find what the hub signed for a mailbox that keeps a ledger, and nobody got nor will get."""
    speaking = {each.mailbox for of_id in history.submitted.values() for each in of_id}
    for receipt_id, seen in history.sight.receipts.items():
        message = history.sight.messages.get(seen.message_id)
        excused = seen.mailbox not in speaking or history.sight.in_queue.get(seen.mailbox, 0) > 0
        if not excused and not _is_at_hand(history, receipt_id):
            yield Violation(
                law=Law.NOTHING_LOST,
                what=f"receipt {receipt_id} ({seen.event}) was issued and never arrived at {seen.mailbox}",
                submission_id=message.submission_id if message is not None else None,
                receipt_id=receipt_id,
            )


def _is_at_hand(history: History, receipt_id: ReceiptId) -> bool:
    return receipt_id in history.receipts or receipt_id in history.sight.undelivered_receipts
