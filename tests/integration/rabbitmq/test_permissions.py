"""What a broker user may not do, it cannot do: each refusal comes from the broker itself."""

from collections.abc import Awaitable, Callable

import pytest
from aiormq import spec
from aiormq.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from tests.support.broker import PrivateVhost

pytestmark = pytest.mark.integration

H49 = "H49"


async def publish(
    channel: AbstractChannel, exchange: str, routing_key: str, user_id: str | None = None
) -> object:
    properties = spec.Basic.Properties(delivery_mode=2, user_id=user_id)
    return await channel.basic_publish(
        b"body", exchange=exchange, routing_key=routing_key, properties=properties, mandatory=True, timeout=15
    )


async def test_a_mailbox_submits_under_its_own_name(axis: PrivateVhost) -> None:
    async with axis.client(H49) as channel:
        answer = await publish(channel, "axis.submit", H49, user_id=H49)

    assert isinstance(answer, spec.Basic.Ack)
    message = await axis.take("hub.intake")
    assert message is not None
    assert message.header.properties.user_id == H49
    assert message.routing_key == H49


async def test_who_names_no_user_is_vouched_for_by_nobody(axis: PrivateVhost) -> None:
    async with axis.client(H49) as channel:
        await publish(channel, "axis.submit", H49)

    message = await axis.take("hub.intake")
    assert message is not None
    assert message.header.properties.user_id is None


@pytest.mark.parametrize(
    ("exchange", "routing_key"),
    [
        pytest.param("axis.submit", "H37", id="under another's name"),
        pytest.param("axis.submit", "H49.x", id="under a name that begins like its own"),
        pytest.param("axis.submit", "LGSP.T1", id="as a platform"),
        pytest.param("", "hub.intake", id="past the exchange"),
        pytest.param("", "agency.H37", id="into another's mailbox"),
        pytest.param("axis.deliver", "H37", id="as the hub would"),
        pytest.param("axis.returned", H49, id="as a return"),
        pytest.param("hub.dead", H49, id="as a dead letter"),
    ],
)
async def test_a_mailbox_may_not_publish(axis: PrivateVhost, exchange: str, routing_key: str) -> None:
    async with axis.client(H49) as channel:
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, exchange, routing_key, user_id=H49)


async def test_a_dot_in_a_name_is_a_dot(axis: PrivateVhost) -> None:
    async with axis.client("LGSP.T1") as channel:
        assert isinstance(await publish(channel, "axis.submit", "LGSP.T1", user_id="LGSP.T1"), spec.Basic.Ack)
        with pytest.raises(ChannelAccessRefused):
            await publish(channel, "axis.submit", "LGSPxT1", user_id="LGSP.T1")


async def test_a_mailbox_may_not_forge_its_user(axis: PrivateVhost) -> None:
    async with axis.client(H49) as channel:
        with pytest.raises(ChannelPreconditionFailed):
            await publish(channel, "axis.submit", H49, user_id="H37")


async def test_a_mailbox_reads_its_own_queue_only(axis: PrivateVhost) -> None:
    async with axis.client(H49) as channel:
        await channel.basic_get("agency.H49", no_ack=True)
        with pytest.raises(ChannelAccessRefused):
            await channel.basic_get("agency.H37", no_ack=True)


Act = Callable[[AbstractChannel], Awaitable[object]]


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda c: c.basic_get("hub.intake", no_ack=True), id="read what others submit"),
        pytest.param(lambda c: c.basic_get("hub.returned", no_ack=True), id="read returns"),
        pytest.param(lambda c: c.queue_declare("mine", durable=True), id="make a queue"),
        pytest.param(lambda c: c.queue_declare("agency.H49", durable=False), id="remake its queue"),
        pytest.param(lambda c: c.queue_delete("agency.H49"), id="delete its queue"),
        pytest.param(lambda c: c.queue_purge("agency.H37"), id="empty another's queue"),
        pytest.param(lambda c: c.exchange_declare("mine"), id="make an exchange"),
        pytest.param(lambda c: c.queue_bind("agency.H49", "axis.submit", "#"), id="listen in on submissions"),
        pytest.param(
            lambda c: c.queue_bind("agency.H49", "axis.deliver", "H37"), id="listen in on deliveries"
        ),
    ],
)
async def test_a_mailbox_may_not(axis: PrivateVhost, act: Act) -> None:
    async with axis.client(H49) as channel:
        with pytest.raises((ChannelAccessRefused, ChannelPreconditionFailed)):
            await act(channel)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda c: publish(c, "axis.submit", "H49"), id="submit"),
        pytest.param(lambda c: publish(c, "", "agency.H49"), id="publish past its exchange"),
        pytest.param(lambda c: c.basic_get("agency.H49", no_ack=True), id="read a mailbox"),
        pytest.param(lambda c: c.queue_declare("mine", durable=True), id="make a queue"),
        pytest.param(lambda c: c.queue_delete("hub.intake"), id="delete a queue"),
    ],
)
async def test_the_hub_may_not(axis: PrivateVhost, act: Act) -> None:
    async with axis.client("hub") as channel:
        with pytest.raises(ChannelAccessRefused):
            await act(channel)


async def test_the_hub_reads_its_own_queues(axis: PrivateVhost) -> None:
    async with axis.client("hub") as channel:
        for queue in ("hub.intake", "hub.returned", "hub.dead_letter", "hub.invalid"):
            await channel.basic_get(queue, no_ack=True)
        assert not channel.is_closed
