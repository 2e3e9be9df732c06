"""What may be expected of the place for messages that cannot be answered, in the twin as in the real one."""

from datetime import UTC, datetime

from hub.message.properties import DEAD_LETTER_QUEUE, INVALID_QUEUE
from hub.ports import InvalidMessage
from tests.support.store import StoreUnderTest


def a_message(
    body: bytes = b"\x00 not XML", *, queue: str = INVALID_QUEUE, claimed_by: str | None = None
) -> InvalidMessage:
    return InvalidMessage(
        queue=queue, body=body, claimed_by=claimed_by, reason="no user", at=datetime.now(UTC)
    )


async def test_an_invalid_message_is_kept_once_and_counted(store: StoreUnderTest) -> None:
    quarantine = store.quarantine()

    await quarantine.keep([a_message(), a_message(), a_message(b"other", claimed_by="G22")])
    await quarantine.keep([a_message()])

    assert sorted(await store.kept()) == [
        (INVALID_QUEUE, b"\x00 not XML", 3),
        (INVALID_QUEUE, b"other", 1),
    ]
    assert await store.open_cases() == {}


async def test_what_the_hub_failed_on_is_one_case(store: StoreUnderTest) -> None:
    quarantine = store.quarantine()

    await quarantine.keep([a_message(queue=DEAD_LETTER_QUEUE), a_message(queue=DEAD_LETTER_QUEUE)])
    await quarantine.keep([a_message(queue=DEAD_LETTER_QUEUE)])

    assert await store.kept() == [(DEAD_LETTER_QUEUE, b"\x00 not XML", 1)]
    assert list((await store.open_cases()).values()) == ["no user"]


async def test_the_same_bytes_in_two_queues_are_kept_twice(store: StoreUnderTest) -> None:
    await store.quarantine().keep([a_message(), a_message(queue=DEAD_LETTER_QUEUE)])

    assert sorted(queue for queue, _, _ in await store.kept()) == [DEAD_LETTER_QUEUE, INVALID_QUEUE]
