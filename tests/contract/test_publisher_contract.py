"""What the lines may expect of a publisher, of the twin as of the real one."""

import asyncio

from hub.message.outbox import PublishResult
from hub.message.properties import queue_of
from hub.ports import Inbound
from tests.support.broker import FULL_AT, FULL_MAILBOX, MAILBOXES, BrokerUnderTest
from tests.support.entries import an_entry

QUEUE = queue_of(MAILBOXES[0])


async def arrived(broker: BrokerUnderTest, count: int) -> list[Inbound]:
    """Take *count* messages out of the mailbox."""
    consumer = broker.consumer(QUEUE)
    taken: list[Inbound] = []
    async with asyncio.timeout(15):
        async for batch in consumer.batches():
            taken += batch
            await consumer.settle(batch)
            if len(taken) >= count:
                await consumer.pause()
    return taken


async def test_a_confirmed_entry_is_in_the_mailbox_as_it_was(broker: BrokerUnderTest) -> None:
    entry = an_entry(body="<văn bản/>".encode())

    assert await broker.publisher().publish(entry) is PublishResult.CONFIRMED

    (inbound,) = await arrived(broker, 1)
    assert inbound.body == entry.body
    assert inbound.correlation_id == entry.correlation_id
    assert inbound.kind == "document"
    assert inbound.user_id == "hub"
    assert inbound.routing_key == entry.mailbox
    assert inbound.sent_at is not None


async def test_headers_tell_the_delivery_its_lane_and_its_trace(broker: BrokerUnderTest) -> None:
    entry = an_entry(number=7)

    await broker.publisher().publish(entry)

    headers = (await arrived(broker, 1))[0].headers
    assert headers["traceparent"] == f"00-{entry.message_id.hex}-{str(headers.pop('traceparent'))[36:52]}-01"
    assert headers == {
        "x-delivery-id": str(entry.delivery_id),
        "x-attempt": 1,
        "x-lane": "ordinary",
        "x-lane-number": 7,
        "x-sender": "H37",
        "x-recipient": "H49.02",
        "x-message-id": str(entry.message_id),
        "x-document-id": entry.document_id,
    }


async def test_what_an_entry_does_not_have_is_left_out(broker: BrokerUnderTest) -> None:
    await broker.publisher().publish(an_entry(document_id=None, is_urgent=True))

    headers = (await arrived(broker, 1))[0].headers
    assert "x-document-id" not in headers
    assert "x-event" not in headers
    assert headers["x-lane"] == "urgent"


async def test_each_attempt_has_a_message_id_of_its_own(broker: BrokerUnderTest) -> None:
    entry = an_entry()

    await broker.publisher().publish(entry)
    await broker.publisher().publish(entry)

    first, second = await arrived(broker, 2)
    assert first.message_id != second.message_id
    assert first.headers["x-delivery-id"] == second.headers["x-delivery-id"]


async def test_a_mailbox_without_a_queue_is_unroutable(broker: BrokerUnderTest) -> None:
    assert await broker.publisher().publish(an_entry("H99")) is PublishResult.UNROUTABLE


async def test_a_full_mailbox_says_so(broker: BrokerUnderTest) -> None:
    publisher = broker.publisher()

    results = [await publisher.publish(an_entry(FULL_MAILBOX, number=n)) for n in range(FULL_AT + 3)]

    assert results[:FULL_AT] == [PublishResult.CONFIRMED] * FULL_AT
    assert results[-1] is PublishResult.FULL


async def test_one_bad_mailbox_does_not_hold_the_others(broker: BrokerUnderTest) -> None:
    publisher = broker.publisher()
    mailboxes = ["H49", "H99"] * 50

    results = await asyncio.gather(*(publisher.publish(an_entry(mailbox)) for mailbox in mailboxes))

    assert results == [PublishResult.CONFIRMED, PublishResult.UNROUTABLE] * 50
    assert await broker.waiting(QUEUE) == 50


async def test_entries_published_together_arrive_in_the_order_of_the_calls(broker: BrokerUnderTest) -> None:
    publisher = broker.publisher()
    entries = [an_entry(number=n, body=b"x" * (1 + n * 37 % 20_000)) for n in range(500)]

    results = await asyncio.gather(*(publisher.publish(entry) for entry in entries))

    assert set(results) == {PublishResult.CONFIRMED}
    numbers = [inbound.headers["x-lane-number"] for inbound in await arrived(broker, 500)]
    assert numbers == list(range(500))
