"""What the watch makes of what a broker says, look after look, on a real database."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres import queue_watching
from hub.backends.rabbitmq.management import ManagementApi
from hub.backends.rabbitmq.queue_facts import BrokerFacts, QueueFacts
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.properties import queue_of
from hub.workers.queue_watch import QueueWatch
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission
from tests.support.store import documents, retry_later, returned

H41 = MailboxName("H41")
EVERY = timedelta(seconds=10)
LONG = 6
"""Looks after which everything is judged."""
DEPTH = 3


def no_broker() -> AbstractAsyncContextManager[ManagementApi]:
    raise AssertionError("a comparison asks nobody")


@dataclass(slots=True)
class Broker:
    """What a broker says of one queue, and how it is looked at."""

    office: Office
    watch: QueueWatch
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    queue: QueueFacts | None = None
    returned: int = 0
    others: int = 0
    """What lies in the other mailboxes, since long ago."""
    uptimes: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=2))
    counts: bool = True
    has_marks: bool = True
    mark: str | None = None

    async def looks(self, times: int = LONG) -> None:
        """Look, and bind the marks that are asked for."""
        for _ in range(times):
            self.now += EVERY
            self.uptimes = tuple(each + EVERY for each in self.uptimes)
            event = await queue_watching.newest_event(self.office.database)
            marks = await self.watch.compare(self._facts(), self.now, event)
            self.mark = marks.get(H41, self.mark)

    def moves(self, *, depth: int = 0, published: int = 0, taken: int = 0) -> None:
        assert self.queue is not None
        assert self.queue.depth is not None
        self.queue = replace(
            self.queue,
            depth=self.queue.depth + depth,
            published=self.queue.published + published,
            taken=self.queue.taken + taken,
        )

    def restarts(self, *nodes: int) -> None:
        """Let nodes start anew, and nobody look until they have been up for a while."""
        self.now += 4 * EVERY
        self.uptimes = tuple(
            2.5 * EVERY if place in nodes else each + 4 * EVERY for place, each in enumerate(self.uptimes)
        )

    async def losses(self) -> list[tuple[object, ...]]:
        query = "select mailbox, kind, deliveries from queue_losses where ended_at is null"
        return [tuple(row) for row in await self.office.store.fetch(query)]

    def _facts(self) -> BrokerFacts:
        mark = frozenset() if self.mark is None or not self.has_marks else frozenset({self.mark})
        other = QueueFacts(depth=self.others, published=0, taken=0, is_counted=True, marks=frozenset())
        queues = {} if self.queue is None else {queue_of(H41): replace(self.queue, marks=mark)}
        return BrokerFacts(
            queues=queues | {"agency.elsewhere": other},
            returned=self.returned,
            uptimes=self.uptimes,
            counts=self.counts,
            has_marks=self.has_marks,
        )


@pytest.fixture
async def broker(office: Office) -> Broker:
    """Let three documents lie in a queue at rest that the watch knows."""
    for _ in range(DEPTH):
        _, handed_over = await office.hub.accept(a_submission().admitted())
        await office.hub.deliver(documents(handed_over))
    watch = QueueWatch(
        database=office.database,
        connect=no_broker,
        clock=SystemClock(),
        interval=EVERY,
        patience=timedelta(seconds=30),
    )
    queue = QueueFacts(depth=DEPTH, published=100, taken=97, is_counted=True, marks=frozenset())
    under_test = Broker(office=office, watch=watch, queue=queue)
    await under_test.looks()
    assert await under_test.losses() == []
    return under_test


async def test_a_queue_that_is_gone_at_two_looks_is_missing_and_at_one_is_not(broker: Broker) -> None:
    there, broker.queue = broker.queue, None
    await broker.looks(1)
    broker.queue = there
    await broker.looks(1)
    assert await broker.losses() == []

    broker.queue = None
    await broker.looks(2)

    assert await broker.losses() == [("H41", "missing", DEPTH)]


async def test_a_queue_without_its_mark_is_another_one(broker: Broker) -> None:
    broker.mark, broker.queue = (
        None,
        QueueFacts(depth=0, published=0, taken=0, is_counted=True, marks=frozenset()),
    )

    await broker.looks(2)

    assert await broker.losses() == [("H41", "remade", DEPTH)]


async def test_where_nothing_marks_can_be_bound_to_nothing_is_gone(broker: Broker) -> None:
    broker.has_marks = False

    await broker.looks()

    assert await broker.losses() == []


async def test_a_queue_that_a_list_leaves_out_and_whose_mark_is_there_is_not_gone(broker: Broker) -> None:
    broker.queue = QueueFacts(depth=None, published=0, taken=0, is_counted=True, marks=frozenset())

    await broker.looks()

    assert await broker.losses() == []


async def test_a_queue_that_was_purged_at_rest_is_emptied(broker: Broker) -> None:
    broker.moves(depth=-DEPTH)

    await broker.looks()

    assert await broker.losses() == [("H41", "emptied", DEPTH)]


async def test_a_recipient_that_takes_without_a_word_has_emptied_nothing(broker: Broker) -> None:
    broker.moves(depth=-DEPTH)
    await broker.looks(1)
    broker.moves(taken=DEPTH)

    await broker.looks()

    assert await broker.losses() == []


async def test_a_full_queue_has_lost_nothing_of_what_it_refused(broker: Broker) -> None:
    parked = (
        "update mailboxes set breaker = 'open', parked_because = 'full', parked_since = now() where name = $1"
    )
    await broker.office.store.fetch(parked, H41)
    broker.moves(published=500)
    await broker.looks()
    await broker.office.store.fetch(
        "update mailboxes set breaker = 'closed', parked_because = null, parked_since = null where name = $1",
        H41,
    )

    await broker.looks()

    assert await broker.losses() == []


async def test_what_waits_to_be_settled_is_not_lost_and_hides_no_loss(broker: Broker) -> None:
    broker.moves(depth=-DEPTH)
    broker.returned = DEPTH
    await broker.looks()
    assert await broker.losses() == []

    broker.returned = 0
    await broker.looks()

    assert await broker.losses() == [("H41", "emptied", DEPTH)]


async def test_what_came_back_was_not_lost(broker: Broker) -> None:
    rows = await broker.office.store.fetch("select delivery_id from deliveries where state = 'consigned'")
    back = [returned(DeliveryId(UUID(str(row[0])))) for row in rows]
    await broker.office.hub.come_back(*back, recover=retry_later)
    broker.moves(depth=-DEPTH)

    await broker.looks()

    assert await broker.losses() == []


async def test_one_node_that_counts_from_nought_has_lost_nothing(broker: Broker) -> None:
    broker.restarts(1)
    broker.moves(depth=-1, published=-40, taken=-42)

    await broker.looks()

    assert await broker.losses() == []


@pytest.mark.parametrize("taken_before", [0, DEPTH])
async def test_nodes_that_all_count_from_nought_have_lost_nothing(broker: Broker, taken_before: int) -> None:
    broker.others = 7
    broker.restarts(0, 1)
    broker.moves(depth=-taken_before, published=-100, taken=-97)

    await broker.looks()

    assert await broker.losses() == []


async def test_a_node_that_is_away_with_its_counts_proves_nothing(broker: Broker) -> None:
    broker.counts = False
    broker.moves(published=5, taken=-DEPTH + 5, depth=0)
    await broker.looks()
    broker.counts = True

    await broker.looks()

    assert await broker.losses() == []


async def test_a_broker_that_was_restored_empty_with_its_marks_is_emptied(broker: Broker) -> None:
    broker.restarts(0, 1)
    broker.queue = QueueFacts(depth=0, published=0, taken=0, is_counted=True, marks=frozenset())

    await broker.looks()

    assert await broker.losses() == [("H41", "emptied", DEPTH)]


async def test_the_queue_of_a_mailbox_that_is_closed_may_go(broker: Broker) -> None:
    await broker.office.store.close_mailbox(H41)
    broker.queue = None

    await broker.looks()

    assert await broker.losses() == []
