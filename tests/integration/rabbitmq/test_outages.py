"""Connections come back, nothing confirmed is lost, and an outage costs neither processor nor attempts."""

import asyncio
import itertools
import os
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local import LocalStack
from hub.backends.rabbitmq.connection import BrokerAddress, BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.backends.rabbitmq.publisher import PublishLimits, RabbitPublisher
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.errors import ConfigurationError, TemporaryFailure
from hub.message.outbox import PublishResult
from hub.ports import BatchLimits
from hub.transport.tls import TlsFiles
from tests.support.broker import PrivateVhost, a_topology, private_vhost, rabbit_publisher, until
from tests.support.entries import an_entry

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SHORT = PublishLimits(outage_patience=timedelta(milliseconds=300))


@pytest.fixture(scope="module")
def mortal_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Start a stack that tests may kill."""
    stack = LocalStack(tmp_path_factory.mktemp("stack") / "home")
    stack.up()
    yield stack
    stack.purge()


@pytest.fixture
async def mortal_axis(mortal_stack: LocalStack) -> AsyncIterator[PrivateVhost]:
    """Make the topology on a node that the test may kill; the virtual host goes with the stack."""
    async with private_vhost(mortal_stack) as vhost:
        await Reconciler(vhost.api).apply(a_topology())
        yield vhost


@asynccontextmanager
async def link(axis: PrivateVhost, user: str = "hub") -> AsyncIterator[BrokerLink]:
    async with BrokerLink(axis.broker_address(user), purpose="test") as opened:
        yield opened


async def test_a_link_that_is_ready_is_up(axis: PrivateVhost) -> None:
    async with link(axis) as opened:
        assert not opened.is_up
        await opened.wait_ready(timedelta(seconds=10))
        assert opened.is_up
    assert not opened.is_up


async def test_a_broker_that_is_away_is_a_temporary_failure() -> None:
    async with BrokerLink(BrokerAddress(url="amqp://hub:x@127.0.0.1:9/axis"), purpose="test") as opened:
        with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1:9/axis cannot be reached") as caught:
            await opened.wait_ready(timedelta(milliseconds=300))
    assert "hub:x" not in str(caught.value)


@pytest.mark.parametrize("vhost_name", [None, "no such host"])
async def test_a_broker_that_refuses_us_is_the_operators_business(
    axis: PrivateVhost, vhost_name: str | None
) -> None:
    url = axis.url("hub", "wrong") if vhost_name is None else axis.url("hub").replace(axis.name, "nosuch")

    async with BrokerLink(BrokerAddress(url=url), purpose="test") as opened:
        with pytest.raises(ConfigurationError, match="check user, password and virtual host"):
            await opened.wait_ready(timedelta(seconds=2))


async def test_unreadable_tls_files_are_the_operators_business(tmp_path: Path) -> None:
    files = TlsFiles(authorities=tmp_path / "missing.pem")
    address = BrokerAddress(url="amqps://hub:x@127.0.0.1:5671/axis", tls=files)

    with pytest.raises(ConfigurationError, match=r"broker_ca .*missing\.pem cannot be used"):
        async with BrokerLink(address, purpose="test"):
            pass


async def test_a_publisher_survives_an_operator_who_closes_its_connection(axis: PrivateVhost) -> None:
    async with rabbit_publisher(axis) as (publisher, opened):
        assert await publisher.publish(an_entry()) is PublishResult.CONFIRMED
        await axis.cut_connections("hub")
        await until(lambda: confirms(publisher))

        assert opened.is_up


async def confirms(publisher: RabbitPublisher) -> bool:
    return await publisher.publish(an_entry()) is PublishResult.CONFIRMED


async def test_what_waits_fails_with_what_is_in_flight(axis: PrivateVhost) -> None:
    """A later delivery of a lane may not go out where an earlier one has to be tried again."""
    limits = PublishLimits(window=20)
    async with rabbit_publisher(axis, limits) as (publisher, opened):
        await opened.wait_ready(timedelta(seconds=10))
        entries = [an_entry(number=n, body=b"x" * 50_000) for n in range(600)]
        async with asyncio.TaskGroup() as tasks:
            publishes = [tasks.create_task(publisher.publish(entry)) for entry in entries]
            await until(lambda: some_are_done(publishes))
            opened.drop()

    results = [publish.result() for publish in publishes]
    assert PublishResult.CONFIRMED in results
    assert PublishResult.UNKNOWN in results
    unanswered = results.index(PublishResult.UNKNOWN)
    assert set(results[unanswered:]) == {PublishResult.UNKNOWN}


async def some_are_done(publishes: list[asyncio.Task[PublishResult]]) -> bool:
    return sum(publish.done() for publish in publishes) > 20


async def test_a_missing_exchange_costs_no_processor(axis: PrivateVhost) -> None:
    await axis.api.delete(f"exchanges/{axis.name}/axis.deliver")
    async with rabbit_publisher(axis, SHORT) as (publisher, opened):
        await opened.wait_ready(timedelta(seconds=10))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        results = [await publisher.publish(an_entry()) for _ in range(5)]

    assert set(results) == {PublishResult.UNKNOWN}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.5


async def test_an_entry_that_cannot_be_written_fails_alone(axis: PrivateVhost) -> None:
    async with rabbit_publisher(axis) as (publisher, _):
        good, bad, later = await asyncio.gather(
            publisher.publish(an_entry()),
            publisher.publish(an_entry(correlation_id="x" * 300)),
            publisher.publish(an_entry()),
            return_exceptions=True,
        )

    assert (good, later) == (PublishResult.CONFIRMED, PublishResult.CONFIRMED)
    assert isinstance(bad, TypeError | ValueError)


async def test_who_stops_waiting_leaves_the_others_their_answers(axis: PrivateVhost) -> None:
    async with rabbit_publisher(axis) as (publisher, opened):
        await opened.wait_ready(timedelta(seconds=10))
        tasks = [asyncio.ensure_future(publisher.publish(an_entry(number=n))) for n in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)

    assert results[1::2] == [PublishResult.CONFIRMED] * 50
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])


async def test_without_a_broker_a_publish_is_unknown_and_cheap(mortal_axis: PrivateVhost) -> None:
    async with rabbit_publisher(mortal_axis, SHORT) as (publisher, opened):
        await opened.wait_ready(timedelta(seconds=10))
        await asyncio.to_thread(mortal_axis.stack.broker.kill)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        results = await asyncio.gather(*(publisher.publish(an_entry(number=n)) for n in range(300)))
        results += [await publisher.publish(an_entry())]
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before

        assert set(results) == {PublishResult.UNKNOWN}
        assert spent < 0.5
        assert not opened.is_up


async def test_a_broker_that_hangs_is_given_up_and_found_again(mortal_axis: PrivateVhost) -> None:
    pid = mortal_axis.stack.broker.pid
    assert pid is not None
    limits = PublishLimits(confirm_timeout=timedelta(seconds=1), outage_patience=timedelta(milliseconds=300))
    async with rabbit_publisher(mortal_axis, limits) as (publisher, _):
        await until(lambda: confirms(publisher))
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                results = await asyncio.gather(*(publisher.publish(an_entry(number=n)) for n in range(50)))
        finally:
            os.kill(pid, signal.SIGCONT)
        assert set(results) == {PublishResult.UNKNOWN}
        await until(lambda: confirms(publisher), seconds=30)


class Traffic:
    """Publishes without end and consumes what arrives, through all that happens to the broker."""

    def __init__(self) -> None:
        self.confirmed: set[int] = set()
        self.arrived: set[int] = set()
        self.is_over = False
        self.has_stopped = False

    async def publish(self, publisher: RabbitPublisher) -> None:
        number = 0
        while not self.is_over:
            entries = [an_entry(number=number + n, body=b"x" * 5_000) for n in range(50)]
            results = await asyncio.gather(*(publisher.publish(entry) for entry in entries))
            confirmed = (r is PublishResult.CONFIRMED for r in results)
            self.confirmed.update(itertools.compress((e.lane_number for e in entries), confirmed))
            number += len(entries)
        self.has_stopped = True

    async def consume(self, consumer: RabbitConsumer) -> None:
        async for batch in consumer.batches():
            self.arrived.update(int(str(inbound.headers["x-lane-number"])) for inbound in batch)
            await consumer.settle(batch)

    async def confirms(self, more: int) -> None:
        wanted = len(self.confirmed) + more

        async def has_confirmed() -> bool:
            return len(self.confirmed) >= wanted

        await until(has_confirmed, seconds=90)

    async def drains(self) -> None:
        async def has_arrived() -> bool:
            return self.has_stopped and self.confirmed <= self.arrived

        self.is_over = True
        await until(has_arrived, seconds=60)


async def test_a_killed_broker_loses_nothing_that_was_confirmed(mortal_axis: PrivateVhost) -> None:
    traffic, broker = Traffic(), mortal_axis.stack.broker
    async with (
        rabbit_publisher(mortal_axis, SHORT) as (publisher, _),
        link(mortal_axis, "H49") as mailbox,
        consumer_of(mailbox, "agency.H49") as consumer,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(traffic.publish(publisher))
        tasks.create_task(traffic.consume(consumer))
        await traffic.confirms(500)
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await traffic.confirms(500)
        await traffic.drains()
        await consumer.pause()

    assert traffic.confirmed <= traffic.arrived
    assert await mortal_axis.waiting("hub.returned") == 0


async def test_a_consumer_comes_back_when_its_queue_does(axis: PrivateVhost) -> None:
    async with link(axis) as opened, consumer_of(opened, "hub.invalid") as consumer:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(anext_body(consumer))
            await until(lambda: is_consuming(consumer))
            await axis.api.delete(f"queues/{axis.name}/hub.invalid")
            await until(lambda: is_not_consuming(consumer))
            arguments = {"x-queue-type": "quorum"}
            await axis.api.put(f"queues/{axis.name}/hub.invalid", {"durable": True, "arguments": arguments})
            async with axis.administrator() as channel:
                await channel.basic_publish(b"again", routing_key="hub.invalid", mandatory=True)

        assert first.result() == b"again"


async def anext_body(consumer: RabbitConsumer) -> bytes:
    async for batch in consumer.batches():
        await consumer.settle(batch)
        return batch[0].body
    raise AssertionError


async def is_consuming(consumer: RabbitConsumer) -> bool:
    return consumer.is_consuming


async def is_not_consuming(consumer: RabbitConsumer) -> bool:
    return not consumer.is_consuming


@asynccontextmanager
async def consumer_of(opened: BrokerLink, queue: str) -> AsyncIterator[RabbitConsumer]:
    async with RabbitConsumer(opened, queue, prefetch=100, limits=BatchLimits()) as consumer:
        yield consumer


async def test_a_link_goes_to_the_node_that_answers(axis: PrivateVhost) -> None:
    here = f"{axis.address.amqp_host}:{axis.address.amqp_port}"
    nodes = axis.url("hub").replace(here, f"127.0.0.1:9,{here},127.0.0.1:19")

    for _ in range(4):  # each link begins somewhere else
        async with BrokerLink(BrokerAddress(url=nodes), purpose="test") as opened:
            await opened.wait_ready(timedelta(seconds=10))
            await opened.open_channel()


async def test_a_cluster_of_which_nobody_answers_is_an_outage() -> None:
    address = BrokerAddress(url="amqp://hub:x@127.0.0.1:9,127.0.0.1:19/axis")

    async with BrokerLink(address, purpose="test") as opened:
        with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1:9,127\.0\.0\.1:19/axis"):
            await opened.wait_ready(timedelta(milliseconds=300))


def test_an_address_of_several_nodes_names_them_all_and_hides_the_password() -> None:
    address = BrokerAddress(url="amqps://hub:secret@a:5671,b:5671/axis")

    assert "secret" not in repr(address)
    assert address.place == "a:5671,b:5671/axis"
    assert [node.place for node in address.nodes] == ["a:5671/axis", "b:5671/axis"]


def test_the_address_hides_the_password() -> None:
    address = BrokerAddress(url="amqp://hub:secret@broker:5672/axis")

    assert "secret" not in repr(address)
    assert address.place == "broker:5672/axis"


def test_an_address_that_is_none_is_the_operators_business() -> None:
    with pytest.raises(ConfigurationError, match="the broker's address is not like") as caught:
        BrokerAddress(url="amqp://hub:secret/with slash@broker/axis").place  # noqa: B018
    assert "secret" not in str(caught.value)
