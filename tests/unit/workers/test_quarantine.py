"""What an operator reads about a message that the hub could not process."""

import pytest

from hub.backends.clock import SystemClock
from hub.message.properties import DEAD_LETTER_QUEUE
from hub.ports import Inbound, InvalidMessage
from hub.workers.quarantine import QuarantineWorker


class SettlingConsumer:
    """A consumer of one batch; it remembers what was settled."""

    def __init__(self) -> None:
        self.settled: list[Inbound] = []

    async def settle(self, accepted: list[Inbound]) -> None:
        self.settled += accepted


class Shelf:
    def __init__(self) -> None:
        self.kept: list[InvalidMessage] = []

    async def keep(self, messages: list[InvalidMessage]) -> None:
        self.kept += messages


def _dead(reason: str | None) -> Inbound:
    headers: dict[str, object] = {} if reason is None else {"x-first-death-reason": reason}
    return Inbound(
        tag=1,
        body=b"<edXML/>",
        user_id="G22",
        message_id=None,
        correlation_id=None,
        routing_key="G22",
        headers=headers,
    )


@pytest.mark.parametrize(
    ("death", "says"),
    [
        (None, "the hub failed on it"),
        ("rejected", "the hub failed on it"),
        ("expired", "let it expire"),
        ("delivery_limit", "interrupted again and again"),
    ],
)
async def test_the_reason_is_what_the_broker_says_happened(death: str | None, says: str) -> None:
    consumer, shelf = SettlingConsumer(), Shelf()
    worker = QuarantineWorker(
        queue=DEAD_LETTER_QUEUE,
        reason="the hub failed on it",
        consumer=consumer,
        quarantine=shelf,
        clock=SystemClock(),
    )

    await worker.handle([_dead(death)])

    assert says in shelf.kept[0].reason
    assert consumer.settled
