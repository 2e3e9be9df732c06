"""One mailbox cannot stop the intake with properties that nobody can read."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq
import pytest
from aiormq.abc import ChannelFrame
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.constants import FRAME_END_CHAR, FRAME_HEADER

from hub.backends.rabbitmq.connection import BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.backends.rabbitmq.frames import UNREADABLE
from hub.ports import BatchLimits, Inbound
from tests.support.broker import PrivateVhost

pytestmark = pytest.mark.integration

CORRELATION_ID, TIMESTAMP, HEADERS = 1 << 10, 1 << 6, 1 << 13
BODY = b"<envelope/>"


def nested(depth: int) -> bytes:
    table = b""
    for _ in range(depth):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    return struct.pack(">I", len(table)) + table


@asynccontextmanager
async def intake(axis: PrivateVhost) -> AsyncIterator[RabbitConsumer]:
    async with (
        BrokerLink(axis.broker_address(), purpose="test") as link,
        RabbitConsumer(link, "hub.intake", prefetch=10, limits=BatchLimits(count=1)) as consumer,
    ):
        yield consumer


async def take(consumer: RabbitConsumer, count: int) -> list[Inbound]:
    taken: list[Inbound] = []
    async with asyncio.timeout(15):
        async for batch in consumer.batches():
            taken += batch
            await consumer.settle(batch)
            if len(taken) == count:
                return taken
    raise AssertionError


@pytest.mark.parametrize(
    ("flags", "properties"),
    [
        pytest.param(CORRELATION_ID, b"\x04V\xe3\xb3n", id="text that is not UTF-8"),
        pytest.param(TIMESTAMP, b"\x7f" + b"\xff" * 7, id="an instant beyond all years"),
        pytest.param(HEADERS, nested(2000), id="tables in tables in tables"),
    ],
)
async def test_it_comes_without_its_properties(axis: PrivateVhost, flags: int, properties: bytes) -> None:
    await publish_raw(axis, flags, properties)
    async with axis.client("H49") as channel:
        await channel.basic_publish(b"good", exchange="axis.submit", routing_key="H49")

    async with intake(axis) as consumer:
        bad, good = await take(consumer, 2)

    assert bad.body == BODY
    assert bad.user_id is None
    assert UNREADABLE in bad.headers
    assert not bad.is_redelivered
    assert good.body == b"good"


async def publish_raw(axis: PrivateVhost, flags: int, properties: bytes) -> None:
    async with aiormq.connect(axis.url("H49")) as connection:
        channel = await connection.channel()
        assert isinstance(channel, aiormq.Channel)
        header = struct.pack(">HHQH", 60, 0, len(BODY), flags) + properties
        payload = (
            frame.marshal(Basic.Publish(exchange="axis.submit", routing_key="H49"), channel.number)
            + struct.pack(">BHI", FRAME_HEADER, channel.number, len(header))
            + header
            + FRAME_END_CHAR
            + frame.marshal(ContentBody(BODY), channel.number)
        )
        confirmed = channel.confirmations[1] = asyncio.get_running_loop().create_future()
        channel.delivery_tag = 1
        await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
        async with asyncio.timeout(15):
            await confirmed
