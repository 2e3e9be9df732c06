"""What the broker says that exists, within our name spaces only, as facts that can be compared."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from hub.backends.rabbitmq.drift import (
    NO_POLICY,
    Facts,
    Kind,
    Thing,
    bound_thing,
    exchange_fact,
    permission_fact,
    policy_fact,
    policy_on_exchange,
    queue_fact,
    topic_permission_fact,
    topic_thing,
)
from hub.backends.rabbitmq.management import ManagementApi, Record
from hub.backends.rabbitmq.topology import HUB_TAG, MAILBOX_TAG, POLICY_PREFIX, Topology
from hub.message.properties import DEAD_LETTER_EXCHANGE, MARKS_EXCHANGE

OUR_QUEUES: Final = r"^(hub|agency)\."
OUR_EXCHANGES: Final = re.compile(rf"axis\..*|{re.escape(DEAD_LETTER_EXCHANGE)}")
QUEUE_POLICIES: Final = frozenset({"all", "queues", "quorum_queues"})
EXCHANGE_POLICIES: Final = frozenset({"all", "exchanges"})
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
    ours = named.keys() | (tagged & present) | _strangers(users, present, api.user)
    for user in users:
        name = str(user["name"])
        if name in ours:
            password = named[name].password if name in named else None
            facts[Thing(kind=Kind.USER, name=name)] = _user_fact(user, password)
    facts |= _rights(permissions, await api.records(f"vhosts/{api.vhost}/topic-permissions"), ours)
    return facts


async def _entities(api: ManagementApi) -> AsyncIterator[tuple[Thing, str]]:
    policies = await api.records(f"policies/{api.vhost}")
    rules = Rules(policies, await api.records(f"operator-policies/{api.vhost}"))
    for record in await api.records(f"exchanges/{api.vhost}"):
        if OUR_EXCHANGES.fullmatch(name := str(record["name"])):
            yield Thing(kind=Kind.EXCHANGE, name=name), exchange_fact(record)
            yield policy_on_exchange(name), rules.on_exchange(name)
    for record in policies:
        if str(record["name"]).startswith(POLICY_PREFIX):
            yield Thing(kind=Kind.POLICY, name=str(record["name"])), policy_fact(record)
    columns = "name,durable,arguments"
    async for record in api.pages(f"queues/{api.vhost}", name=OUR_QUEUES, use_regex="true", columns=columns):
        name = str(record["name"])
        yield Thing(kind=Kind.QUEUE, name=name), queue_fact(record)
        yield Thing(kind=Kind.POLICY_IN_FORCE, name=name), rules.on_queue(name)
    for record in await api.records(f"bindings/{api.vhost}"):
        # Marks come and go with whoever watches the queues; nobody hears anything by one.
        source = str(record["source"])
        if source != MARKS_EXCHANGE and OUR_EXCHANGES.fullmatch(source):
            yield bound_thing(record), "bound"


def _strangers(users: list[Record], present: AbstractSet[str], we: str) -> frozenset[str]:
    """Name those who have rights here and are neither ours nor administrators, who could take any."""
    ordinary = {str(user["name"]) for user in users if "administrator" not in _tags(user)}
    return frozenset((ordinary & present) - {we})


class Rules:
    """Which policies the broker applies; what it says itself is seconds old."""

    def __init__(self, policies: list[Record], operators: list[Record]) -> None:
        self._policies = _compiled(policies)
        self._operators = _compiled(operators)

    def on_queue(self, name: str) -> str:
        """Name what is in force on a queue of ours."""
        operators = _highest(name, self._operators, QUEUE_POLICIES)
        return _highest(name, self._policies, QUEUE_POLICIES) + (
            "" if operators == NO_POLICY else f" under the operator policy {operators}"
        )

    def on_exchange(self, name: str) -> str:
        """Name what is in force on an exchange of ours: it could divert what has no route."""
        return _highest(name, self._policies, EXCHANGE_POLICIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    name: str
    pattern: re.Pattern[str]
    applies_to: str
    priority: int


def _compiled(records: list[Record]) -> list[_Rule]:
    return [
        _Rule(
            name=str(record["name"]),
            pattern=re.compile(str(record["pattern"])),
            applies_to=str(record["apply-to"]),
            priority=int(str(record["priority"])),
        )
        for record in records
    ]


def _highest(name: str, rules: list[_Rule], kinds: AbstractSet[str]) -> str:
    found = [
        (rule.priority, rule.name) for rule in rules if rule.applies_to in kinds and rule.pattern.search(name)
    ]
    return max(found, default=(0, NO_POLICY))[1]


def _rights(permissions: list[Record], topics: list[Record], ours: AbstractSet[str]) -> dict[Thing, str]:
    facts: dict[Thing, str] = {}
    for record in permissions:
        if (name := str(record["user"])) in ours:
            facts[Thing(kind=Kind.PERMISSION, name=name)] = permission_fact(record)
    for record in topics:
        if (name := str(record["user"])) in ours:
            facts[topic_thing(name, str(record["exchange"]))] = topic_permission_fact(record)
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
