"""Laws: one effect for each delivery and each content; and what arrives is what was signed and promised."""

from collections.abc import Iterator, Sequence

from hub.message.edxml import StatusCode
from hub.message.receipt import ReceiptEvent
from tests.chaos.checker_history import Acceptance, History, grouped, repeated
from tests.chaos.laws.violation import Law, Violation

_GIVEN_BACK = (StatusCode.REFUSED, StatusCode.CHANGE_ACCEPTED)
"""After these answers the same content may be sent to the recipient again."""


def one_effect(history: History) -> Iterator[Violation]:
    """Find second effects: of a delivery, or of the same bytes or content under another delivery id."""
    for delivery_id, effects in repeated(history.effects):
        what = f"delivery {delivery_id} had {len(effects)} effects with {effects[0].recipient}"
        yield Violation(law=Law.ONE_EFFECT, what=what, delivery_id=delivery_id)
    yield from _same_bytes_again(history)
    yield from _same_content_again(history)


def _same_bytes_again(history: History) -> Iterator[Violation]:
    """Find bytes that a recipient had twice: the hub accepts them once, whatever happens to them."""
    first = (effects[0] for effects in history.effects.values())
    of_bytes = grouped(((each.digest, each.recipient), each) for each in first)
    for (digest, recipient), effects in repeated(of_bytes):
        names = ", ".join(str(each.delivery_id) for each in effects)
        yield Violation(
            law=Law.ONE_EFFECT,
            what=f"{recipient} had the bytes {digest[:16]}… {len(effects)} times, in the deliveries {names}",
            delivery_id=effects[-1].delivery_id,
        )


def _same_content_again(history: History) -> Iterator[Violation]:
    with_effect = (each for each in history.accepted.values() if history.has_effect(each.delivery_id))
    for key, deliveries in repeated(grouped((history.key_of(each), each) for each in with_effect)):
        held = _held(history, deliveries)
        if key is not None and len(held) > 1:
            sender, document_id, _, recipient = key
            names = ", ".join(str(each.delivery_id) for each in held)
            yield Violation(
                law=Law.ONE_EFFECT,
                what=f"{recipient} had {document_id} of {sender} {len(held)} times, in {names}",
                delivery_id=held[-1].delivery_id,
                submission_id=held[-1].receipt.submission_id,
            )


def _held(history: History, deliveries: Sequence[Acceptance]) -> list[Acceptance]:
    """Leave out what the recipient gave back, or what the hub had given up, before it was sent again."""
    return [
        each
        for each in deliveries
        if not history.was_answered(each.delivery_id, *_GIVEN_BACK)
        and not history.said(each.delivery_id, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
    ]


def same_bytes(history: History) -> Iterator[Violation]:
    """Find effects of bytes that nobody submitted for that recipient, or that the hub never promised."""
    for delivery_id, effects in history.effects.items():
        first = effects[0]
        origins = [
            each for each in history.by_digest.get(first.digest, []) if first.recipient in each.recipients
        ]
        if not any(each.sender == first.sender for each in origins):
            yield Violation(
                law=Law.SAME_BYTES,
                what=f"{first.recipient} had an effect of {first.digest[:16]}… from {first.sender},"
                " which that sender never submitted for it",
                delivery_id=delivery_id,
            )
        acceptance = history.accepted.get(delivery_id)
        if acceptance is None and delivery_id not in history.sight.deliveries:
            yield Violation(
                law=Law.SAME_BYTES,
                what=f"{first.recipient} had an effect of delivery {delivery_id}, which nobody promised",
                delivery_id=delivery_id,
            )
        if acceptance is not None and acceptance.receipt.digest != first.digest:
            yield Violation(
                law=Law.SAME_BYTES,
                what=f"delivery {delivery_id} was accepted for other bytes than arrived",
                delivery_id=delivery_id,
                receipt_id=acceptance.receipt.receipt_id,
            )
