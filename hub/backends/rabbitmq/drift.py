"""Where the broker differs from the topology: both written as plain facts, then compared."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from hub.backends.rabbitmq.management import Record
from hub.backends.rabbitmq.topology import Exchange, Policy, Queue, Topology
from hub.message.properties import SUBMIT_EXCHANGE

QUORUM_POLICIES_SINCE: Final = (3, 12)
NO_POLICY: Final = "none"
UNLIMITED_SINCE: Final = (4, 0)
"""From here on a queue has a delivery limit of 20 and drops what exceeds it, unless it was declared with -1.

A policy with -1 is not sure to be honoured, and before 4.0 an argument of -1 means 0.
"""


class Kind(StrEnum):
    """Kinds of things on the broker, in the order in which they are made."""

    EXCHANGE = "exchange"
    POLICY = "policy"
    QUEUE = "queue"
    POLICY_IN_FORCE = "policy in force"
    BINDING = "binding"
    USER = "user"
    TOPIC_PERMISSION = "topic permission"
    PERMISSION = "permission"


class Finding(StrEnum):
    """In what way something differs."""

    MISSING = "missing"
    DIFFERENT = "different"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Thing:
    """Something on the broker by its name: the queue's, the user's; bindings as `exchange/key/queue`."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


Facts: TypeAlias = Mapping[Thing, str]
"""What each thing is like, as one line of text that equal things share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference, as a sentence for people has it."""

    thing: Thing
    finding: Finding
    wanted: str | None
    observed: str | None

    def __str__(self) -> str:
        text = f"{self.thing} is {self.finding}"
        if self.finding is Finding.DIFFERENT:
            text += f": {self.observed} instead of {self.wanted}"
        return text


def compare(wanted: Facts, observed: Facts) -> list[Drift]:
    """Return every difference, in the order in which things are made; what is surplus comes last."""
    order = list(Kind)
    changed = [
        Drift(thing=thing, finding=finding, wanted=value, observed=observed.get(thing))
        for thing, value in wanted.items()
        if (finding := _finding(value, observed.get(thing))) is not None
    ]
    surplus = [
        Drift(thing=thing, finding=Finding.SURPLUS, wanted=None, observed=value)
        for thing, value in observed.items()
        if thing not in wanted
    ]
    changed.sort(key=lambda drift: (order.index(drift.thing.kind), drift.finding))
    surplus.sort(key=lambda drift: -order.index(drift.thing.kind))
    return changed + surplus


def _finding(wanted: str, observed: str | None) -> Finding | None:
    if observed is None:
        return Finding.MISSING
    return None if observed == wanted else Finding.DIFFERENT


def facts_of(topology: Topology, version: tuple[int, int]) -> Facts:
    """Write *topology* as facts, for a broker of *version*."""
    return dict(_facts(topology, version))


def _facts(topology: Topology, version: tuple[int, int]) -> Iterator[tuple[Thing, str]]:
    for exchange in topology.exchanges:
        yield Thing(kind=Kind.EXCHANGE, name=exchange.name), exchange_fact(exchange_content(exchange))
        yield policy_on_exchange(exchange.name), NO_POLICY
    for policy in topology.policies:
        yield Thing(kind=Kind.POLICY, name=policy.name), policy_fact(policy_content(policy, version))
    highest_first = sorted(topology.policies, key=lambda policy: -policy.priority)
    policies = [(re.compile(policy.pattern), policy.name) for policy in highest_first]
    for queue in topology.queues:
        yield Thing(kind=Kind.QUEUE, name=queue.name), queue_fact(queue_content(queue, version))
        yield Thing(kind=Kind.POLICY_IN_FORCE, name=queue.name), _policy_name(queue, policies)
    for binding in topology.bindings:
        yield binding_thing(binding.exchange, binding.routing_key, binding.queue), "bound"
    for user in topology.users:
        yield Thing(kind=Kind.USER, name=user.name), user.tag
        if (rights := user.permission) is not None:
            yield Thing(kind=Kind.PERMISSION, name=user.name), permission_fact({**asdict(rights)})
        if (topic := user.topic_permission) is not None:
            yield topic_thing(user.name, topic.exchange), topic_permission_fact({**asdict(topic)})


def _policy_name(queue: Queue, policies: Sequence[tuple[re.Pattern[str], str]]) -> str:
    return next(name for pattern, name in policies if pattern.search(queue.name))


def exchange_content(exchange: Exchange) -> Record:
    """Write *exchange* as the management interface takes it."""
    return {"type": exchange.kind, "durable": True, "arguments": {**exchange.arguments}}


def queue_content(queue: Queue, version: tuple[int, int]) -> Record:
    """Write *queue* as the management interface of a broker of *version* takes it."""
    unlimited = {"x-delivery-limit": -1} if queue.is_last and version >= UNLIMITED_SINCE else {}
    return {"durable": True, "arguments": {**queue.arguments, **unlimited}}


def policy_content(policy: Policy, version: tuple[int, int]) -> Record:
    """Write *policy* as the management interface of a broker of *version* takes it."""
    return {
        "pattern": policy.pattern,
        "definition": {**policy.definition},
        "apply-to": "quorum_queues" if version >= QUORUM_POLICIES_SINCE else "queues",
        "priority": policy.priority,
    }


def exchange_fact(record: Record) -> str:
    """Write what matters of an exchange."""
    return _line(record, "type", "durable", "arguments")


def queue_fact(record: Record) -> str:
    """Write what matters of a queue."""
    return _line(record, "durable", "arguments")


def policy_fact(record: Record) -> str:
    """Write what matters of a policy."""
    return _line(record, "pattern", "definition", "apply-to", "priority")


def permission_fact(record: Record) -> str:
    """Write what a user may do."""
    return _line(record, "configure", "write", "read")


def topic_permission_fact(record: Record) -> str:
    """Write which routing keys a user may use."""
    return _line(record, "exchange", "write", "read")


def binding_thing(exchange: str, routing_key: str, destination: str) -> Thing:
    """Name a binding."""
    return Thing(kind=Kind.BINDING, name=f"{exchange}/{routing_key}/{destination}")


def bound_thing(record: Record) -> Thing:
    """Name a binding that the broker has; one between exchanges is never one of ours."""
    destination = str(record["destination"])
    if record["destination_type"] != "queue":
        destination = f"{record['destination_type']} {destination}"
    return binding_thing(str(record["source"]), str(record["routing_key"]), destination)


def policy_on_exchange(name: str) -> Thing:
    """Name what is in force on an exchange; queues have names of their own."""
    return Thing(kind=Kind.POLICY_IN_FORCE, name=f"exchange {name}")


def topic_thing(user: str, exchange: str) -> Thing:
    """Name what a user may publish to one topic exchange."""
    name = user if exchange == SUBMIT_EXCHANGE else f"{user} at {exchange}"
    return Thing(kind=Kind.TOPIC_PERMISSION, name=name)


def _line(record: Record, *keys: str) -> str:
    return json.dumps({key: record.get(key) for key in keys}, sort_keys=True)
