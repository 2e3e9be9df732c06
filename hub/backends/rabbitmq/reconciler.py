"""Keeps the broker as the topology says: looks first, changes what differs, removes little but rights.

What is missing or different is imported in bulk, a kind after the other. A binding that lets somebody
else listen at one of our exchanges is a right, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import structlog

from hub.backends.rabbitmq.definitions import (
    CHUNK,
    CHUNKS,
    HASHING,
    SECTIONS,
    definitions_of,
    is_mendable,
)
from hub.backends.rabbitmq.drift import (
    Drift,
    Finding,
    Kind,
    Thing,
    bound_thing,
    compare,
    facts_of,
)
from hub.backends.rabbitmq.management import ManagementApi, Record, segment
from hub.backends.rabbitmq.observation import observe, password_hash
from hub.backends.rabbitmq.topology import MAILBOX_TAG, BrokerUser, Topology, own_policy_of
from hub.errors import ConfigurationError
from hub.message.identifiers import MailboxName
from hub.message.properties import DELIVER_EXCHANGE, queue_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many differences have been mended, and of how many."""


def untold(_mended: int, _of: int) -> None:
    """Tell nobody."""


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

    async def apply(self, topology: Topology, progress: Progress = untold) -> Changes:
        """Make the broker as *topology* says.

        Makes what is missing, changes what can be changed, takes rights from closed mailboxes, bindings from
        who listens in, and the policy of its own from a mailbox that shares everybody's. It never deletes a
        queue, an exchange, any other policy or a user, nor the binding by which a mailbox's queue gets what
        is for it; what would need that is left and returned. Raises `ConfigurationError` for a new user
        without a password. What was broken off can be called again: it goes on with what is missing.
        """
        found = await self.drift(topology)
        mender = _Mender(self._api, topology, await self._api.version())
        made = await mender.mend(found, progress)
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
    """Mends differences: what is missing or different in bulk, what is surplus one by one."""

    def __init__(self, api: ManagementApi, topology: Topology, version: tuple[int, int]) -> None:
        self._api = api
        self._definitions = definitions_of(topology, version, api.vhost_name)
        self._users = {user.name: user for user in topology.users}
        self._outgrown = frozenset(
            own_policy_of(MailboxName(user.name)) for user in topology.users if user.tag == MAILBOX_TAG
        )

    async def mend(self, found: Sequence[Drift], progress: Progress) -> list[Drift]:
        """Mend what can be mended of *found*; returns that."""
        made: list[Drift] = []
        for chunk in _chunks([drift for drift in found if is_mendable(drift)]):
            await self._import(chunk)
            made += chunk
            progress(len(made), len(found))
        for drift in found:
            if drift.finding is Finding.SURPLUS and await self._take_away(drift.thing):
                _tell([drift])
                made.append(drift)
        return made

    async def _import(self, chunk: Sequence[Drift]) -> None:
        kind = chunk[0].thing.kind
        definitions = [await self._definition(drift.thing) for drift in chunk]
        await self._api.import_definitions(SECTIONS[kind], definitions)
        _tell(chunk)

    async def _definition(self, thing: Thing) -> Record:
        written = self._definitions[thing]
        return (
            written | await self._secret_of(self._users[thing.name]) if thing.kind is Kind.USER else written
        )

    async def _secret_of(self, user: BrokerUser) -> Record:
        if user.password is not None:
            return {"password_hash": password_hash(user.password), "hashing_algorithm": HASHING}
        record = await self._api.find(f"users/{segment(user.name)}")
        if record is None:
            raise ConfigurationError(
                f"the broker has no user {user.name!r} yet: apply the topology with a password for it"
            )
        return {key: record[key] for key in ("password_hash", "hashing_algorithm")}

    async def _take_away(self, thing: Thing) -> bool:
        """Take what one of ours has beyond the topology; whom it does not name is left alone."""
        if thing.kind is Kind.BINDING:
            return await self._unbind(thing.name)
        takeable = {
            Kind.PERMISSION: ("permissions", self._users),
            Kind.TOPIC_PERMISSION: ("topic-permissions", self._users),
            Kind.POLICY: ("policies", self._outgrown),
        }
        path, names = takeable.get(thing.kind, ("", ()))
        if thing.name not in names:
            return False
        await self._api.delete(f"{path}/{self._api.vhost}/{segment(thing.name)}")
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


def _chunks(found: Sequence[Drift]) -> Iterator[list[Drift]]:
    """Cut *found*, in the order in which things are made, into pieces that are alike."""
    for (kind, _), alike in groupby(found, key=lambda drift: (drift.thing.kind, drift.finding)):
        rest, size = [*alike], CHUNKS.get(kind, CHUNK)
        for begin in range(0, len(rest), size):
            yield rest[begin : begin + size]


def _tell(made: Sequence[Drift]) -> None:
    kind, was = made[0].thing.kind.value, made[0].finding.value
    log.info("topology.changed", kind=kind, was=was, things=[drift.thing.name for drift in made])
