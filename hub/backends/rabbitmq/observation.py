"""What the broker says that exists, within our name spaces only, as facts that can be compared."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from typing import Final

from hub.backends.rabbitmq.drift import (
    Facts,
    Kind,
    Thing,
    binding_thing,
    exchange_fact,
    permission_fact,
    policy_fact,
    queue_fact,
    topic_permission_fact,
)
from hub.backends.rabbitmq.management import ManagementApi, Record
from hub.backends.rabbitmq.topology import HUB_TAG, MAILBOX_TAG, POLICY_PREFIX, Topology
from hub.message.properties import DEAD_LETTER_EXCHANGE

OUR_QUEUES: Final = r"^(hub|agency)\."
OUR_EXCHANGES: Final = re.compile(rf"axis\..*|{re.escape(DEAD_LETTER_EXCHANGE)}")
QUEUE_POLICIES: Final = frozenset({"all", "queues", "quorum_queues"})
OUR_TAGS: Final = frozenset({HUB_TAG, MAILBOX_TAG})
SALT_OCTETS: Final = 4


async def observe(api: ManagementApi, topology: Topology) -> Facts:
    """Read everything of ours, and the users of *topology* wherever they come from."""
    facts = {thing: fact async for thing, fact in _entities(api)}
    permissions = await api.records(f"vhosts/{api.vhost}/permissions")
    users = await api.records("users")
    named = {user.name: user for user in topology.users}
    present = {str(record["user"]) for record in permissions}
    tagged = {str(user["name"]) for user in users if _tags(user) & OUR_TAGS}
    ours = named.keys() | (tagged & present)
    for user in users:
        name = str(user["name"])
        if name in ours:
            password = named[name].password if name in named else None
            facts[Thing(kind=Kind.USER, name=name)] = _user_fact(user, password)
    facts |= _rights(permissions, await api.records(f"vhosts/{api.vhost}/topic-permissions"), ours)
    return facts


async def _entities(api: ManagementApi) -> AsyncIterator[tuple[Thing, str]]:
    for record in await api.records(f"exchanges/{api.vhost}"):
        if OUR_EXCHANGES.fullmatch(str(record["name"])):
            yield Thing(kind=Kind.EXCHANGE, name=str(record["name"])), exchange_fact(record)
    policies = await api.records(f"policies/{api.vhost}")
    for record in policies:
        if str(record["name"]).startswith(POLICY_PREFIX):
            yield Thing(kind=Kind.POLICY, name=str(record["name"])), policy_fact(record)
    columns = "name,durable,arguments"
    async for record in api.pages(f"queues/{api.vhost}", name=OUR_QUEUES, use_regex="true", columns=columns):
        name = str(record["name"])
        yield Thing(kind=Kind.QUEUE, name=name), queue_fact(record)
        yield Thing(kind=Kind.POLICY_IN_FORCE, name=name), _in_force(name, policies)
    for record in await api.records(f"bindings/{api.vhost}"):
        if OUR_EXCHANGES.fullmatch(str(record["source"])):
            route = (str(record["source"]), str(record["routing_key"]), str(record["destination"]))
            yield binding_thing(*route), "bound"


def _in_force(queue: str, policies: list[Record]) -> str:
    """Name the policy that the broker applies to *queue*; what it says itself is seconds old."""
    candidates = [
        (int(str(policy["priority"])), str(policy["name"]))
        for policy in policies
        if policy["apply-to"] in QUEUE_POLICIES and re.search(str(policy["pattern"]), queue)
    ]
    return max(candidates, default=(0, "none"))[1]


def _rights(permissions: list[Record], topics: list[Record], ours: AbstractSet[str]) -> dict[Thing, str]:
    facts: dict[Thing, str] = {}
    for record in permissions:
        if (name := str(record["user"])) in ours:
            facts[Thing(kind=Kind.PERMISSION, name=name)] = permission_fact(record)
    for record in topics:
        if (name := str(record["user"])) in ours:
            facts[Thing(kind=Kind.TOPIC_PERMISSION, name=name)] = topic_permission_fact(record)
    return facts


def _user_fact(user: Record, password: str | None) -> str:
    """Write a user's tags, and that its password is another one than *password*, where one is given."""
    fact = ",".join(sorted(_tags(user)))
    if password is not None and not is_password(password, str(user["password_hash"])):
        fact += " with another password"
    return fact


def _tags(user: Record) -> frozenset[str]:
    tags = user["tags"]
    names = tags if isinstance(tags, list) else str(tags).split(",")
    return frozenset(str(name) for name in names if name)


def password_hash(password: str, salt: bytes | None = None) -> str:
    """Hash *password* as RabbitMQ stores it: the salt, then SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(SALT_OCTETS) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode("ascii")


def is_password(password: str, stored: str) -> bool:
    """Whether *stored* is the hash of *password*."""
    salt = base64.b64decode(stored)[:SALT_OCTETS]
    return hmac.compare_digest(password_hash(password, salt), stored)
