"""Keeps the broker as the topology says: looks first, changes what differs, removes nothing but rights.

A binding that lets somebody else listen at one of our exchanges is a right, too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import structlog

from hub.backends.rabbitmq.drift import (
    Drift,
    Finding,
    Kind,
    binding_thing,
    bound_thing,
    compare,
    exchange_content,
    facts_of,
    policy_content,
    queue_content,
)
from hub.backends.rabbitmq.management import ManagementApi, Record, segment
from hub.backends.rabbitmq.observation import observe, password_hash
from hub.backends.rabbitmq.topology import BrokerUser, Topology
from hub.errors import ConfigurationError
from hub.message.identifiers import MailboxName
from hub.message.properties import DELIVER_EXCHANGE, queue_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was changed, and what differs still and needs a person."""

    made: tuple[Drift, ...]
    left: tuple[Drift, ...]


class Reconciler:
    """Applies topologies to one virtual host; every act can be repeated."""

    def __init__(self, api: ManagementApi) -> None:
        """Work through *api*."""
        self._api = api

    async def drift(self, topology: Topology) -> list[Drift]:
        """Return where the broker differs, within our name spaces; changes nothing."""
        wanted = facts_of(topology, await self._api.version())
        return compare(wanted, await observe(self._api, topology))

    async def apply(self, topology: Topology) -> Changes:
        """Make the broker as *topology* says.

        Makes what is missing, changes what can be changed, takes rights from closed mailboxes and bindings
        from who listens in. It never deletes a queue, an exchange, a policy or a user, nor the binding by
        which a mailbox's queue gets what is for it; what would need that is left and returned. Raises
        `ConfigurationError` for a new user without a password.
        """
        found = await self.drift(topology)
        mender = _Mender(self._api, topology, await self._api.version())
        made = [drift for drift in found if await mender.mend(drift)]
        for drift in made:
            log.info("topology.changed", thing=str(drift.thing), was=drift.finding.value)
        left = await self.drift(topology) if made else found
        return Changes(made=tuple(made), left=tuple(left))

    async def close_mailbox(self, mailbox: MailboxName) -> None:
        """Take every right from *mailbox* and end its connections; its queue stays with what is in it."""
        for kind in ("permissions", "topic-permissions"):
            await self._api.delete(f"{kind}/{self._api.vhost}/{segment(mailbox)}")
        # A consumer that has begun goes on without the right to read.
        await self._api.delete(f"connections/username/{segment(mailbox)}")


def is_of_a_mailbox(exchange: str, rest: str) -> bool:
    """Whether a binding, by what its name says behind the exchange, brings a mailbox what is for it."""
    key, _, queue = rest.rpartition("/")
    return exchange == DELIVER_EXCHANGE and queue == queue_of(MailboxName(key))


class _Mender:
    """Mends single differences; takes nothing away but rights."""

    def __init__(self, api: ManagementApi, topology: Topology, version: tuple[int, int]) -> None:
        self._api = api
        self._version = version
        self._exchanges = {exchange.name: exchange for exchange in topology.exchanges}
        self._queues = {queue.name: queue for queue in topology.queues}
        self._policies = {policy.name: policy for policy in topology.policies}
        self._bindings = {
            binding_thing(binding.exchange, binding.routing_key, binding.queue).name: binding
            for binding in topology.bindings
        }
        self._users = {user.name: user for user in topology.users}

    async def mend(self, drift: Drift) -> bool:
        """Mend *drift*, where that can be done; tells whether it was."""
        kind, name = drift.thing.kind, drift.thing.name
        makers: dict[Kind, Callable[[str], Awaitable[None]]] = {
            Kind.POLICY: self._make_policy,
            Kind.USER: self._make_user,
            Kind.TOPIC_PERMISSION: self._permit_topic,
            Kind.PERMISSION: self._permit,
        }
        if drift.finding is Finding.SURPLUS:
            return await self._take_right(kind, name)
        if drift.finding is Finding.MISSING:
            makers |= {
                Kind.EXCHANGE: self._make_exchange,
                Kind.QUEUE: self._make_queue,
                Kind.BINDING: self._make_binding,
            }
        if kind not in makers:
            return False
        await makers[kind](name)
        return True

    async def _make_exchange(self, name: str) -> None:
        await self._put("exchanges", name, exchange_content(self._exchanges[name]))

    async def _make_queue(self, name: str) -> None:
        await self._put("queues", name, queue_content(self._queues[name], self._version))

    async def _make_policy(self, name: str) -> None:
        await self._put("policies", name, policy_content(self._policies[name], self._version))

    async def _make_binding(self, name: str) -> None:
        binding = self._bindings[name]
        route = f"e/{segment(binding.exchange)}/q/{segment(binding.queue)}"
        content: Record = {"routing_key": binding.routing_key, "arguments": {}}
        await self._api.post(f"bindings/{self._api.vhost}/{route}", content)

    async def _make_user(self, name: str) -> None:
        user = self._users[name]
        content: Record = {"tags": user.tag, "password_hash": await self._hash_for(user)}
        await self._api.put(f"users/{segment(name)}", content)

    async def _hash_for(self, user: BrokerUser) -> str:
        if user.password is not None:
            return password_hash(user.password)
        record = await self._api.find(f"users/{segment(user.name)}")
        if record is None:
            raise ConfigurationError(
                f"the broker has no user {user.name!r} yet: apply the topology with a password for it"
            )
        return str(record["password_hash"])

    async def _permit(self, name: str) -> None:
        rights = self._users[name].permission
        if rights is not None:
            await self._put("permissions", name, {**asdict(rights)})

    async def _permit_topic(self, name: str) -> None:
        topic = self._users[name].topic_permission
        if topic is not None:
            await self._put("topic-permissions", name, {**asdict(topic)})

    async def _take_right(self, kind: Kind, name: str) -> bool:
        """Take what a user of ours has beyond the topology; a user that it does not name is left alone."""
        if kind is Kind.BINDING:
            return await self._unbind(name)
        path = {Kind.PERMISSION: "permissions", Kind.TOPIC_PERMISSION: "topic-permissions"}.get(kind)
        if path is None or name not in self._users:
            return False
        await self._api.delete(f"{path}/{self._api.vhost}/{segment(name)}")
        return True

    async def _unbind(self, name: str) -> bool:
        """Take a binding from who listens in; a mailbox's queue, whosever it is, keeps its own."""
        source, _, rest = name.partition("/")
        if is_of_a_mailbox(source, rest):
            return False
        for record in await self._api.records(
            f"exchanges/{self._api.vhost}/{segment(source)}/bindings/source"
        ):
            if bound_thing(record).name == name:
                kind = "q" if record["destination_type"] == "queue" else "e"
                route = f"e/{segment(source)}/{kind}/{segment(str(record['destination']))}"
                key = segment(str(record["properties_key"]))
                await self._api.delete(f"bindings/{self._api.vhost}/{route}/{key}")
        return True

    async def _put(self, kind: str, name: str, content: Record) -> None:
        await self._api.put(f"{kind}/{self._api.vhost}/{segment(name)}", content)
