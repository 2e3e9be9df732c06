"""What the broker imports in bulk: a topology as RabbitMQ's definitions, a section for each kind.

An import makes users and rights in an order of its own; a section at a time keeps ours: nobody has a right
to publish before the topic permission is there that narrows it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Final

from hub.backends.rabbitmq.drift import (
    Drift,
    Finding,
    Kind,
    Thing,
    binding_thing,
    exchange_content,
    policy_content,
    queue_content,
    topic_thing,
)
from hub.backends.rabbitmq.management import Record
from hub.backends.rabbitmq.topology import BrokerUser, Topology

SECTIONS: Final = MappingProxyType(
    {
        Kind.EXCHANGE: "exchanges",
        Kind.POLICY: "policies",
        Kind.QUEUE: "queues",
        Kind.BINDING: "bindings",
        Kind.USER: "users",
        Kind.TOPIC_PERMISSION: "topic_permissions",
        Kind.PERMISSION: "permissions",
    }
)
CHANGEABLE: Final = frozenset({Kind.POLICY, Kind.USER, Kind.TOPIC_PERMISSION, Kind.PERMISSION})
"""What an import replaces; an exchange or a queue that exists it leaves as it is."""
CHUNKS: Final = MappingProxyType({Kind.QUEUE: 100})
"""Things in one import: others are served in between, and whoever waits for a minute is hung up on."""
CHUNK: Final = 250
"""Of what is quickly made: after each import the broker collects the garbage of every queue's processes."""
HASHING: Final = "rabbit_password_hashing_sha256"
"""Said with every hash: an import without it takes the hash for what RabbitMQ 3.5 made."""


def is_mendable(drift: Drift) -> bool:
    """Whether an import ends *drift*."""
    kinds = {Finding.MISSING: SECTIONS.keys(), Finding.DIFFERENT: CHANGEABLE}
    return drift.thing.kind in kinds.get(drift.finding, ())


def definitions_of(topology: Topology, version: tuple[int, int], vhost: str) -> Mapping[Thing, Record]:
    """Write everything of *topology*, for a broker of *version*; users still lack their password's hash."""
    there: Record = {"vhost": vhost}
    things = {**dict(_things(topology, version)), **dict(_rights(topology))}
    return {thing: record | there for thing, record in things.items()} | dict(_users(topology))


def _things(topology: Topology, version: tuple[int, int]) -> Iterator[tuple[Thing, Record]]:
    for exchange in topology.exchanges:
        kept: Record = {"name": exchange.name, "auto_delete": False, "internal": False}
        yield Thing(kind=Kind.EXCHANGE, name=exchange.name), kept | exchange_content(exchange)
    for policy in topology.policies:
        named: Record = {"name": policy.name}
        yield Thing(kind=Kind.POLICY, name=policy.name), named | policy_content(policy, version)
    for queue in topology.queues:
        kept = {"name": queue.name, "auto_delete": False}
        yield Thing(kind=Kind.QUEUE, name=queue.name), kept | queue_content(queue, version)
    for binding in topology.bindings:
        thing = binding_thing(binding.exchange, binding.routing_key, binding.queue)
        yield (
            thing,
            {
                "source": binding.exchange,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.routing_key,
                "arguments": {},
            },
        )


def _rights(topology: Topology) -> Iterator[tuple[Thing, Record]]:
    for user in topology.users:
        whose: Record = {"user": user.name}
        if (topic := user.topic_permission) is not None:
            yield topic_thing(user.name, topic.exchange), whose | {**asdict(topic)}
        if (rights := user.permission) is not None:
            yield Thing(kind=Kind.PERMISSION, name=user.name), whose | {**asdict(rights)}


def _users(topology: Topology) -> Iterator[tuple[Thing, Record]]:
    for user in topology.users:
        yield Thing(kind=Kind.USER, name=user.name), _user(user)


def _user(user: BrokerUser) -> Record:
    return {"name": user.name, "tags": [user.tag]}
