"""What the relay may expect of the outbox, of the twin as of the real one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hub.backends.postgres.seam import Terms
from hub.message.decision import Accepted
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import MessageKind, StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.outbox import Attempted, OutboxEntry, PublishResult, ReturnReason
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.support.decisions import a_submission, plain_pen
from tests.support.store import (
    SHORT,
    HubProcess,
    StoreUnderTest,
    documents,
    expire,
    give_up,
    receipts,
    retry_at_once,
    retry_later,
    returned,
)
from tests.support.waiting import until

CONSIGNMENT = ReceiptEvent.CONTENT_CONSIGNMENT
FAILURE = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
PARKS_LONG = Terms(park_time=timedelta(hours=1))
PARKS_SHORTLY = Terms(park_time=SHORT)


def numbers(entries: Sequence[OutboxEntry]) -> list[int]:
    return [entry.lane_number for entry in documents(entries)]


async def rows(hub: HubProcess, *submissions: dict[str, object]) -> list[OutboxEntry]:
    """Accept documents and let go of them, so that they wait as rows."""
    committed = await hub.commit(*(a_submission(**fields).admitted() for fields in submissions))
    await hub.deliver([each for each in committed.handed_over if each.kind is MessageKind.RECEIPT])
    left = documents(committed.handed_over)
    await hub.outbox.release(left)
    return left


# Claims ----------------------------------------------------------------------------------------------------


async def test_what_was_handed_over_is_claimed_by_nobody_else(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()

    await hub.accept(a_submission().admitted())

    assert await other.claim() == []
    assert await hub.claim() == []


async def test_what_was_released_is_claimed_as_it_was_handed_over(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    (left,) = await rows(hub, {"priority": 1})

    assert await other.claim() == [left]
    assert await hub.claim() == []


async def test_what_a_lost_answer_left_claimed_is_not_overtaken(store: StoreUnderTest) -> None:
    hub = await store.process()
    lost = await hub.commit(a_submission().admitted(), a_submission().admitted())
    _, held = await hub.accept(a_submission(recipients=("H14",)).admitted())

    await hub.outbox.disown({each.entry_id: each.attempt for each in held})

    later = await hub.commit(a_submission().admitted())
    assert documents(later.handed_over) == []
    assert numbers(await hub.claim()) == [*numbers(lost.handed_over), 3]


async def test_receipts_that_a_lost_answer_left_claimed_need_not_wait_for_the_end_of_the_lease(
    store: StoreUnderTest,
) -> None:
    hub = await store.process()
    _, held = await hub.accept(a_submission().admitted())
    lost = await hub.record(documents(held))

    await hub.outbox.disown({each.entry_id: each.attempt for each in held})

    assert await hub.claim() == lost


async def test_a_retry_that_a_lost_answer_left_claimed_is_free_while_the_attempt_before_awaits_its_answer(
    hub: HubProcess,
) -> None:
    accepted, held = await hub.accept(a_submission().admitted())
    await hub.come_back(returned(accepted.deliveries[0]))
    lost = await hub.claim()

    await hub.outbox.disown({each.entry_id: each.attempt for each in held})

    assert await hub.claim() == lost
    assert [entry.attempt for entry in lost] == [2]


async def test_what_a_dead_process_held_is_free_at_once(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    _, handed_over = await hub.accept(a_submission().admitted())

    await store.kill(hub)

    assert await until(other.claim, what="the dead process's entries") == list(handed_over)


async def test_what_was_held_too_long_is_free(store: StoreUnderTest) -> None:
    hub, other = await store.process(lease=SHORT), await store.process()
    _, handed_over = await hub.accept(a_submission().admitted())

    assert await until(other.claim, what="the end of the lease") == list(handed_over)


async def test_a_claim_takes_no_more_than_asked_for(hub: HubProcess) -> None:
    await rows(hub, {}, {}, {})

    assert numbers(await hub.claim(limit=2)) == [1, 2]
    assert numbers(await hub.claim(limit=2)) == [3]


async def test_a_claim_takes_no_more_octets_than_asked_for_but_one_entry_at_least(hub: HubProcess) -> None:
    left = await rows(hub, {}, {}, {})
    size = len(left[0].body)

    assert numbers(await hub.claim(octets=2 * size + 5)) == [1, 2]
    assert numbers(await hub.claim(octets=1)) == [3]


async def test_urgent_documents_are_claimed_first(hub: HubProcess) -> None:
    await rows(hub, {"content": "một"}, {"priority": 1}, {"recipients": ("H14",), "priority": 3})

    assert [entry.is_urgent for entry in await hub.claim()] == [True, True, False]


# Order -----------------------------------------------------------------------------------------------------


async def test_a_later_document_is_not_handed_over_while_another_process_holds_an_earlier_one(
    store: StoreUnderTest,
) -> None:
    hub, other = await store.process(), await store.process()
    _, first = await hub.accept(a_submission().admitted())

    _, second = await other.accept(a_submission().admitted())

    assert documents(second) == []
    assert documents(await other.claim()) == []
    await hub.deliver(first)
    assert numbers(await other.claim()) == [2]


async def test_another_lane_does_not_wait(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    await hub.accept(a_submission().admitted())

    committed = await other.commit(a_submission().to("H14").admitted(), a_submission(priority=1).admitted())

    assert len(documents(committed.handed_over)) == 2


async def test_the_lane_goes_on_when_the_process_before_it_dies(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    await hub.accept(a_submission().admitted())
    await other.accept(a_submission().admitted())

    await store.kill(hub)

    claimed = await until(other.claim, what="the lane")
    assert numbers(claimed) == [1, 2]


async def test_the_lane_goes_on_when_the_process_before_it_lets_go(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    _, first = await hub.accept(a_submission().admitted())
    await other.accept(a_submission().admitted())

    await hub.outbox.release(documents(first))

    assert numbers(await other.claim()) == [1, 2]


async def test_a_claim_that_stops_early_leaves_the_later_ones_of_the_lane_to_whoever_has_the_first(
    store: StoreUnderTest,
) -> None:
    hub, other = await store.process(), await store.process()
    await rows(hub, {}, {}, {})

    assert numbers(await hub.claim(limit=1)) == [1]
    assert numbers(await other.claim()) == []
    assert numbers(await hub.claim()) == [2, 3]


async def test_a_lane_that_waits_for_another_process_does_not_keep_other_lanes_from_being_claimed(
    store: StoreUnderTest,
) -> None:
    hub, other = await store.process(), await store.process()
    await hub.accept(a_submission().admitted())
    for _ in range(5):
        await other.deliver((await other.commit(a_submission().admitted())).handed_over)
    await rows(other, {"recipients": ("H14",)})

    assert [entry.recipient for entry in await other.claim(limit=3)] == ["H14"]


async def test_a_retry_holds_nobody_up(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    _, first = await hub.accept(a_submission().admitted())
    await hub.record(first, PublishResult.UNROUTABLE, retry_later)

    _, second = await other.accept(a_submission().admitted())

    assert numbers(second) == [2]


# What the broker said --------------------------------------------------------------------------------------


async def test_a_confirm_keeps_the_promise_and_makes_the_consignment_true(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission().to("H41", "H14")
    accepted, handed_over = await hub.accept(submission.admitted())

    told = await hub.record(handed_over)

    (receipt,) = receipts(told)
    assert (receipt.event, receipt.submission_id) == (CONSIGNMENT, submission.submission_id)
    assert {each.delivery_id for each in receipt.subjects} == set(accepted.deliveries)
    assert [await store.state_of(each) for each in accepted.deliveries] == [DeliveryState.CONSIGNED] * 2
    await hub.deliver(told)
    assert await hub.claim() == []


async def test_consignments_that_happen_apart_are_told_apart(hub: HubProcess) -> None:
    accepted, handed_over = await hub.accept(a_submission().to("H41", "H14").admitted())
    one, two = documents(handed_over)

    told = [*await hub.record([one]), *await hub.record([two])]

    subjects = [[each.delivery_id for each in receipt.subjects] for receipt in receipts(told)]
    assert subjects == [[each] for each in accepted.deliveries]


async def test_a_confirm_that_is_recorded_twice_is_told_once(hub: HubProcess) -> None:
    _, handed_over = await hub.accept(a_submission().admitted())

    first, second = await hub.record(handed_over), await hub.record(handed_over)

    assert len(receipts(first)) == 1
    assert not second


async def test_a_receipt_causes_no_receipt(hub: HubProcess) -> None:
    committed = await hub.commit(a_submission().refused())

    assert not await hub.record(committed.handed_over)
    assert await hub.claim() == []


async def test_no_answer_is_no_attempt_and_the_entry_stays_where_it_is(store: StoreUnderTest) -> None:
    hub, other = await store.process(), await store.process()
    accepted, handed_over = await hub.accept(a_submission().admitted())
    entries = documents(handed_over)

    for _ in range(9):
        assert await hub.record(entries, PublishResult.UNKNOWN, give_up) == entries

    assert await hub.claim() == await other.claim() == []
    assert await store.state_of(accepted.deliveries[0]) is DeliveryState.WAITING
    await store.kill(hub)
    assert await until(other.claim, what="the dead process's entries") == list(handed_over)


async def test_unroutable_is_retried_then_given_up_with_a_signed_failure(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    accepted, handed_over = await hub.accept(submission.admitted())
    (delivery,) = accepted.deliveries

    assert not await hub.record(documents(handed_over), PublishResult.UNROUTABLE, retry_at_once)
    again = await hub.claim()
    told = await hub.record(again, PublishResult.UNROUTABLE, give_up)

    assert [entry.attempt for entry in again] == [2]
    (receipt,) = receipts(told)
    assert (receipt.event, receipt.failure) == (FAILURE, FailureKind.NOT_DELIVERED)
    assert receipt.cause == "unroutable at attempt 2"
    assert await store.state_of(delivery) is DeliveryState.DEAD
    assert await store.open_cases() == {delivery: "unroutable at attempt 2"}
    assert await store.attempts_of(delivery) == [(1, "unroutable"), (2, "unroutable")]


async def test_what_was_in_hand_beyond_its_time_ends_as_expired_with_a_signed_failure(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    accepted, handed_over = await hub.accept(a_submission().admitted())
    (delivery,) = accepted.deliveries

    told = await hub.record(documents(handed_over), PublishResult.EXPIRED, expire)

    (receipt,) = receipts(told)
    assert (receipt.event, receipt.failure) == (FAILURE, FailureKind.EXPIRED)
    assert await store.state_of(delivery) is DeliveryState.EXPIRED
    assert await store.open_cases() == {}
    assert documents(await hub.claim()) == []


async def test_who_never_got_a_confirm_does_not_know_whether_it_arrived(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    _, handed_over = await hub.accept(a_submission().admitted())
    await hub.record(documents(handed_over), PublishResult.UNKNOWN)

    told = await hub.record(documents(handed_over), PublishResult.UNROUTABLE, give_up)

    assert [receipt.failure for receipt in receipts(told)] == [FailureKind.UNKNOWN]


async def test_a_failure_of_the_hubs_own_is_retried(hub: HubProcess, store: StoreUnderTest) -> None:
    accepted, handed_over = await hub.accept(a_submission().admitted())
    failed = [
        Attempted(entry=entry, result=PublishResult.FAILED, at=datetime.now(UTC), note="ValueError: broken")
        for entry in documents(handed_over)
    ]

    await hub.outbox.record(failed, retry_at_once, plain_pen)

    assert await store.attempts_of(accepted.deliveries[0]) == [(1, ReturnReason.HUB_FAILURE.value)]
    assert [entry.attempt for entry in await hub.claim()] == [2]


# Full mailboxes --------------------------------------------------------------------------------------------


async def test_a_full_mailbox_is_parked_and_that_is_no_attempt(store: StoreUnderTest) -> None:
    hub = await store.process(terms=PARKS_LONG)
    accepted, handed_over = await hub.accept(a_submission().admitted())

    await hub.record(documents(handed_over), PublishResult.FULL, give_up)

    assert await hub.claim() == []
    assert await store.state_of(accepted.deliveries[0]) is DeliveryState.WAITING
    assert await store.attempts_of(accepted.deliveries[0]) == []
    _, later = await hub.accept(a_submission().admitted())
    assert documents(later) == []
    _, elsewhere = await hub.accept(a_submission().to("H14").admitted())
    assert len(documents(elsewhere)) == 1


async def test_a_mailbox_that_took_some_before_it_was_full_is_parked_all_the_same(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PARKS_LONG)
    committed = await hub.commit(a_submission().admitted(), a_submission().admitted())
    one, two = documents(committed.handed_over)
    now = datetime.now(UTC)
    answers = [
        Attempted(entry=one, result=PublishResult.CONFIRMED, at=now),
        Attempted(entry=two, result=PublishResult.FULL, at=now),
    ]

    await hub.outbox.record(answers, give_up, plain_pen)

    assert documents(await hub.claim()) == []


async def test_a_parked_mailbox_is_probed_after_a_while_and_goes_on_once_it_takes_something(
    store: StoreUnderTest,
) -> None:
    hub = await store.process(terms=PARKS_SHORTLY)
    _, handed_over = await hub.accept(a_submission().admitted())
    await hub.record(documents(handed_over), PublishResult.FULL)

    probe = await until(hub.claim, what="the end of the parking")
    await hub.record(probe)

    assert numbers(probe) == [1]
    assert numbers((await hub.accept(a_submission().admitted()))[1]) == [2]


# Who comes first -------------------------------------------------------------------------------------------


async def test_a_confirm_that_comes_after_a_return_took_over_ends_nothing(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    accepted, handed_over = await hub.accept(a_submission().admitted())
    (delivery,) = accepted.deliveries
    await hub.come_back(returned(delivery))

    assert not await hub.record(documents(handed_over))

    assert await store.state_of(delivery) is DeliveryState.WAITING
    assert [entry.attempt for entry in await hub.claim()] == [2]


async def test_a_confirm_that_comes_after_the_acknowledgement_leaves_the_state(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    accepted, handed_over = await hub.accept(submission.admitted())
    await hub.deliver((await hub.commit(submission.status(StatusCode.ARRIVED, by="H41"))).handed_over)

    told = await hub.record(documents(handed_over))

    assert await store.state_of(accepted.deliveries[0]) is DeliveryState.ARRIVED
    assert [receipt.event for receipt in receipts(told)] == [CONSIGNMENT]


@pytest.mark.parametrize(
    "result",
    [PublishResult.FULL, PublishResult.UNKNOWN, PublishResult.UNROUTABLE, PublishResult.FAILED],
)
async def test_an_acknowledged_delivery_is_not_published_again_whatever_the_broker_says(
    store: StoreUnderTest, result: PublishResult
) -> None:
    hub, other = await store.process(), await store.process()
    submission = a_submission()
    accepted, handed_over = await hub.accept(submission.admitted())
    await hub.deliver((await hub.commit(submission.status(StatusCode.ARRIVED, by="H41"))).handed_over)

    assert not await hub.record(documents(handed_over), result, give_up)

    assert documents(await other.claim()) == []
    assert await store.state_of(accepted.deliveries[0]) is DeliveryState.ARRIVED


@pytest.mark.parametrize("result", [PublishResult.UNKNOWN, PublishResult.UNROUTABLE, PublishResult.FAILED])
async def test_an_acknowledged_delivery_holds_nobody_up_whatever_the_broker_says(
    store: StoreUnderTest, result: PublishResult
) -> None:
    hub, other = await store.process(), await store.process()
    submission = a_submission()
    _, handed_over = await hub.accept(submission.admitted())
    await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))

    await hub.record(documents(handed_over), result, give_up)

    assert numbers((await other.accept(a_submission().admitted()))[1]) == [2]


async def test_what_another_process_has_taken_over_is_not_released(store: StoreUnderTest) -> None:
    hub, other = await store.process(lease=SHORT), await store.process()
    _, handed_over = await hub.accept(a_submission().admitted())
    await until(other.claim, what="the end of the lease")

    await hub.outbox.release(handed_over)

    assert await hub.claim() == []


async def test_entries_of_many_kinds_are_recorded_together(hub: HubProcess, store: StoreUnderTest) -> None:
    batch = [a_submission().to(to) for to in ("H41", "H14", "H29", "G22")]
    committed = await hub.commit(*(each.admitted() for each in batch))
    results = (
        PublishResult.CONFIRMED,
        PublishResult.FULL,
        PublishResult.UNKNOWN,
        PublishResult.UNROUTABLE,
    )
    now = datetime.now(UTC)
    answers = [
        Attempted(entry=entry, result=result, at=now)
        for entry, result in zip(documents(committed.handed_over), results, strict=True)
    ]

    told = await hub.outbox.record(answers, give_up, plain_pen)

    assert sorted(receipt.event for receipt in receipts(told)) == [CONSIGNMENT, FAILURE]
    states = [await store.state_of(each) for each in deliveries_of(committed.outcomes)]
    assert states == [
        DeliveryState.CONSIGNED,
        DeliveryState.WAITING,
        DeliveryState.WAITING,
        DeliveryState.DEAD,
    ]


def deliveries_of(outcomes: Sequence[object]) -> list[DeliveryId]:
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    return [delivery for outcome in accepted for delivery in outcome.deliveries]
