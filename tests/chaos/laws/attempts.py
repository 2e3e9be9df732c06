"""Law: an outage counts as no attempt; only what a mailbox itself did uses one up."""

from collections.abc import Iterator

from tests.chaos.checker_history import History
from tests.chaos.checker_sight import SeenDelivery, SeenEvent
from tests.chaos.laws.violation import Law, Violation
from tests.chaos.ledger import Disturbed

_FREE = frozenset({"delivery_limit", "expired"})
"""The broker itself counts how often a consumer dropped it, and how long it lay there."""


def outage_is_no_attempt(history: History) -> Iterator[Violation]:
    """Find attempts that were used up though no mailbox rejected, crashed on or would not take anything."""
    disturbed = [each for each in history.unrest if isinstance(each, Disturbed)]
    unrouted = {each.target for each in disturbed if each.what == "unrouted"}
    for delivery in history.sight.deliveries.values():
        for event in delivery.events:
            if event.name == "delivery.returned" and not _is_of_mailbox(history, delivery, event, unrouted):
                yield Violation(
                    law=Law.OUTAGE_IS_NO_ATTEMPT,
                    what=f"attempt {event.detail.get('attempt')} at delivery {delivery.delivery_id} to"
                    f" {delivery.recipient} was used up ({event.detail.get('reason')}), and the mailbox did"
                    " nothing of that kind",
                    delivery_id=delivery.delivery_id,
                )


def _is_of_mailbox(history: History, delivery: SeenDelivery, event: SeenEvent, unrouted: set[str]) -> bool:
    reason, attempt = event.detail.get("reason"), event.detail.get("attempt")
    if reason == "rejected" and delivery.kind == "document":
        given_back = (each.attempt for each in history.given_back.get(delivery.delivery_id, []))
        offered = (each.attempt for each in history.offers.get(delivery.delivery_id, []))
        return attempt in {*given_back, *offered}
    return (
        reason in _FREE or reason == "rejected" or (reason == "unroutable" and delivery.mailbox in unrouted)
    )
