"""What the workers may expect of a consumer, of the twin as of the real one."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from hub.message.properties import DEAD_LETTER_QUEUE, INTAKE_QUEUE
from hub.ports import BatchLimits, Consumer, Inbound
from tests.support.broker import BrokerUnderTest, until


async def take(consumer: Consumer, count: int) -> list[Sequence[Inbound]]:
    """Take batches until *count* messages are there; nothing is settled."""
    taken: list[Sequence[Inbound]] = []
    async with asyncio.timeout(15):
        async for batch in consumer.batches():
            taken.append(batch)
            if sum(map(len, taken)) >= count:
                break
    return taken


def bodies(batches: list[Sequence[Inbound]]) -> list[bytes]:
    return [inbound.body for batch in batches for inbound in batch]


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


async def test_messages_come_in_order(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(30))

    taken = await take(broker.consumer(INTAKE_QUEUE), 30)

    assert bodies(taken) == numbered(30)


async def test_a_batch_has_no_more_messages_than_allowed(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(30))

    taken = await take(broker.consumer(INTAKE_QUEUE, limits=BatchLimits(count=8)), 30)

    assert max(map(len, taken)) == 8


async def test_a_batch_has_no_more_octets_than_allowed(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, [b"x" * 1000] * 10 + [b"y" * 9000])

    taken = await take(broker.consumer(INTAKE_QUEUE, limits=BatchLimits(octets=3500)), 11)

    sizes = [sum(len(inbound.body) for inbound in batch) for batch in taken]
    assert max(sizes[:-1]) <= 3500
    assert sizes[-1] == 9000


async def test_what_arrives_together_is_one_batch(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(20))
    consumer = broker.consumer(INTAKE_QUEUE, limits=BatchLimits(count=20, linger=timedelta(seconds=5)))

    assert len(await take(consumer, 20)) == 1


async def test_no_more_is_held_than_the_prefetch(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(30))

    await take(broker.consumer(INTAKE_QUEUE, prefetch=10), 10)

    assert await broker.waiting(INTAKE_QUEUE) == 20


async def test_what_is_settled_does_not_come_again(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(10))
    consumer = broker.consumer(INTAKE_QUEUE)

    for batch in await take(consumer, 10):
        await consumer.settle(batch)
    await settlements_are_read(broker)
    await broker.lose_consumers()
    await broker.put(INTAKE_QUEUE, [b"last"])

    assert bodies(await take(consumer, 1)) == [b"last"]


async def test_what_is_not_settled_comes_again_after_a_lost_connection(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(10))
    consumer = broker.consumer(INTAKE_QUEUE, limits=BatchLimits(count=5, linger=timedelta(seconds=5)))
    first, second = await take(consumer, 10)

    await consumer.settle(first)
    await settlements_are_read(broker)
    await broker.lose_consumers()
    again = await take(consumer, 5)

    assert bodies(again) == [inbound.body for inbound in second]
    assert all(inbound.is_redelivered for batch in again for inbound in batch)


async def settlements_are_read(broker: BrokerUnderTest) -> None:
    """Settling is not answered: give the broker a message round trip to have read it."""
    probe = broker.consumer(DEAD_LETTER_QUEUE)
    await broker.put(DEAD_LETTER_QUEUE, [b"probe"])
    for batch in await take(probe, 1):
        await probe.settle(batch)
    await probe.pause()


async def test_batches_may_be_settled_out_of_order(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(9))
    consumer = broker.consumer(INTAKE_QUEUE, limits=BatchLimits(count=3, linger=timedelta(seconds=5)))
    first, second, third = await take(consumer, 9)

    await consumer.settle(third)
    await consumer.settle(first)
    await settlements_are_read(broker)
    await broker.lose_consumers()

    # What is acknowledged reaches up to the first open one; the third batch comes again, which is no loss.
    again = await take(consumer, 3)
    assert bodies(again)[:3] == [inbound.body for inbound in second]


async def test_what_was_settled_before_a_lost_connection_may_be_settled_after_it(
    broker: BrokerUnderTest,
) -> None:
    await broker.put(INTAKE_QUEUE, numbered(5))
    consumer = broker.consumer(INTAKE_QUEUE)
    old = await take(consumer, 5)

    await broker.lose_consumers()
    new = await take(consumer, 5)
    for batch in old:
        await consumer.settle(batch)
        await consumer.give_back(batch)
        await consumer.reject(batch)
    await broker.put(INTAKE_QUEUE, [b"more"])

    assert bodies(new) == numbered(5)
    assert bodies(await take(consumer, 1)) == [b"more"]


async def test_what_is_given_back_comes_again(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(4))
    consumer = broker.consumer(INTAKE_QUEUE)
    taken = await take(consumer, 4)

    for batch in taken:
        await consumer.give_back(batch)
        await consumer.give_back(batch)

    again = await take(consumer, 4)
    assert sorted(bodies(again)) == numbered(4)
    assert all(inbound.is_redelivered for batch in again for inbound in batch)


async def test_giving_back_a_batch_settles_the_later_ones_that_waited_for_it(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(6))
    consumer = broker.consumer(
        INTAKE_QUEUE, prefetch=6, limits=BatchLimits(count=3, linger=timedelta(seconds=5))
    )
    first, second = await take(consumer, 6)

    await consumer.settle(second)
    await consumer.give_back(first)

    again = await take(consumer, 3)
    for batch in again:
        await consumer.settle(batch)
    assert sorted(bodies(again)) == [inbound.body for inbound in first]
    await consumer.close()
    assert await broker.waiting(INTAKE_QUEUE) == 0


async def test_a_pause_ends_the_batches_and_gives_back_what_nobody_took(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(10))
    consumer = broker.consumer(
        INTAKE_QUEUE, prefetch=10, limits=BatchLimits(count=4, linger=timedelta(seconds=5))
    )
    taken: list[Sequence[Inbound]] = []

    async with asyncio.timeout(15):
        async for batch in consumer.batches():
            taken.append(batch)
            await consumer.pause()

    assert [len(batch) for batch in taken] == [4]
    await until(lambda: has(broker, 6))
    await consumer.settle(taken[0])


async def has(broker: BrokerUnderTest, count: int) -> bool:
    return await broker.waiting(INTAKE_QUEUE) == count


async def test_a_pause_wakes_who_waits_for_messages(broker: BrokerUnderTest) -> None:
    consumer = broker.consumer(INTAKE_QUEUE)

    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(take(consumer, 1))
        await asyncio.sleep(0)
        await consumer.pause()

    assert waiting.result() == []


async def test_after_a_pause_messages_come_again(broker: BrokerUnderTest) -> None:
    consumer = broker.consumer(INTAKE_QUEUE)
    await broker.put(INTAKE_QUEUE, numbered(3))
    held = await take(consumer, 3)

    await consumer.pause()
    await broker.put(INTAKE_QUEUE, [b"later"])
    assert await take(consumer, 1) == []
    await consumer.resume()

    assert bodies(await take(consumer, 1)) == [b"later"]
    for batch in held:
        await consumer.settle(batch)


async def test_what_is_rejected_is_a_dead_letter_with_its_reason(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, [b"poison"])
    consumer = broker.consumer(INTAKE_QUEUE)

    for batch in await take(consumer, 1):
        await consumer.reject(batch)

    ((letter,),) = await take(broker.consumer(DEAD_LETTER_QUEUE), 1)
    assert letter.body == b"poison"
    deaths = letter.headers["x-death"]
    assert isinstance(deaths, list)
    assert deaths[0]["reason"] == "rejected"
    assert deaths[0]["queue"] == INTAKE_QUEUE


async def test_closing_leaves_what_is_unsettled_in_the_queue(broker: BrokerUnderTest) -> None:
    await broker.put(INTAKE_QUEUE, numbered(5))
    consumer = broker.consumer(INTAKE_QUEUE)
    await take(consumer, 5)

    await consumer.close()

    await until(lambda: has(broker, 5))
