"""What the broker can tell about mailboxes' queues without anybody looking into them; and their marks.

A mark is a binding of the queue under a name that nobody knows: the broker takes it away with the queue, and
whoever declares the queue again does not know it.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import JsonValue

from hub.backends.rabbitmq.management import ManagementApi, Record, segment
from hub.message.identifiers import MailboxName
from hub.message.properties import MARKS_EXCHANGE, RETURNED_QUEUE, queue_of

WATCHED: Final = r"^(agency\.|hub\.returned$)"
MARKS_IN_AN_IMPORT: Final = 250
_TAKEN: Final = ("ack", "get_no_ack", "deliver_no_ack")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """One queue."""

    depth: int | None
    """What lies in it, with what is in a consumer's hands; None where the broker does not say."""
    published: int
    taken: int
    is_counted: bool
    """Whether its consumers are of those whose acknowledgements the broker counts."""
    marks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """All of them at one look."""

    queues: Mapping[str, QueueFacts]
    """By name; also those that a list has left out, as a node may that is slow, and that have a mark."""
    returned: int
    """What came back and no hub has settled yet."""
    uptimes: tuple[timedelta, ...]
    """Of each node that runs."""
    counts: bool
    """Whether the broker counts what is published and taken; what is away has taken its part along."""
    has_marks: bool
    """Whether there is anything for marks to be bound to."""

    @property
    def has_nothing_old(self) -> bool:
        """Say whether all that lies in queues was put there since the broker began to count."""
        return all((each.depth or 0) <= each.published for each in self.queues.values())


async def read_facts(api: ManagementApi) -> BrokerFacts:
    """Ask for all queues of mailboxes: a handful of requests, however many queues there are."""
    overview = await api.record("overview")
    counts = overview.get("disable_stats") is not True and overview.get("rates_mode") != "none"
    moved = {str(each["name"]): each async for each in _moved(api)} if counts else {}
    depths = {str(each["name"]): _depth(each) async for each in _depths(api)}
    marks = await _marks(api)
    nodes = await api.records("nodes")
    running = [node for node in nodes if node.get("running")]
    return BrokerFacts(
        queues={
            name: _facts(depths.get(name), moved.get(name, {}), frozenset((marks or {}).get(name, ())))
            for name in depths.keys() | (marks or {}).keys()
        },
        returned=depths.get(RETURNED_QUEUE) or 0,
        uptimes=tuple(timedelta(milliseconds=_number(node.get("uptime"))) for node in running),
        counts=counts and len(running) == len(nodes),
        has_marks=marks is not None,
    )


async def make_marks(api: ManagementApi, marks: Mapping[MailboxName, str]) -> None:
    """Mark the queues of *marks*, all of which exist; a mark that is there stays."""
    there: Record = {"vhost": api.vhost_name}
    if await api.find(f"exchanges/{api.vhost}/{segment(MARKS_EXCHANGE)}") is None:
        kept: Record = {"name": MARKS_EXCHANGE, "type": "direct", "durable": True, "arguments": {}}
        await api.import_definitions("exchanges", [there | kept | {"auto_delete": False, "internal": False}])
    bindings = [there | _binding(queue_of(mailbox), mark) for mailbox, mark in marks.items()]
    for start in range(0, len(bindings), MARKS_IN_AN_IMPORT):
        await api.import_definitions("bindings", bindings[start : start + MARKS_IN_AN_IMPORT])


def _binding(queue: str, mark: str) -> Record:
    return {
        "source": MARKS_EXCHANGE,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": mark,
        "arguments": {},
    }


async def queue_exists(api: ManagementApi, mailbox: MailboxName) -> bool:
    """Say whether *mailbox* has a queue at this moment."""
    return await api.find(f"queues/{api.vhost}/{segment(queue_of(mailbox))}") is not None


async def _marks(api: ManagementApi) -> dict[str, list[str]] | None:
    """Return each queue's marks; None where nobody has made the exchange yet, or somebody has deleted it."""
    if await api.find(f"exchanges/{api.vhost}/{segment(MARKS_EXCHANGE)}") is None:
        return None
    found: dict[str, list[str]] = {}
    for record in await api.records(f"exchanges/{api.vhost}/{segment(MARKS_EXCHANGE)}/bindings/source"):
        found.setdefault(str(record["destination"]), []).append(str(record["routing_key"]))
    return found


def _depths(api: ManagementApi) -> AsyncIterator[Record]:
    """Without statistics: with them the broker leaves out queues that are only seconds old."""
    return api.pages(
        f"queues/{api.vhost}",
        name=WATCHED,
        use_regex="true",
        disable_stats="true",
        enable_queue_totals="true",
    )


def _moved(api: ManagementApi) -> AsyncIterator[Record]:
    columns = "name,consumers," + ",".join(
        f"message_stats.{each}" for each in ("publish", "deliver_get", *_TAKEN)
    )
    return api.pages(f"queues/{api.vhost}", name=WATCHED, use_regex="true", columns=columns)


def _depth(record: Record) -> int | None:
    ready, unsettled = record.get("messages_ready"), record.get("messages_unacknowledged")
    return ready + unsettled if isinstance(ready, int) and isinstance(unsettled, int) else None


def _facts(depth: int | None, moved: Record, marks: frozenset[str]) -> QueueFacts:
    stats = moved.get("message_stats")
    counted = stats if isinstance(stats, dict) else {}
    return QueueFacts(
        depth=depth,
        published=_number(counted.get("publish")),
        taken=sum(_number(counted.get(each)) for each in _TAKEN),
        is_counted=not _number(moved.get("consumers")) or _number(counted.get("deliver_get")) > 0,
        marks=marks,
    )


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0
