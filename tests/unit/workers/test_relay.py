"""The relay alone: what it has in hand, in which order it lets go of it, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.errors import AnswerLost
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, ReturnedDelivery, ReturnReason
from hub.message.receipt import ReceiptEvent
from hub.ports import Attest, Recover
from tests.support.decisions import a_submission, plain_pen
from tests.support.memory_hub import QUICK, MemoryHub
from tests.support.waiting import until

ONE_AT_A_TIME = replace(QUICK, in_flight=1)


class ForgetfulOutbox:
    """Does what it is asked; the answer to the first claim, or to the first record, is lost on the way."""

    def __init__(self, hub: MemoryHub, *, loses: str) -> None:
        self._outbox = hub.memory_outbox()
        self._loses = loses
        self.lost = asyncio.Event()

    async def claim(self, limit: int, octets: int) -> Sequence[OutboxEntry]:
        return self._answer("claim", await self._outbox.claim(limit, octets))

    async def release(self, entries: Sequence[OutboxEntry]) -> None:
        await self._outbox.release(entries)

    async def disown(self, held: Mapping[int, int]) -> None:
        await self._outbox.disown(held)

    async def record(
        self, attempts: Sequence[Attempted], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        return self._answer("record", await self._outbox.record(attempts, recover, attest))

    def _answer(self, act: str, entries: Sequence[OutboxEntry]) -> Sequence[OutboxEntry]:
        if act == self._loses and entries and not self.lost.is_set():
            self.lost.set()
            raise AnswerLost("the connection broke before the answer")
        return entries


class ListeningPublisher:
    """Remembers what was published; a test decides what the broker says to it."""

    def __init__(self) -> None:
        self.is_up = True
        self.published: list[OutboxEntry] = []
        self.says: Callable[[OutboxEntry], PublishResult] = lambda _: PublishResult.CONFIRMED
        self.most_in_flight = 0
        self._in_flight = 0

    async def publish(self, entry: OutboxEntry) -> PublishResult:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        self.published.append(entry)
        await asyncio.sleep(0)
        self._in_flight -= 1
        return self.says(entry)

    @property
    def documents(self) -> list[int]:
        return [entry.lane_number for entry in self.published if entry.kind is MessageKind.DOCUMENT]


async def documents(hub: MemoryHub, count: int, **fields: object) -> list[OutboxEntry]:
    """Accept documents; what is told about them is left out."""
    decisions = [a_submission(**fields).admitted() for _ in range(count)]
    committed = await hub.memory_seam().commit(decisions, plain_pen)
    letters = [each for each in committed.handed_over if each.kind is MessageKind.RECEIPT]
    await hub.memory_outbox().release(letters)
    return [each for each in committed.handed_over if each.kind is MessageKind.DOCUMENT]


@asynccontextmanager
async def relaying(hub: MemoryHub) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(hub.relay.run(stop))
        try:
            yield
        finally:
            stop.set()


async def emptied(hub: MemoryHub) -> None:
    await until(lambda: not hub.store.tables.entries, what="an empty outbox", pause=0.002)


async def test_what_is_handed_over_is_published_in_that_order() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)

    hub.relay.offer(await documents(hub, 20))
    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == list(range(1, 21))
    assert hub.relay.held == 0


async def test_the_order_is_that_of_acceptance_also_when_hand_overs_come_in_another() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    earlier, later = await documents(hub, 2), await documents(hub, 2)

    hub.relay.offer(later)
    hub.relay.offer(earlier)
    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == [1, 2, 3, 4]


async def test_what_a_claim_took_whose_answer_was_lost_is_published_and_not_overtaken() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    hub.outbox = outbox = ForgetfulOutbox(hub, loses="claim")
    hub.__post_init__()
    await hub.memory_outbox().release(await documents(hub, 2))

    async with relaying(hub):
        await outbox.lost.wait()
        async with hub.relay.claiming():
            hub.relay.offer(await documents(hub, 1))
        await emptied(hub)

    assert publisher.documents == [1, 2, 3]


async def test_receipts_of_a_record_whose_answer_was_lost_are_published_without_waiting() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    hub.outbox = outbox = ForgetfulOutbox(hub, loses="record")
    hub.__post_init__()

    hub.relay.offer(await documents(hub, 1))
    async with relaying(hub):
        await outbox.lost.wait()
        await emptied(hub)

    events = [entry.event for entry in publisher.published if entry.kind is MessageKind.RECEIPT]
    assert ReceiptEvent.CONTENT_CONSIGNMENT in events


async def test_urgent_documents_go_first() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=ONE_AT_A_TIME)

    hub.relay.offer([*await documents(hub, 3), *await documents(hub, 2, priority=1)])
    async with relaying(hub):
        await emptied(hub)

    sent = [entry.is_urgent for entry in publisher.published if entry.kind is MessageKind.DOCUMENT]
    assert sent == [True, True, False, False, False]


async def test_what_is_offered_twice_is_published_once() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    entries = await documents(hub, 3)

    hub.relay.offer(entries)
    hub.relay.offer(entries)
    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == [1, 2, 3]


async def test_rows_that_nobody_handed_over_are_claimed() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    await hub.memory_outbox().release(await documents(hub, 3))

    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == [1, 2, 3]


async def test_what_was_not_answered_is_published_again_before_what_comes_after_it() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=ONE_AT_A_TIME)

    def breaks_once(entry: OutboxEntry) -> PublishResult:
        publisher.is_up = False
        publisher.says = lambda _: PublishResult.CONFIRMED
        return PublishResult.UNKNOWN

    publisher.says = breaks_once
    hub.relay.offer(await documents(hub, 4))
    async with relaying(hub):
        await until(lambda: hub.store.tables.attempts, what="the note of it", pause=0.002)
        publisher.is_up = True
        await emptied(hub)

    assert publisher.documents == [1, 1, 2, 3, 4]
    assert {entry.attempt for entry in publisher.published} == {1}


async def test_nothing_overtakes_what_was_not_answered_though_the_broker_is_back_at_once() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=ONE_AT_A_TIME)

    def loses_one(entry: OutboxEntry) -> PublishResult:
        publisher.says = lambda _: PublishResult.CONFIRMED
        return PublishResult.UNKNOWN

    publisher.says = loses_one
    hub.relay.offer(await documents(hub, 4))
    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == [1, 1, 2, 3, 4]


async def test_what_stands_behind_something_that_another_process_took_over_waits_for_it() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=ONE_AT_A_TIME)
    other = MemoryHub(store=hub.store)

    def loses_all_claims(entry: OutboxEntry) -> PublishResult:
        for entry_id, row in hub.store.tables.entries.items():
            hub.store.tables.entries[entry_id] = replace(row, claimed_by=other.claimant)
        return PublishResult.UNKNOWN

    publisher.says = loses_all_claims
    hub.relay.offer(await documents(hub, 3))
    async with relaying(hub):
        await until(lambda: hub.store.tables.attempts, what="the note of it", pause=0.002)
        await until(lambda: not hub.relay.held, what="an empty hand", pause=0.002)

    assert publisher.documents == [1]


async def test_what_was_claimed_while_it_was_in_hand_is_published_without_waiting() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, delays=(timedelta(),) * 3)
    answered = asyncio.Event()

    class HeldUp(ListeningPublisher):
        async def publish(self, entry: OutboxEntry) -> PublishResult:
            self.published.append(entry)
            if entry.attempt == 1:
                await answered.wait()
            return PublishResult.CONFIRMED

    hub.publisher = publisher = HeldUp()
    hub.__post_init__()
    (entry,) = await documents(hub, 1)
    hub.relay.offer([entry])
    async with relaying(hub):
        await until(lambda: publisher.documents, what="the first attempt", pause=0.002)
        rejected = ReturnedDelivery(
            delivery_id=entry.delivery_id,
            attempt=1,
            reason=ReturnReason.REJECTED,
            note=None,
            at=datetime.now(UTC),
        )
        await hub.memory_returns().settle([rejected], hub.recover, plain_pen)
        await until(
            lambda: hub.store.tables.entries[entry.entry_id].claimed_by is not None,
            what="the claim of the second attempt",
            pause=0.002,
        )
        answered.set()
        await emptied(hub)

    sent = [each.attempt for each in publisher.published if each.kind is MessageKind.DOCUMENT]
    assert sent == [1, 2]


async def test_what_is_claimed_waits_for_a_commit_that_may_hold_something_before_it() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)

    async with relaying(hub):
        async with hub.relay.claiming():
            earlier = await documents(hub, 1)
            hub.relay.offer(await documents(hub, 1))
            await asyncio.sleep(0.05)
            assert publisher.documents == []
            hub.relay.offer(earlier)
        await emptied(hub)

    assert publisher.documents == [1, 2]


async def test_what_is_in_hand_beyond_its_time_is_not_sent_and_its_sender_is_told() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    (entry,) = await documents(hub, 1)

    hub.relay.offer([replace(entry, expires_at=datetime.now(UTC))])
    async with relaying(hub):
        await emptied(hub)

    assert publisher.documents == []
    assert hub.store.tables.deliveries[entry.delivery_id].state is DeliveryState.EXPIRED
    events = [each.event for each in publisher.published if each.kind is MessageKind.RECEIPT]
    assert ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE in events


async def test_nothing_is_published_while_the_broker_is_away() -> None:
    publisher = ListeningPublisher()
    publisher.is_up = False
    hub = MemoryHub(publisher=publisher)

    async with relaying(hub):
        hub.relay.offer(await documents(hub, 3))
        await asyncio.sleep(0.05)

    assert publisher.published == []


async def test_no_more_is_in_flight_than_allowed() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=replace(QUICK, in_flight=3))

    hub.relay.offer(await documents(hub, 30))
    async with relaying(hub):
        await emptied(hub)

    assert publisher.most_in_flight == 3


async def test_who_commits_waits_while_too_much_is_in_hand() -> None:
    publisher = ListeningPublisher()
    publisher.is_up = False
    hub = MemoryHub(publisher=publisher, limits=replace(QUICK, entries=2))
    hub.relay.offer(await documents(hub, 2))
    never = asyncio.Event()

    waiting = asyncio.create_task(hub.relay.room(never))
    async with relaying(hub):
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert done == set()
        publisher.is_up = True
        await waiting


async def test_at_the_end_what_was_not_tried_goes_back_and_nothing_stays_in_hand() -> None:
    publisher = ListeningPublisher()
    publisher.is_up = False
    hub = MemoryHub(publisher=publisher)

    async with relaying(hub):
        hub.relay.offer(await documents(hub, 5))

    assert hub.relay.held == 0
    assert {entry.claimed_by for entry in hub.store.tables.entries.values()} == {None}


async def test_at_the_end_what_is_in_flight_is_awaited_and_recorded() -> None:
    answered = asyncio.Event()

    class SlowPublisher(ListeningPublisher):
        async def publish(self, entry: OutboxEntry) -> PublishResult:
            self.published.append(entry)
            await answered.wait()
            return PublishResult.CONFIRMED

    slow = SlowPublisher()
    hub = MemoryHub(publisher=slow)
    hub.relay.offer(await documents(hub, 3))
    async with asyncio.TaskGroup() as tasks:
        stop = asyncio.Event()
        relay = tasks.create_task(hub.relay.run(stop))
        await until(lambda: len(slow.documents) == 3, what="three in flight", pause=0.002)
        stop.set()
        done, _ = await asyncio.wait([relay], timeout=0.05)
        assert done == set()
        answered.set()

    left = [each.delivery_id for each in hub.store.tables.entries.values()]
    assert [hub.store.tables.deliveries[each].kind for each in left] == [MessageKind.RECEIPT] * len(left)
    assert {entry.claimed_by for entry in hub.store.tables.entries.values()} == {None}


async def test_a_relay_that_cannot_record_any_more_ends_all_the_same() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher, limits=replace(QUICK, record=1))

    def goes_away(_: OutboxEntry) -> PublishResult:
        hub.store.is_up = False
        return PublishResult.CONFIRMED

    publisher.says = goes_away
    hub.relay.offer(await documents(hub, 5))
    async with relaying(hub):
        await until(lambda: len(publisher.documents) == 5, what="five published", pause=0.002)

    assert not hub.store.is_up


async def test_an_outage_of_the_database_is_sat_out_without_publishing_again() -> None:
    publisher = ListeningPublisher()
    hub = MemoryHub(publisher=publisher)
    hub.relay.offer(await documents(hub, 3))

    hub.store.is_up = False
    async with relaying(hub):
        await until(lambda: len(publisher.documents) == 3, what="three published", pause=0.002)
        await asyncio.sleep(0.1)
        hub.store.is_up = True
        await emptied(hub)

    assert publisher.documents == [1, 2, 3]


async def test_no_task_is_left_behind() -> None:
    hub = MemoryHub(publisher=ListeningPublisher(), limits=replace(QUICK, linger=timedelta()))
    hub.relay.offer(await documents(hub, 3))

    async with relaying(hub):
        await emptied(hub)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == {asyncio.current_task()}
