"""A broker low on memory or disk is waited for: said at once, nothing given up, nothing tried twice."""

import asyncio
from datetime import timedelta

import pytest
import structlog.testing

from hub.backends.rabbitmq.connection import BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.backends.rabbitmq.publisher import PublishLimits, RabbitPublisher
from hub.message.outbox import PublishResult
from hub.message.properties import queue_of
from hub.ports import BatchLimits
from tests.support.alarms import DISK, MEMORY, SHORTAGES, shortage
from tests.support.broker import MAILBOXES, PrivateVhost, rabbit_publisher
from tests.support.entries import an_entry
from tests.support.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
IMPATIENT = PublishLimits(confirm_timeout=timedelta(milliseconds=400))
QUEUE = queue_of(MAILBOXES[0])


async def blocked(publisher: RabbitPublisher) -> list[asyncio.Task[PublishResult]]:
    """Publish until the broker says that it reads no more; return what waits."""
    first = [asyncio.create_task(publisher.publish(an_entry(number=number))) for number in range(3)]
    await until(lambda: not publisher.is_up, what="connection.blocked", seconds=10)
    return first


@pytest.mark.parametrize("resource", SHORTAGES)
async def test_what_an_alarm_holds_up_is_confirmed_once_it_ends(axis: PrivateVhost, resource: str) -> None:
    async with rabbit_publisher(axis, IMPATIENT) as (publisher, link):
        assert await publisher.publish(an_entry()) is PublishResult.CONFIRMED
        connection = link._connection
        async with shortage(axis.stack.broker, SHORTAGES[resource]):
            held = await blocked(publisher)
            held += [asyncio.create_task(publisher.publish(an_entry(number=number))) for number in range(5)]
            done, _ = await asyncio.wait(held[3:], timeout=1.5)
            assert not done, "more than three times the confirm timeout has passed"
            assert resource in str(link.alarm.reason)

        assert set(await asyncio.gather(*held)) == {PublishResult.CONFIRMED}
        assert publisher.is_up
        assert link._connection is connection
    assert await axis.waiting(QUEUE) == 1 + len(held)


async def test_an_alarm_is_logged_with_what_to_do_and_so_is_its_end(axis: PrivateVhost) -> None:
    with structlog.testing.capture_logs() as told:
        async with rabbit_publisher(axis) as (publisher, _):
            async with shortage(axis.stack.broker, DISK):
                held = await blocked(publisher)
            await asyncio.gather(*held)

    begun, ended = (line for line in told if line["event"] in {"broker.blocked", "broker.unblocked"})
    assert begun["log_level"] == "error"
    assert "rabbitmq-diagnostics alarms" in begun["advice"]
    assert ended["seconds"] > 0


async def test_an_alarm_does_not_hold_up_the_end_of_a_process(axis: PrivateVhost) -> None:
    async with rabbit_publisher(axis) as (publisher, _), shortage(axis.stack.broker, MEMORY):
        held = await blocked(publisher)
        held += [asyncio.create_task(publisher.publish(an_entry(number=number))) for number in range(2)]
        await asyncio.wait(held, timeout=0.1)

        publisher.wait_for_no_alarm()
        results = await asyncio.gather(*held)

        assert results[-1] is PublishResult.UNKNOWN
        assert await publisher.publish(an_entry()) is PublishResult.UNKNOWN


async def test_consuming_and_settling_go_on_during_an_alarm(axis: PrivateVhost) -> None:
    async with axis.administrator() as channel:
        for _ in range(3):
            await channel.basic_publish(b"x", routing_key="hub.intake")
    async with (
        rabbit_publisher(axis) as (publisher, link),
        shortage(axis.stack.broker, MEMORY),
    ):
        await blocked(publisher)
        async with (
            BrokerLink(axis.broker_address(), purpose="test consumer") as consuming,
            RabbitConsumer(consuming, "hub.intake", prefetch=10, limits=BatchLimits()) as consumer,
        ):
            taken = 0
            async for batch in consumer.batches():
                await consumer.settle(batch)
                taken += len(batch)
                if taken == 3:
                    await consumer.pause()
        assert link.alarm.is_raised

    assert await axis.waiting("hub.intake") == 0
