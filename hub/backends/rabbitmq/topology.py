"""What exists on the broker: the one place that says so; a test holds `docs/reference/topology.md` equal.

Only what can never change is a queue argument; everything tunable is a policy, because a queue whose
arguments differ cannot be redeclared, only deleted. One policy at most applies to a queue, so each carries
all keys. Mailboxes share one, because the broker matches every queue with every policy whenever one of them
changes ([0015](../../../docs/decisions/0015-one-policy-for-all-mailboxes.md)); a mailbox whose limits are
others has one of its own above it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from hub.errors import ConfigurationError
from hub.message.identifiers import MailboxName
from hub.message.properties import (
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_QUEUE,
    DELIVER_EXCHANGE,
    INTAKE_QUEUE,
    INVALID_QUEUE,
    MARKS_EXCHANGE,
    RETURNED_EXCHANGE,
    RETURNED_QUEUE,
    SUBMIT_EXCHANGE,
    UNROUTED_EXCHANGE,
    queue_of,
)

Argument: TypeAlias = str | int
Arguments: TypeAlias = dict[str, Argument]

DELIVERY_LIMIT: Final = 20
"""Safety net only: the hub settles failures itself; a crash spends one delivery of everything prefetched."""
QUORUM: Final[Arguments] = {"x-queue-type": "quorum"}
DELIVERY_TTL: Final = timedelta(days=15)
NOTHING: Final = "^$"

POLICY_PREFIX: Final = "axis."
OWN_POLICY_PREFIX: Final = "axis.agency."
POLICY_PRIORITY: Final = 100
"""Above what an operator's policy for all queues has: only the one with the highest priority applies."""
SHARED_PRIORITY: Final = POLICY_PRIORITY - 1
"""Below the policies of single mailboxes: of two with the same priority nobody can say which applies."""
HUB_TAG: Final = "axis_hub"
MAILBOX_TAG: Final = "axis_mailbox"
"""Tags tell our broker users from everybody else's; they grant nothing."""

_MAILBOX_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: Arguments = field(default_factory=lambda: dict(QUORUM))
    is_last: bool = False
    """Nothing lies behind it: no number of deliveries may make a message disappear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """From an exchange to a queue."""

    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The tunable half of the queues whose names match `pattern`."""

    name: str
    pattern: str
    definition: Arguments
    priority: int = POLICY_PRIORITY

    def matches(self, queue: str) -> bool:
        """Whether it is meant for *queue*; our patterns mean the same to Python as to the broker."""
        return re.search(self.pattern, queue) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a broker user may do in the virtual host, as the broker's regular expressions."""

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPermission:
    """Which routing keys a broker user may publish to one topic exchange."""

    exchange: str
    write: str
    read: str = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUser:
    """A broker user; without a password the one it has is kept, without a permission it may do nothing."""

    name: str
    tag: str
    password: str | None = field(default=None, repr=False)
    permission: Permission | None
    topic_permission: TopicPermission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxTopology:
    """One connected endpoint as the broker knows it; a closed one keeps its queue and loses its rights."""

    name: MailboxName
    is_open: bool = True
    password: str | None = field(default=None, repr=False)
    time_to_live: timedelta = DELIVERY_TTL
    max_messages: int = 200_000
    max_octets: int = 4_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HubUser:
    """The broker user of the hub's own processes."""

    name: str = "hub"
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Everything of ours in one virtual host."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    policies: tuple[Policy, ...]
    users: tuple[BrokerUser, ...]


EXCHANGES: Final = (
    Exchange(name=UNROUTED_EXCHANGE, kind="fanout"),
    Exchange(name=SUBMIT_EXCHANGE, kind="topic", arguments={"alternate-exchange": UNROUTED_EXCHANGE}),
    # No alternate exchange here: a mandatory publish that one catches is not returned.
    Exchange(name=DELIVER_EXCHANGE, kind="direct"),
    Exchange(name=RETURNED_EXCHANGE, kind="fanout"),
    Exchange(name=DEAD_LETTER_EXCHANGE, kind="fanout"),
    Exchange(name=MARKS_EXCHANGE, kind="direct"),
)
HUB_BINDINGS: Final = (
    Binding(exchange=SUBMIT_EXCHANGE, queue=INTAKE_QUEUE, routing_key="#"),
    Binding(exchange=RETURNED_EXCHANGE, queue=RETURNED_QUEUE, routing_key=""),
    Binding(exchange=DEAD_LETTER_EXCHANGE, queue=DEAD_LETTER_QUEUE, routing_key=""),
    Binding(exchange=UNROUTED_EXCHANGE, queue=INVALID_QUEUE, routing_key=""),
)
HUB_QUEUES: Final = (
    Queue(name=INTAKE_QUEUE),
    Queue(name=RETURNED_QUEUE),
    Queue(name=DEAD_LETTER_QUEUE, is_last=True),
    Queue(name=INVALID_QUEUE, is_last=True),
)
_SAFE: Final[Arguments] = {"overflow": "reject-publish"}
HUB_POLICIES: Final = (
    Policy(
        name="axis.hub.working",
        pattern=r"^hub\.(intake|returned)$",
        definition=_SAFE
        | {
            "delivery-limit": DELIVERY_LIMIT,
            "dead-letter-exchange": DEAD_LETTER_EXCHANGE,
            "dead-letter-strategy": "at-least-once",
            "max-length": 500_000,
            "max-length-bytes": 8_000_000_000,
        },
    ),
    # Nothing lies behind these two: no time to live, nowhere to dead-letter to.
    Policy(
        name="axis.hub.last",
        pattern=r"^hub\.(dead_letter|invalid)$",
        definition=_SAFE | {"max-length": 1_000_000, "max-length-bytes": 8_000_000_000},
    ),
)


def _limits_of(mailbox: MailboxTopology) -> Arguments:
    return _SAFE | {
        "delivery-limit": DELIVERY_LIMIT,
        "dead-letter-exchange": RETURNED_EXCHANGE,
        "dead-letter-strategy": "at-least-once",
        "message-ttl": int(mailbox.time_to_live.total_seconds() * 1000),
        "max-length": mailbox.max_messages,
        "max-length-bytes": mailbox.max_octets,
    }


USUAL_LIMITS: Final = _limits_of(MailboxTopology(name=MailboxName("")))
SHARED_POLICY: Final = Policy(
    name="axis.mailboxes", pattern=r"^agency\.", definition=USUAL_LIMITS, priority=SHARED_PRIORITY
)


def own_policy_of(mailbox: MailboxName) -> str:
    """Name the policy of a mailbox whose limits are not those of all."""
    return OWN_POLICY_PREFIX + mailbox


def topology(mailboxes: Sequence[MailboxTopology], hub: HubUser | None = None) -> Topology:
    """Compute everything that must exist for *mailboxes*.

    Raises `ConfigurationError` for a name that cannot be a routing key, a user and part of a pattern.
    """
    for mailbox in mailboxes:
        _check_name(mailbox.name)
    return Topology(
        exchanges=EXCHANGES,
        queues=(
            *HUB_QUEUES,
            *(Queue(name=queue_of(mailbox.name)) for mailbox in mailboxes),
        ),
        bindings=(*HUB_BINDINGS, *(_binding_of(mailbox) for mailbox in mailboxes)),
        policies=(
            *HUB_POLICIES,
            SHARED_POLICY,
            *(_policy_of(mailbox) for mailbox in mailboxes if _limits_of(mailbox) != USUAL_LIMITS),
        ),
        users=(_hub_user(hub or HubUser()), *(_user_of(mailbox) for mailbox in mailboxes)),
    )


def _check_name(name: MailboxName) -> None:
    if not _MAILBOX_NAME.fullmatch(name):
        raise ConfigurationError(
            f"mailbox {name!r} cannot be named like this: use letters, digits, dots, hyphens and underscores"
        )


def _binding_of(mailbox: MailboxTopology) -> Binding:
    return Binding(exchange=DELIVER_EXCHANGE, queue=queue_of(mailbox.name), routing_key=mailbox.name)


def _policy_of(mailbox: MailboxTopology) -> Policy:
    return Policy(
        name=own_policy_of(mailbox.name),
        pattern=_exactly(queue_of(mailbox.name)),
        definition=_limits_of(mailbox),
    )


def _hub_user(hub: HubUser) -> BrokerUser:
    return BrokerUser(
        name=hub.name,
        tag=HUB_TAG,
        password=hub.password,
        permission=Permission(
            write=_exactly(DELIVER_EXCHANGE), read=r"^hub\.(intake|returned|dead_letter|invalid)$"
        ),
    )


def _user_of(mailbox: MailboxTopology) -> BrokerUser:
    rights = Permission(write=_exactly(SUBMIT_EXCHANGE), read=_exactly(queue_of(mailbox.name)))
    # Publishing to a topic exchange is unrestricted until a topic permission for it exists.
    own_key = TopicPermission(exchange=SUBMIT_EXCHANGE, write=_exactly(mailbox.name))
    return BrokerUser(
        name=mailbox.name,
        tag=MAILBOX_TAG,
        password=mailbox.password,
        permission=rights if mailbox.is_open else None,
        topic_permission=own_key if mailbox.is_open else None,
    )


def _exactly(name: str) -> str:
    """Write the regular expression of the broker (PCRE) that matches *name* and nothing else."""
    return "^" + name.replace(".", r"\.") + "$"
