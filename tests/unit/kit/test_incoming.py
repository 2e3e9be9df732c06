import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.kit import incoming, outgoing
from adapters.kit.delivery import Consignment, Delivery
from adapters.kit.incoming import AlreadyHandled, Rejection, ReportedDocument, Standing
from adapters.kit.journal import Journal
from adapters.kit.octets import InMemory
from adapters.kit.outgoing import Outgoing
from hub.message.edxml import BusinessType, DocumentHeader, MessageKind
from hub.message.identifiers import (
    AgencyCode,
    AgencyKey,
    DeliveryId,
    DocumentId,
    MessageId,
    SubmissionId,
    digest_of,
)

AT = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
MAX_OFFERS = 3


def a_delivery(*, attempt: int = 1) -> Delivery:
    return Delivery(
        consignment=Consignment(
            delivery_id=DeliveryId(uuid4()),
            attempt=attempt,
            message_id=MessageId(uuid4()),
            sender=AgencyKey("G22"),
            recipient=AgencyKey("H41.07"),
            lane="ordinary",
            lane_number=1,
            correlation_id="",
        ),
        header=DocumentHeader(
            sender=AgencyCode("000.00.00.G22"),
            recipients=(AgencyCode("H41"), AgencyCode("00.07.H41")),
            document_id=DocumentId("G22,2026/05/29,12/TB"),
            code_number="12",
            code_notation="TB",
            promulgated_on=date(2026, 5, 29),
            subject="",
            business_type=BusinessType.NEW,
            priority=0,
            due_on=None,
            secrecy=None,
        ),
        attachments=(),
        envelope=InMemory(content=b"<edXML/>"),
    )


def on_attempt(delivery: Delivery, attempt: int) -> Delivery:
    return replace(delivery, consignment=replace(delivery.consignment, attempt=attempt))


def a_status(delivery: Delivery) -> Outgoing:
    return Outgoing(
        submission_id=SubmissionId(str(uuid4())),
        kind=MessageKind.STATUS,
        digest=digest_of(b"<status/>"),
        about_delivery=delivery.delivery_id,
        body=b"<status/>",
    )


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(tmp_path / "m.journal")
    yield journal
    await journal.close()


async def receive(journal: Journal, delivery: Delivery) -> Standing:
    return await journal.write(
        lambda connection: incoming.receive(connection, delivery, max_offers=MAX_OFFERS, at=AT)
    )


async def hand_over(journal: Journal, delivery: Delivery, *, is_answered: bool = False) -> None:
    await journal.write(
        lambda connection: incoming.hand_over(
            connection, delivery.delivery_id, is_answered=is_answered, at=AT
        )
    )


async def reject(journal: Journal, delivery: Delivery, note: str = "why") -> None:
    rejection = Rejection(
        delivery_id=delivery.delivery_id, kind="document", attempt=delivery.consignment.attempt
    )
    await journal.write(lambda connection: incoming.reject(connection, rejection, note=note, at=AT))


async def state_of(journal: Journal, delivery: Delivery) -> str:
    return await journal.write(
        lambda connection: connection.execute(
            "SELECT state FROM incoming WHERE delivery_id = ?", (str(delivery.delivery_id),)
        ).fetchone()[0]
    )


async def test_what_one_consumer_failed_on_another_hands_over_all_the_same(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)
    await receive(journal, delivery)
    await reject(journal, delivery)

    await hand_over(journal, delivery)

    assert await state_of(journal, delivery) == "handed_over"


async def test_what_was_seen_and_not_handled_is_offered_again(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)

    assert await receive(journal, delivery) is Standing.OFFER


async def test_what_was_handled_is_dropped_on_any_later_attempt(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)
    await hand_over(journal, delivery)

    assert await receive(journal, on_attempt(delivery, 7)) is Standing.DROP


@pytest.mark.parametrize(
    ("attempt", "standing"), [(1, Standing.REJECT), (2, Standing.REJECT), (3, Standing.OFFER)]
)
async def test_what_was_rejected_is_offered_again_only_when_the_attempt_is_higher(
    journal: Journal, attempt: int, standing: Standing
) -> None:
    delivery = a_delivery(attempt=2)
    await receive(journal, delivery)
    await reject(journal, delivery)

    assert await receive(journal, on_attempt(delivery, attempt)) is standing


async def test_an_attempt_that_never_ends_is_given_back_and_the_next_one_starts_afresh(
    journal: Journal,
) -> None:
    delivery = a_delivery()
    for _ in range(MAX_OFFERS):
        assert await receive(journal, delivery) is Standing.OFFER

    assert await receive(journal, delivery) is Standing.EXHAUSTED
    assert await receive(journal, on_attempt(delivery, 2)) is Standing.OFFER
    assert await receive(journal, on_attempt(delivery, 2)) is Standing.OFFER


async def test_only_one_of_two_consumers_hands_over(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)

    results = await asyncio.gather(
        hand_over(journal, delivery), hand_over(journal, delivery), return_exceptions=True
    )

    assert [type(result) for result in results] == [type(None), AlreadyHandled]


async def test_a_late_reject_does_not_undo_a_hand_over(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)
    await hand_over(journal, delivery)

    await reject(journal, on_attempt(delivery, 2))

    assert await receive(journal, on_attempt(delivery, 3)) is Standing.DROP


async def test_a_delivery_is_answered_once_every_status_is_confirmed(journal: Journal) -> None:
    delivery = a_delivery()
    first, second = a_status(delivery), a_status(delivery)
    await receive(journal, delivery)
    await hand_over(journal, delivery)
    await journal.write(lambda c: outgoing.insert(c, [first, second], owner=None, at=AT))

    await journal.write(lambda c: outgoing.mark_confirmed(c, [first], at=AT))
    after_first = await state_of(journal, delivery)
    await journal.write(lambda c: outgoing.mark_confirmed(c, [second], at=AT))

    assert (after_first, await state_of(journal, delivery)) == ("handed_over", "answered")


async def test_a_report_speaks_for_the_unit_in_the_form_that_the_sender_wrote(journal: Journal) -> None:
    delivery = a_delivery()
    await receive(journal, delivery)

    stored = await journal.write(lambda c: incoming.reported_document(c, delivery.delivery_id))

    assert stored == ReportedDocument.of(delivery)
    assert stored is not None
    assert (stored.sender, stored.recipient) == ("000.00.00.G22", "00.07.H41")


async def test_nothing_can_be_reported_about_a_delivery_that_was_never_received(journal: Journal) -> None:
    unknown = DeliveryId(uuid4())

    assert await journal.write(lambda c: incoming.reported_document(c, unknown)) is None


async def test_what_could_not_be_believed_is_noted_and_cannot_be_reported_on(journal: Journal) -> None:
    delivery = a_delivery()

    await reject(journal, delivery, note="SignatureRejected: changed")

    assert await state_of(journal, delivery) == "rejected"
    assert await journal.write(lambda c: incoming.reported_document(c, delivery.delivery_id)) is None
