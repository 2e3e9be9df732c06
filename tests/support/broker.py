"""A virtual host of its own for each test, on a private node that a session starts once."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import aiormq
import pytest
from aiormq import spec

from deploy.local import LocalStack, StackAddress
from deploy.local.programs import Release, chosen_release
from hub.backends.clock import SystemClock
from hub.backends.memory_broker import MemoryBroker, StoredMessage
from hub.backends.rabbitmq.connection import BrokerAddress, BrokerLink
from hub.backends.rabbitmq.consumer import RabbitConsumer
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi, segment
from hub.backends.rabbitmq.publisher import PublishLimits, RabbitPublisher
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, Topology, topology
from hub.message.identifiers import MailboxName
from hub.message.properties import queue_of
from hub.ports import BatchLimits, Consumer, Publisher
from hub.transport.tls import TlsFiles

CHECKOUT = Path(__file__).resolve().parents[2]
MAILBOXES = (MailboxName("H49"), MailboxName("H37"), MailboxName("LGSP.T1"))
FULL_MAILBOX = MailboxName("H50")
FULL_AT = 3
PATIENCE = 15.0
LIMITS = BatchLimits()


def password_of(user: str) -> str:
    return f"secret of {user}/ü"


def trusted(address: StackAddress) -> TlsFiles:
    """Trust the authority of the stack's broker, where it has one."""
    return TlsFiles(authorities=Path(address.broker_ca) if address.broker_ca else None)


async def until(holds: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE) -> None:
    """Return as soon as it holds; fail when it never does."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - the broker has no event for it
            await asyncio.sleep(0.02)


def a_topology(*mailboxes: MailboxTopology) -> Topology:
    chosen = mailboxes or (
        *(MailboxTopology(name=name, password=password_of(name)) for name in MAILBOXES),
        MailboxTopology(name=FULL_MAILBOX, password=password_of(FULL_MAILBOX), max_messages=FULL_AT),
    )
    return topology(chosen, HubUser(password=password_of("hub")))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateVhost:
    """One test's virtual host; `client` speaks AMQP to it as anybody."""

    stack: LocalStack
    address: StackAddress
    name: str
    api: ManagementApi

    def url(self, user: str, password: str | None = None) -> str:
        secret = segment(password_of(user) if password is None else password)
        credentials = f"{segment(user)}:{secret}"
        return f"{self.address.amqp_scheme}://{credentials}@{self.address.amqp_servers}/{self.name}"

    def broker_address(self, user: str = "hub") -> BrokerAddress:
        return BrokerAddress(url=self.url(user), tls=trusted(self.address))

    @asynccontextmanager
    async def client(
        self, user: str, password: str | None = None
    ) -> AsyncIterator[aiormq.abc.AbstractChannel]:
        tls = trusted(self.address).context() if self.address.broker_tls else None
        async with aiormq.connect(self.url(user, password), context=tls) as connection:
            yield await connection.channel(publisher_confirms=True, on_return_raises=True)

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[aiormq.abc.AbstractChannel]:
        async with self.client(self.address.broker_admin, self.address.broker_admin_password) as channel:
            yield channel

    async def waiting(self, queue: str) -> int:
        """Count what is ready, by a fresh look."""
        async with self.administrator() as channel:
            answer = await channel.queue_declare(queue, passive=True)
            return answer.message_count or 0

    async def take(self, queue: str) -> aiormq.abc.DeliveredMessage | None:
        """Take one message, settled at once."""
        async with self.administrator() as channel:
            message = await channel.basic_get(queue, no_ack=True)
            return message if isinstance(message.delivery, spec.Basic.GetOk) else None

    async def cut_connections(self, user: str) -> None:
        """Close the connections of *user* as an operator would."""
        await self.api.delete(f"connections/username/{segment(user)}")


class BrokerUnderTest(Protocol):
    """What the contract suite needs of a broker, real or in memory."""

    def publisher(self) -> Publisher: ...

    def consumer(self, queue: str, *, prefetch: int = 100, limits: BatchLimits = LIMITS) -> Consumer: ...

    async def put(self, queue: str, bodies: Sequence[bytes]) -> None: ...

    async def waiting(self, queue: str) -> int: ...

    async def lose_consumers(self) -> None: ...


class MemoryUnderTest:
    def __init__(self) -> None:
        self._broker = MemoryBroker(MAILBOXES, clock=SystemClock())
        full = MemoryBroker([FULL_MAILBOX], clock=SystemClock(), max_length=FULL_AT)
        self._broker.queues |= {queue_of(FULL_MAILBOX): full.queues[queue_of(FULL_MAILBOX)]}

    def publisher(self) -> Publisher:
        return self._broker.publisher()

    def consumer(self, queue: str, *, prefetch: int = 100, limits: BatchLimits = LIMITS) -> Consumer:
        return self._broker.consumer(queue, prefetch=prefetch, limits=limits)

    async def put(self, queue: str, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self._broker.put(queue, StoredMessage(body=body, routing_key="test"))

    async def waiting(self, queue: str) -> int:
        return self._broker.waiting(queue)

    async def lose_consumers(self) -> None:
        self._broker.go_down()
        self._broker.come_up()


class RabbitUnderTest:
    def __init__(
        self, vhost: PrivateVhost, publisher: RabbitPublisher, *, hub: BrokerLink, mailbox: BrokerLink
    ) -> None:
        self._vhost = vhost
        self._publisher = publisher
        self._hub = hub
        self._mailbox = mailbox
        self._consumers: list[RabbitConsumer] = []

    def publisher(self) -> Publisher:
        return self._publisher

    def consumer(self, queue: str, *, prefetch: int = 100, limits: BatchLimits = LIMITS) -> Consumer:
        link = self._mailbox if queue == queue_of(MAILBOXES[0]) else self._hub
        consumer = RabbitConsumer(link, queue, prefetch=prefetch, limits=limits)
        self._consumers.append(consumer)
        return consumer

    async def put(self, queue: str, bodies: Sequence[bytes]) -> None:
        async with self._vhost.administrator() as channel:
            for body in bodies:
                properties = spec.Basic.Properties(delivery_mode=2)
                await channel.basic_publish(body, routing_key=queue, properties=properties, mandatory=True)

    async def waiting(self, queue: str) -> int:
        return await self._vhost.waiting(queue)

    async def lose_consumers(self) -> None:
        await self._vhost.cut_connections("hub")

    async def close(self) -> None:
        for consumer in self._consumers:
            await consumer.close()


def home_of_tests() -> Path:
    """Name the home of this worker's stack: another for each release, since a home keeps to its own."""
    release = chosen_release() or Release.MACHINE
    folder = "test" if release is Release.MACHINE else f"test-{release}"
    home = Path(os.environ.get("TRUC_TEST_HOME") or CHECKOUT / ".truc" / folder)
    return home / os.environ.get("PYTEST_XDIST_WORKER", "")


@pytest.fixture(scope="session")
def local_stack() -> Iterator[LocalStack]:
    """Start the session's private node and leave it as it was found.

    It is killed: to stop it takes six seconds, and each test has taken away what it made there.
    """
    stack = LocalStack(home_of_tests())
    was_running = stack.status().is_running
    stack.up()
    yield stack
    if not was_running:
        stack.broker.kill()
        stack.down()


@pytest.fixture
async def vhost(local_stack: LocalStack) -> AsyncIterator[PrivateVhost]:
    """Make an empty virtual host and delete it afterwards."""
    async with private_vhost(local_stack) as private:
        yield private
        await remove(private)


@asynccontextmanager
async def private_vhost(stack: LocalStack) -> AsyncIterator[PrivateVhost]:
    """Make an empty virtual host on *stack*."""
    address = stack.up()
    name = f"test-{uuid4().hex[:12]}"
    management = ManagementAddress(
        url=f"{address.management_scheme}://{address.management_servers}",
        user=address.broker_admin,
        password=address.broker_admin_password,
        vhost=name,
        tls=trusted(address),
    )
    async with ManagementApi(management) as api:
        await api.put(f"vhosts/{name}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await api.put(f"permissions/{name}/{segment(address.broker_admin)}", everything)
        yield PrivateVhost(stack=stack, address=address, name=name, api=api)


async def remove(vhost: PrivateVhost) -> None:
    """Delete a virtual host, its policies first.

    A queue that is deleted while its dead-letter worker starts makes that worker crash; a second crash within
    seconds ends the supervisor of all of them, until the node is restarted (rabbitmq-server issue 16652). On
    a node that was killed the workers always go that way: a test that kills one has a node of its own.
    """
    for policy in await vhost.api.records(f"policies/{vhost.name}"):
        await vhost.api.delete(f"policies/{vhost.name}/{segment(str(policy['name']))}")
    await vhost.api.delete(f"vhosts/{vhost.name}")


@pytest.fixture
async def axis(vhost: PrivateVhost) -> PrivateVhost:
    """Make a virtual host with the whole topology in it."""
    await Reconciler(vhost.api).apply(a_topology())
    return vhost


@pytest.fixture
async def memory_broker() -> MemoryUnderTest:
    """Make a twin."""
    return MemoryUnderTest()


@pytest.fixture
async def rabbit_broker(axis: PrivateVhost) -> AsyncIterator[RabbitUnderTest]:
    """Open both ends of the real one."""
    async with (
        rabbit_publisher(axis) as (publisher, _),
        BrokerLink(axis.broker_address(), purpose="test consumer") as hub,
        BrokerLink(axis.broker_address(MAILBOXES[0]), purpose="test mailbox") as mailbox,
    ):
        under_test = RabbitUnderTest(axis, publisher, hub=hub, mailbox=mailbox)
        yield under_test
        await under_test.close()


@pytest.fixture(params=["memory_broker", pytest.param("rabbit_broker", marks=pytest.mark.integration)])
def broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """Run a test with the twin, then with the real one."""
    under_test: BrokerUnderTest = request.getfixturevalue(request.param)
    return under_test


@asynccontextmanager
async def rabbit_publisher(
    axis: PrivateVhost, limits: PublishLimits | None = None
) -> AsyncIterator[tuple[RabbitPublisher, BrokerLink]]:
    async with (
        BrokerLink(axis.broker_address(), purpose="test publisher") as link,
        RabbitPublisher(link, user="hub", clock=SystemClock(), limits=limits) as publisher,
    ):
        yield publisher, link
