"""Size, not only number, bounds what is in hand, and what the broker cannot take holds nobody else up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq
import pytest

from hub.backends.rabbitmq.connection import BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.message.outbox import PublishResult
from hub.ports import BatchLimits, Inbound
from tests.support.broker import PrivateVhost, rabbit_publisher, until
from tests.support.entries import an_entry

pytestmark = pytest.mark.integration

QUEUE = "hub.intake"
BODY = b"x" * 1_000_000
COUNT = 30
"""Many more than the batches of one message that may wait."""


@asynccontextmanager
async def intake(axis: PrivateVhost) -> AsyncIterator[tuple[RabbitConsumer, BrokerLink]]:
    limits = BatchLimits(octets=len(BODY))
    async with (
        axis.administrator() as channel,
        BrokerLink(axis.broker_address(), purpose="test") as link,
        RabbitConsumer(link, QUEUE, prefetch=100, limits=limits) as consumer,
    ):
        for _ in range(COUNT):
            await channel.basic_publish(
                BODY, routing_key=QUEUE, properties=aiormq.spec.Basic.Properties(delivery_mode=2)
            )
        yield consumer, link


async def is_shut(link: BrokerLink) -> bool:
    return not link.gate.is_open


async def test_large_messages_wait_at_the_broker_and_all_come_in_the_end(axis: PrivateVhost) -> None:
    taken: list[Inbound] = []
    async with intake(axis) as (consumer, link), asyncio.timeout(30):
        async for batch in consumer.batches():
            if not taken:
                await until(lambda: is_shut(link))
            taken += batch
            await consumer.settle(batch)
            if len(taken) == COUNT:
                break

    assert [each.body for each in taken] == [BODY] * COUNT


async def test_a_pause_with_full_hands_gives_back_what_is_held_and_what_still_comes(
    axis: PrivateVhost,
) -> None:
    async with intake(axis) as (consumer, link), asyncio.timeout(30):
        async for batch in consumer.batches():
            await until(lambda: is_shut(link))
            await consumer.give_back(batch)
            break

        async with asyncio.timeout(5):
            await consumer.pause()

        assert link.gate.is_open

    assert await axis.waiting(QUEUE) == COUNT


async def test_what_the_broker_would_not_take_fails_alone(axis: PrivateVhost) -> None:
    too_large, too_long = an_entry(body=b"x" * 17_000_000), an_entry(document_id="x" * 200_000)
    async with rabbit_publisher(axis) as (publisher, _):
        results = await asyncio.gather(
            *(publisher.publish(entry) for entry in (an_entry(), too_large, too_long, an_entry())),
            return_exceptions=True,
        )

    assert [results[0], results[3]] == [PublishResult.CONFIRMED] * 2
    assert [type(each) for each in results[1:3]] == [ValueError] * 2
