"""The workers together, over the twins: a document goes in, everything that has to come out comes out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hub.errors import StorageRefused
from hub.message.decision import Admit, Committed, Decision
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, ReturnedDelivery
from hub.message.properties import (
    ATTEMPT,
    DEAD_LETTER_QUEUE,
    DELIVERY_ID,
    INTAKE_QUEUE,
    LANE_NUMBER,
    RETURNED_QUEUE,
    queue_of,
)
from hub.message.receipt import ReceiptEvent
from hub.message.reject_reason import REJECT_REASON, RejectReason
from hub.ports import Attest, Recover
from tests.support.decisions import read_all
from tests.support.envelopes import a_document, a_status
from tests.support.memory_hub import QUICK, MemoryHub, a_signed_document, signed
from tests.support.waiting import until

ACCEPTANCE = ReceiptEvent.SUBMISSION_ACCEPTANCE
CONSIGNMENT = ReceiptEvent.CONTENT_CONSIGNMENT
DOCUMENT, RECEIPT, STATUS = MessageKind.DOCUMENT, MessageKind.RECEIPT, MessageKind.STATUS


async def has(hub: MemoryHub, mailbox: str, count: int, kind: MessageKind = DOCUMENT) -> None:
    await until(
        lambda: len(hub.delivered(mailbox, kind)) >= count,
        what=lambda: f"{count} {kind} in {mailbox}, has {len(hub.delivered(mailbox, kind))}",
        seconds=10,
        pause=0.002,
    )
    assert len(hub.delivered(mailbox, kind)) == count


def told(hub: MemoryHub, mailbox: str = "G22") -> list[ReceiptEvent]:
    sheets = [read_all(message.body) for message in hub.delivered(mailbox, RECEIPT)]
    return [receipt.event for sheet in sheets for receipt in sheet]


async def test_a_document_arrives_as_it_was_signed_and_its_sender_is_told() -> None:
    hub = MemoryHub()
    body = a_signed_document(to=("H41", "H14"))

    async with hub.running():
        hub.submit(body)
        await has(hub, "G22", 2, RECEIPT)

    assert [message.body for message in hub.delivered("H41")] == [body]
    assert [message.body for message in hub.delivered("H14")] == [body]
    assert sorted(told(hub)) == [CONSIGNMENT, ACCEPTANCE]
    assert hub.broker.waiting(INTAKE_QUEUE) == 0
    assert hub.store.tables.entries == {}


async def test_a_document_that_breaks_rules_is_refused_to_who_submitted_it() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(b"<not-an-envelope/>")
        await has(hub, "G22", 1, RECEIPT)

    assert told(hub) == [ReceiptEvent.SUBMISSION_REJECTION]


async def test_what_nobody_vouches_for_is_kept_and_answered_to_nobody() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(a_signed_document(), user_id=None)
        hub.submit(a_signed_document(), routing_key="H41")
        hub.submit(a_signed_document(), by="stranger")
        await until(lambda: len(hub.store.tables.kept) == 3, what="three kept messages", pause=0.002)

    assert hub.delivered("G22") == hub.delivered("H41") == []
    assert hub.broker.waiting(INTAKE_QUEUE) == 0


async def test_documents_arrive_in_the_order_of_their_acceptance() -> None:
    hub = MemoryHub()
    bodies = [a_signed_document(about=f"Văn bản {number}") for number in range(30)]

    async with hub.running():
        for body in bodies:
            hub.submit(body)
        await has(hub, "H41", 30)

    assert [message.body for message in hub.delivered("H41")] == bodies
    assert [message.headers[LANE_NUMBER] for message in hub.delivered("H41")] == list(range(1, 31))


async def test_a_status_reaches_the_sender_with_the_proof_of_the_handover() -> None:
    hub = MemoryHub()
    document = a_document()
    status = a_status(StatusCode.ARRIVED)

    async with hub.running():
        hub.submit(signed(document))
        await has(hub, "H41", 1)
        hub.submit(signed(status, by="H41"), by="H41")
        await has(hub, "G22", 1, STATUS)
        await has(hub, "G22", 3, RECEIPT)

    assert ReceiptEvent.CONTENT_HANDOVER in told(hub)


async def test_a_status_that_comes_before_its_document_waits_for_it() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(signed(a_status(StatusCode.ARRIVED), by="H41"), by="H41")
        await until(lambda: not hub.broker.waiting(INTAKE_QUEUE), what="the status taken", pause=0.002)
        hub.submit(signed(a_document()))
        await has(hub, "G22", 1, STATUS)

    assert told(hub, "H41") == []


async def test_a_status_that_still_waits_when_the_hub_stops_goes_back_to_the_queue() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(signed(a_status(StatusCode.ARRIVED), by="H41"), by="H41")
        await until(lambda: not hub.broker.waiting(INTAKE_QUEUE), what="the status taken", pause=0.002)
        hub.submit(a_signed_document())
        await has(hub, "G22", 2, RECEIPT)

    assert hub.broker.waiting(INTAKE_QUEUE) == 1


# Recovery --------------------------------------------------------------------------------------------------


async def test_a_rejected_delivery_comes_again_with_the_next_attempt() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(a_signed_document())
        await has(hub, "H41", 1)
        first = hub.delivered("H41")[0]
        await has(hub, "G22", 2, RECEIPT)
        hub.reject("H41")
        await has(hub, "H41", 1)

    again = hub.delivered("H41")[0]
    assert (again.body, again.headers[DELIVERY_ID]) == (first.body, first.headers[DELIVERY_ID])
    assert again.headers[ATTEMPT] == 2


async def test_after_the_last_attempt_there_is_a_case_and_the_sender_is_told() -> None:
    hub = MemoryHub(delays=(timedelta(),))

    async with hub.running():
        hub.submit(a_signed_document())
        for _ in range(2):
            await has(hub, "H41", 1)
            await until(lambda: not hub.store.tables.entries, what="the record", pause=0.002)
            hub.reject("H41")
        await until(
            lambda: ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE in told(hub), what="a failure", pause=0.002
        )

    assert [case.is_open for case in hub.store.tables.cases] == [True]
    assert hub.delivered("H41") == []


async def test_why_a_recipient_rejects_is_kept_and_answered_to_nobody() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(a_signed_document())
        await has(hub, "H41", 1)
        (letter,) = hub.delivered("H41")
        delivery = DeliveryId(UUID(str(letter.headers[DELIVERY_ID])))
        reason = RejectReason.of(delivery, 1, "no unit here yet")
        hub.submit(reason.write(), by="H41", kind=REJECT_REASON)
        hub.submit(reason.write(), by="H14", kind=REJECT_REASON)
        hub.submit(a_signed_document(), by="H41", kind=REJECT_REASON)
        await until(lambda: hub.store.tables.kept, what="what is no reason", pause=0.002)
        await until(lambda: hub.store.tables.told, what="the reason", pause=0.002)

    assert hub.store.tables.told == {(delivery, 1): "no unit here yet"}
    assert len(hub.store.tables.kept) == 1
    assert hub.delivered("H41", RECEIPT) == []


async def test_what_is_returned_without_the_headers_of_a_delivery_is_kept() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(b"stray", by="H41")
        stray = hub.broker.queues[INTAKE_QUEUE].ready.pop()
        hub.broker.put(RETURNED_QUEUE, stray)
        await until(lambda: hub.store.tables.kept, what="the stray message", pause=0.002)

    assert hub.broker.waiting(RETURNED_QUEUE) == 0


# Outages ---------------------------------------------------------------------------------------------------


async def test_a_database_that_goes_away_settles_nothing_and_work_goes_on_when_it_is_back() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.store.is_up = False
        for number in range(5):
            hub.submit(a_signed_document(about=f"Văn bản {number}"))
        await until(lambda: _was_given_back(hub), what="an attempt that failed", pause=0.002)
        assert hub.delivered("G22") == []
        hub.store.is_up = True
        await has(hub, "H41", 5)
        await until(lambda: told(hub).count(CONSIGNMENT) >= 1, what="consignments", pause=0.002)

    assert told(hub).count(ACCEPTANCE) == 5
    assert hub.broker.waiting(DEAD_LETTER_QUEUE) == 0


def _was_given_back(hub: MemoryHub) -> bool:
    return any(message.returned for message in hub.broker.queues[INTAKE_QUEUE].ready)


async def test_a_database_that_goes_away_before_the_confirms_are_recorded_loses_none() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(a_signed_document())
        await until(lambda: hub.delivered("H41"), what="the document", pause=0.0001)
        hub.store.is_up = False
        await asyncio.sleep(0)
        hub.store.is_up = True
        await has(hub, "G22", 2, RECEIPT)

    assert len(hub.delivered("H41")) == 1


async def test_a_broker_that_goes_away_costs_no_attempt_and_changes_no_order() -> None:
    hub = MemoryHub()
    bodies = [a_signed_document(about=f"Văn bản {number}") for number in range(12)]

    async with hub.running():
        for body in bodies[:6]:
            hub.submit(body)
        await until(lambda: hub.delivered("H41"), what="the first document", pause=0.0001)
        hub.broker.go_down()
        for body in bodies[6:]:
            hub.submit(body)
        await asyncio.sleep(0)
        hub.broker.come_up()
        await until(lambda: len(_distinct(hub, "H41")) == 12, what="all documents", pause=0.002)
        await until(lambda: not hub.store.tables.entries, what="the record", pause=0.002)

    assert _distinct(hub, "H41") == bodies
    assert {message.headers[ATTEMPT] for message in hub.delivered("H41")} == {1}


def _distinct(hub: MemoryHub, mailbox: str) -> list[bytes]:
    return list(dict.fromkeys(message.body for message in hub.delivered(mailbox, DOCUMENT)))


async def test_a_hub_that_stops_while_the_broker_is_away_gives_its_entries_back() -> None:
    hub = MemoryHub()

    async with hub.running():
        hub.submit(a_signed_document())
        await until(lambda: not hub.broker.waiting(INTAKE_QUEUE), what="the document taken", pause=0.0001)
        hub.broker.go_down()
        await until(lambda: hub.store.tables.entries, what="entries", pause=0.002)

    assert [entry.claimed_by for entry in hub.store.tables.entries.values()] == [None] * len(
        hub.store.tables.entries
    )
    assert hub.relay.held == 0


async def test_a_hub_that_stops_while_the_database_is_away_ends() -> None:
    hub = MemoryHub(limits=replace(QUICK, record=1))

    async with hub.running():
        for _ in range(10):
            hub.submit(a_signed_document())
        await until(lambda: hub.delivered("H41"), what="a document", pause=0.0001)
        hub.store.is_up = False


async def test_a_full_mailbox_gets_its_documents_once_there_is_room_again() -> None:
    hub = MemoryHub()
    queue = hub.broker.queues[queue_of(MailboxName("H41"))]
    queue.max_length = 2
    bodies = [a_signed_document(about=f"Văn bản {number}") for number in range(6)]

    async with hub.running():
        for body in bodies:
            hub.submit(body)
        await has(hub, "H41", 2)
        await until(lambda: hub.store.tables.breakers, what="the parking", pause=0.002)
        queue.max_length = 100
        await has(hub, "H41", 6)

    assert {message.headers[ATTEMPT] for message in hub.delivered("H41")} == {1}
    assert hub.store.tables.cases == []


# One bad item ----------------------------------------------------------------------------------------------


class PoisonedSeam:
    """Refuses any batch with a certain document in it, as a database would."""

    def __init__(self, hub: MemoryHub, error: Exception) -> None:
        self._hub = hub
        self._error = error

    async def commit(self, decisions: Sequence[Decision], attest: Attest) -> Committed:
        for decision in decisions:
            if isinstance(decision, Admit) and "poison" in _subject(decision):
                raise self._error
        return await self._hub.memory_seam().commit(decisions, attest)


def _subject(decision: Admit) -> str:
    return str(getattr(decision.authorized.valid.header, "subject", ""))


async def commits_without_the_culprit(error: Exception) -> None:
    hub = MemoryHub()
    hub.seam = PoisonedSeam(hub, error)

    async with hub.running():
        for about in ("một", "poison", "hai"):
            hub.submit(a_signed_document(about=about))
        await has(hub, "H41", 2)
        await until(lambda: hub.broker.waiting(DEAD_LETTER_QUEUE), what="a dead letter", pause=0.002)

    assert hub.broker.waiting(DEAD_LETTER_QUEUE) == 1
    assert hub.broker.waiting(INTAKE_QUEUE) == 0


async def test_a_message_that_the_database_refuses_stops_nobody_else() -> None:
    await commits_without_the_culprit(StorageRefused("no"))


async def test_a_message_that_the_hub_fails_to_commit_stops_nobody_else() -> None:
    await commits_without_the_culprit(KeyError("a bug"))


class PoisonedReturns:
    """Fails on the deliveries of one mailbox."""

    def __init__(self, hub: MemoryHub, poison: set[object]) -> None:
        self._hub = hub
        self._poison = poison

    async def settle(
        self, returned: Sequence[ReturnedDelivery], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        if any(str(each.delivery_id) in self._poison for each in returned):
            raise StorageRefused("no")
        return await self._hub.memory_returns().settle(returned, recover, attest)

    async def expired(self, limit: int) -> Sequence[ReturnedDelivery]:
        return await self._hub.memory_returns().expired(limit)


async def test_a_return_that_the_hub_fails_on_stops_no_other() -> None:
    poison: set[object] = set()
    hub = MemoryHub()
    hub.returns = PoisonedReturns(hub, poison)

    async with hub.running():
        hub.submit(a_signed_document(to=("H41", "H14")))
        await has(hub, "G22", 2, RECEIPT)
        poison.add(hub.delivered("H41")[0].headers[DELIVERY_ID])
        hub.reject("H41")
        hub.reject("H14")
        await has(hub, "H14", 1)
        await until(lambda: hub.broker.waiting(DEAD_LETTER_QUEUE), what="a dead letter", pause=0.002)

    assert hub.delivered("H41") == []


class PoisonedOutbox:
    """Fails to record what one mailbox's queue confirmed."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub

    async def claim(self, limit: int, octets: int) -> Sequence[OutboxEntry]:
        return await self._hub.memory_outbox().claim(limit, octets)

    async def release(self, entries: Sequence[OutboxEntry]) -> None:
        await self._hub.memory_outbox().release(entries)

    async def disown(self, held: Mapping[int, int]) -> None:
        await self._hub.memory_outbox().disown(held)

    async def record(
        self, attempts: Sequence[Attempted], recover: Recover, attest: Attest
    ) -> Sequence[OutboxEntry]:
        if any(each.entry.mailbox == "H41" and each.result is PublishResult.CONFIRMED for each in attempts):
            raise StorageRefused("no")
        return await self._hub.memory_outbox().record(attempts, recover, attest)


async def test_an_answer_that_cannot_be_recorded_ends_as_a_case_and_stops_no_other() -> None:
    hub = MemoryHub()
    hub.outbox = PoisonedOutbox(hub)
    hub.__post_init__()

    async with hub.running():
        hub.submit(a_signed_document(to=("H41", "H14")))
        await has(hub, "H14", 1)
        await until(lambda: hub.store.tables.cases, what="a case", pause=0.002)
        await until(
            lambda: ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE in told(hub), what="a failure", pause=0.002
        )

    states = {each.mailbox: each.state for each in hub.store.tables.deliveries.values() if each.sender}
    assert states == {"H41": DeliveryState.DEAD, "H14": DeliveryState.CONSIGNED}
