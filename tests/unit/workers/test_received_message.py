from datetime import UTC, datetime

from hub.ports import Inbound
from hub.workers.intake import received_message

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def inbound(*, correlation_id: str | None = None, message_id: str | None = None) -> Inbound:
    return Inbound(
        tag=1,
        body=b"<edXML/>",
        user_id="G22",
        message_id=message_id,
        correlation_id=correlation_id,
        routing_key="G22",
        headers={},
        kind=None,
        sent_at=None,
        is_redelivered=False,
    )


def test_ids_that_the_database_cannot_hold_are_written_so_that_it_can() -> None:
    received = received_message(inbound(correlation_id="a\x00b", message_id="\x00"), NOW)

    assert (received.submission_id, received.transport_id) == ("a\x1ab", "\x1a")


def test_a_submission_without_an_id_is_known_by_its_digest() -> None:
    received = received_message(inbound(), NOW)

    assert received.submission_id == received.digest.hex()
