"""Nothing disappears: what a mailbox rejects, crashes on or leaves lying comes back with its reason."""

from datetime import timedelta

import pytest
from aiormq.abc import DeliveredMessage

from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import DELIVERY_LIMIT, MailboxTopology
from hub.message.identifiers import MailboxName
from tests.support.broker import PrivateVhost, a_topology, password_of, rabbit_publisher, until
from tests.support.entries import an_entry

pytestmark = pytest.mark.integration


async def taken(axis: PrivateVhost, queue: str) -> DeliveredMessage:
    found: list[DeliveredMessage] = []

    async def is_there() -> bool:
        message = await axis.take(queue)
        found.extend([message] if message else [])
        return bool(found)

    await until(is_there)
    return found[0]


def death_of(message: DeliveredMessage) -> dict[str, object]:
    headers = message.header.properties.headers or {}
    deaths = headers["x-death"]
    assert isinstance(deaths, list)
    assert isinstance(deaths[0], dict)
    return {**deaths[0]}


async def test_what_a_mailbox_rejects_comes_back(axis: PrivateVhost) -> None:
    entry = an_entry()
    async with rabbit_publisher(axis) as (publisher, _), axis.client("H49") as channel:
        await publisher.publish(entry)
        message = await channel.basic_get("agency.H49")
        await channel.basic_reject(message.delivery_tag or 0, requeue=False)

        returned = await taken(axis, "hub.returned")

    assert returned.body == entry.body
    assert returned.routing_key == "H49"
    assert (returned.header.properties.headers or {})["x-delivery-id"] == str(entry.delivery_id)
    assert returned.header.properties.delivery_mode == 2
    assert death_of(returned)["reason"] == "rejected"
    assert death_of(returned)["queue"] == "agency.H49"


async def test_what_a_mailbox_crashes_on_comes_back(axis: PrivateVhost) -> None:
    async with rabbit_publisher(axis) as (publisher, _):
        await publisher.publish(an_entry())
        async with axis.client("H49") as channel:
            for _ in range(DELIVERY_LIMIT + 1):
                message = await channel.basic_get("agency.H49", timeout=15)
                await channel.basic_reject(message.delivery_tag or 0, requeue=True)
                await until(lambda: one_is_waiting(axis))

        returned = await taken(axis, "hub.returned")

    assert death_of(returned)["reason"] == "delivery_limit"


async def one_is_waiting(axis: PrivateVhost) -> bool:
    return await axis.waiting("agency.H49") + await axis.waiting("hub.returned") == 1


async def test_what_a_mailbox_leaves_lying_comes_back(vhost: PrivateVhost) -> None:
    brief = MailboxTopology(
        name=MailboxName("H49"), password=password_of("H49"), time_to_live=timedelta(milliseconds=200)
    )
    await Reconciler(vhost.api).apply(a_topology(brief))
    async with rabbit_publisher(vhost) as (publisher, _):
        await publisher.publish(an_entry())

        returned = await taken(vhost, "hub.returned")

    assert death_of(returned)["reason"] == "expired"


async def test_what_is_submitted_and_goes_nowhere_is_kept_apart(axis: PrivateVhost) -> None:
    await axis.api.delete(f"bindings/{axis.name}/e/axis.submit/q/hub.intake/%23")
    async with axis.client("H49") as channel:
        await channel.basic_publish(b"lost?", exchange="axis.submit", routing_key="H49", mandatory=True)

    assert (await taken(axis, "hub.invalid")).body == b"lost?"
