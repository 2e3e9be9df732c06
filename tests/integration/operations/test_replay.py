import asyncio

import pytest

from hub.errors import OperationRefused
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.outbox import Recovery, ReturnedDelivery
from hub.message.receipt import ReceiptEvent
from tests.integration.operations.conftest import Office
from tests.support.decisions import a_submission, plain_pen, signed_again
from tests.support.store import documents, give_up, receipts, retry_at_once, returned


async def test_a_dead_letter_goes_out_again_under_its_own_delivery_id(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    cases = await office.cases()

    handled = await office.desk().replay(cases, reason="their server is back")

    (again,) = documents(await office.published())
    assert handled.done == tuple(cases)
    assert (again.delivery_id, again.attempt, again.body) == (dead.delivery_id, 2, dead.body)
    assert await office.store.state_of(dead.delivery_id) is DeliveryState.CONSIGNED
    assert await office.cases() == []


async def test_a_replay_is_recorded_with_who_did_it_and_why(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    (case,) = await office.cases()

    await office.desk("Lan").replay([case], reason="their server is back")

    assert await office.actions() == [("Lan", "replay", "their server is back", case)]
    assert "delivery.replayed" in await office.events(dead.delivery_id)


async def test_the_consignment_after_a_replay_supersedes_the_failure(office: Office) -> None:
    await office.dead_letters(a_submission())
    (failure,) = await office.store.fetch("select receipt_id from receipts where event like '%Failure'")

    await office.desk().replay(await office.cases())

    (consigned,) = await office.receipts()
    assert consigned.event is ReceiptEvent.CONTENT_CONSIGNMENT
    assert (consigned.supersedes, consigned.episode) == (failure[0], 2)


async def test_what_two_operators_replay_at_once_goes_out_once(office: Office) -> None:
    await office.dead_letters(a_submission())
    cases = await office.cases()

    first, second = await asyncio.gather(office.desk("Lan").replay(cases), office.desk("Minh").replay(cases))

    assert sorted([len(first.done), len(second.done)]) == [0, 1]
    assert len(documents(await office.published())) == 1
    assert len(await office.actions()) == 1


async def test_of_a_replay_and_a_discard_at_once_exactly_one_wins(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    cases = await office.cases()

    replayed, discarded = await asyncio.gather(
        office.desk("Lan").replay(cases),
        office.desk("Minh").discard(cases, reason="sent by mistake", attest=plain_pen),
    )

    state = await office.store.state_of(dead.delivery_id)
    assert len(replayed.done) + len(discarded.done) == 1
    assert state is (DeliveryState.WAITING if replayed.done else DeliveryState.DISCARDED)


async def test_a_dead_letter_whose_recipient_has_acknowledged_it_is_not_replayed(office: Office) -> None:
    document = a_submission()
    await office.dead_letters(document)
    cases = await office.cases()
    await office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))

    handled = await office.desk().replay(cases)

    assert handled.done == ()
    assert [refusal.case_id for refusal in handled.refused] == cases
    assert documents(await office.published()) == []


async def test_an_acknowledgement_and_a_replay_at_once_leave_nothing_waiting_or_one_attempt_more(
    office: Office,
) -> None:
    document = a_submission()
    (dead,) = await office.dead_letters(document)
    cases = await office.cases()

    handled, _ = await asyncio.gather(
        office.desk().replay(cases), office.hub.accept(document.status(StatusCode.ARRIVED, by="H41"))
    )

    assert await office.store.state_of(dead.delivery_id) is DeliveryState.ARRIVED
    assert await office.cases() == []
    assert documents(await office.published()) == []
    assert len(handled.done) + len(handled.refused) == 1


async def test_what_the_recipient_has_through_another_delivery_is_not_replayed(office: Office) -> None:
    document = a_submission()
    await office.dead_letters(document)
    await office.hub.accept(signed_again(document).admitted())

    handled = await office.desk().replay(await office.cases())

    assert handled.done == ()
    assert "another delivery" in handled.refused[0].reason
    assert len(await office.cases()) == 1


async def test_one_that_cannot_be_replayed_does_not_hold_up_the_others(office: Office) -> None:
    twice, once = a_submission(), a_submission()
    await office.dead_letters(twice)
    await office.dead_letters(once)
    await office.hub.accept(signed_again(twice).admitted())

    handled = await office.desk().replay(await office.cases())

    assert (len(handled.done), len(handled.refused)) == (1, 1)


async def test_hundreds_are_replayed_together_in_the_order_of_their_lanes(office: Office) -> None:
    recipients = tuple(f"H41.{number:03}" for number in range(600))
    everybody = a_submission().to(*recipients, through=("H41",) * len(recipients))
    await office.dead_letters(everybody)

    handled = await office.desk().replay(await office.cases())

    assert (len(handled.done), handled.refused) == (600, ())
    assert len(documents(await office.published())) == 600


async def test_a_replayed_delivery_has_all_its_attempts_again(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    await office.desk().replay(await office.cases())
    await office.published()
    counted: list[int] = []

    def count(back: ReturnedDelivery, tries: int) -> Recovery:
        counted.append(tries)
        return retry_at_once(back, tries)

    await office.hub.come_back(returned(dead.delivery_id, attempt=2), recover=count)

    assert counted == [1]


async def test_a_second_death_gives_a_second_failure_that_supersedes_the_first(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    (first,) = await office.store.fetch("select receipt_id from receipts where event like '%Failure'")
    await office.desk().replay(await office.cases())
    await office.published()

    entries = await office.hub.come_back(returned(dead.delivery_id, attempt=2), recover=give_up)

    (failure,) = receipts(entries, ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE)
    assert (failure.supersedes, failure.episode) == (first[0], 2)
    assert len(await office.cases()) == 1


async def test_a_replayed_delivery_gets_its_whole_lifetime_again(office: Office) -> None:
    (dead,) = await office.dead_letters(a_submission())
    await office.store.fetch(
        "update deliveries set created_at = now() - interval '20 days',"
        " expires_at = now() - interval '5 days' where delivery_id = $1",
        dead.delivery_id,
    )

    await office.desk().replay(await office.cases())

    ((left, same),) = await office.store.fetch(
        "select d.expires_at > now() + interval '14 days', o.expires_at = d.expires_at"
        " from deliveries d join outbox_entries o using (delivery_id) where d.delivery_id = $1",
        dead.delivery_id,
    )
    assert (left, same) == (True, True)


async def test_a_case_that_does_not_exist_is_refused(office: Office) -> None:
    handled = await office.desk().replay([404])

    assert [(each.case_id, each.reason) for each in handled.refused] == [(404, "no such case")]


async def test_showing_a_case_that_does_not_exist_says_where_to_look(office: Office) -> None:
    with pytest.raises(OperationRefused, match="truc deadletter list"):
        await office.desk().show(404)
