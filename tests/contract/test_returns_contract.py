"""What the returns worker may expect of what it settles, of the twin as of the real one."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from hub.backends.postgres.seam import Terms
from hub.message.delivery_state import DeliveryState
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.outbox import Expire, GiveUp, Recovery, Retry, ReturnedDelivery, ReturnReason
from hub.message.receipt import FailureKind, ReceiptEvent
from tests.support.decisions import Submission, a_submission, plain_pen
from tests.support.store import (
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

FAILURE = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE
NOBODY = DeliveryId(UUID(int=0))
SHORT_LIVED = Terms(delivery_lifetime=-timedelta(seconds=1))


async def consigned(hub: HubProcess, submission: Submission) -> DeliveryId:
    accepted, handed_over = await hub.accept(submission.admitted())
    await hub.deliver(handed_over)
    return accepted.deliveries[0]


async def test_a_rejected_delivery_is_tried_again_as_a_row(hub: HubProcess, store: StoreUnderTest) -> None:
    submission = a_submission()
    delivery = await consigned(hub, submission)

    assert not await hub.come_back(returned(delivery))

    (entry,) = await hub.claim()
    assert (entry.delivery_id, entry.attempt, entry.body) == (delivery, 2, submission.body)
    assert await store.attempts_of(delivery) == [(1, "consigned"), (1, "rejected")]


async def test_a_retry_is_not_claimed_before_its_time(hub: HubProcess) -> None:
    delivery = await consigned(hub, a_submission())

    await hub.come_back(returned(delivery), recover=retry_later)

    assert await hub.claim() == []


async def test_a_delivery_that_is_given_up_becomes_a_case_with_a_signed_failure(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    submission = a_submission()
    delivery = await consigned(hub, submission)

    told = await hub.come_back(returned(delivery), recover=give_up)

    (receipt,) = receipts(told)
    assert (receipt.event, receipt.failure) == (FAILURE, FailureKind.NOT_DELIVERED)
    assert receipt.submission_id == submission.submission_id
    assert [each.delivery_id for each in receipt.subjects] == [delivery]
    assert await store.open_cases() == {delivery: "rejected at attempt 1"}
    assert await store.state_of(delivery) is DeliveryState.DEAD
    await hub.deliver(told)
    assert await hub.claim() == []


@pytest.mark.parametrize("status", [StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.FINISHED])
async def test_what_was_acknowledged_is_not_tried_again(
    hub: HubProcess, store: StoreUnderTest, status: StatusCode
) -> None:
    submission = a_submission()
    delivery = await consigned(hub, submission)
    await hub.deliver((await hub.commit(submission.status(status, by="H41"))).handed_over)
    before = await store.state_of(delivery)

    assert not await hub.come_back(returned(delivery), recover=give_up)

    assert await store.state_of(delivery) is before
    assert await hub.claim() == []
    assert await store.open_cases() == {}


async def test_what_was_refused_is_not_tried_again(hub: HubProcess, store: StoreUnderTest) -> None:
    submission = a_submission()
    delivery = await consigned(hub, submission)
    await hub.deliver((await hub.commit(submission.status(StatusCode.REFUSED, by="H41"))).handed_over)

    assert not await hub.come_back(returned(delivery))

    assert await store.state_of(delivery) is DeliveryState.REFUSED
    assert await hub.claim() == []


async def test_a_return_of_an_older_attempt_changes_nothing(hub: HubProcess) -> None:
    delivery = await consigned(hub, a_submission())
    await hub.come_back(returned(delivery), recover=retry_later)

    assert not await hub.come_back(returned(delivery, attempt=1), recover=give_up)

    assert await hub.claim() == []


async def test_both_copies_of_one_attempt_that_come_back_together_count_once(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    """A publish whose confirm was lost is made again: the recipient may reject the same attempt twice."""
    delivery = await consigned(hub, a_submission())

    await hub.come_back(returned(delivery), returned(delivery))

    assert [entry.attempt for entry in await hub.claim()] == [2]
    assert await store.attempts_of(delivery) == [(1, "consigned"), (1, "rejected")]


async def test_both_copies_of_the_last_attempt_make_one_case(hub: HubProcess, store: StoreUnderTest) -> None:
    delivery = await consigned(hub, a_submission())

    told = await hub.come_back(returned(delivery), returned(delivery), recover=give_up)

    assert len(receipts(told)) == 1
    assert len(await store.open_cases()) == 1


async def test_a_return_of_nothing_that_the_hub_knows_is_let_go(hub: HubProcess) -> None:
    stranger = replace(returned(await consigned(hub, a_submission())), delivery_id=NOBODY)

    assert not await hub.come_back(stranger, recover=give_up)


async def test_each_of_many_returns_gets_its_own_decision(hub: HubProcess, store: StoreUnderTest) -> None:
    deliveries = [await consigned(hub, a_submission()) for _ in range(4)]
    decisions: dict[DeliveryId, Recovery] = {
        deliveries[0]: GiveUp(cause="enough"),
        deliveries[1]: Expire(cause="too late"),
    }

    def recover(each: ReturnedDelivery, tries: int) -> Recovery:
        return decisions.get(each.delivery_id, Retry(not_before=each.at - timedelta(hours=1)))

    told = await hub.come_back(*map(returned, deliveries), recover=recover)

    assert sorted((receipt.cause, receipt.failure) for receipt in receipts(told)) == [
        ("enough", FailureKind.NOT_DELIVERED),
        ("too late", FailureKind.EXPIRED),
    ]
    assert [await store.state_of(each) for each in deliveries] == [
        DeliveryState.DEAD,
        DeliveryState.EXPIRED,
        DeliveryState.WAITING,
        DeliveryState.WAITING,
    ]
    assert [entry.delivery_id for entry in documents(await hub.claim())] == deliveries[2:]


async def test_the_policy_is_told_how_often_it_was_tried(hub: HubProcess) -> None:
    delivery = await consigned(hub, a_submission())
    tries = []

    def recover(each: ReturnedDelivery, tried: int) -> Recovery:
        tries.append(tried)
        return retry_at_once(each, tried)

    for attempt in (1, 2, 3):
        await hub.come_back(returned(delivery, attempt=attempt), recover=recover)
        await hub.deliver(await hub.claim())

    assert tries == [1, 2, 3]


async def test_an_expiry_is_final_and_told(hub: HubProcess, store: StoreUnderTest) -> None:
    delivery = await consigned(hub, a_submission())

    told = await hub.come_back(returned(delivery, reason=ReturnReason.EXPIRED), recover=expire)

    assert [receipt.failure for receipt in receipts(told)] == [FailureKind.EXPIRED]
    assert await store.state_of(delivery) is DeliveryState.EXPIRED
    assert await store.open_cases() == {}


async def test_a_receipt_that_is_given_up_is_a_case_and_causes_no_receipt(
    hub: HubProcess, store: StoreUnderTest
) -> None:
    committed = await hub.commit(a_submission().refused())
    (letter,) = committed.handed_over
    await hub.record(committed.handed_over)

    assert not await hub.come_back(returned(letter.delivery_id), recover=give_up)

    assert list(await store.open_cases()) == [letter.delivery_id]


async def test_a_receipt_that_is_tried_again_carries_the_same_bytes(hub: HubProcess) -> None:
    committed = await hub.commit(a_submission().refused())
    (letter,) = committed.handed_over
    await hub.record(committed.handed_over)

    await hub.come_back(returned(letter.delivery_id))

    assert [(entry.body, entry.attempt) for entry in await hub.claim()] == [(letter.body, 2)]


async def test_a_status_that_cannot_be_forwarded_is_told_to_who_reported(hub: HubProcess) -> None:
    submission = a_submission()
    await consigned(hub, submission)
    accepted, handed_over = await hub.accept(submission.status(StatusCode.PROCESSING, by="H41"))
    await hub.deliver(handed_over)

    told = await hub.come_back(returned(accepted.deliveries[0]), recover=give_up)

    assert [(receipt.event, receipt.mailbox) for receipt in receipts(told)] == [(FAILURE, "H41")]


async def test_what_waited_beyond_its_time_is_found_until_it_is_settled(store: StoreUnderTest) -> None:
    hub = await store.process(terms=SHORT_LIVED)
    accepted, handed_over = await hub.accept(a_submission().admitted())
    assert await hub.returns.expired(10) == []
    await hub.outbox.release(handed_over)

    found = await hub.returns.expired(10)

    assert [(each.delivery_id, each.attempt, each.reason) for each in found] == [
        (accepted.deliveries[0], 1, ReturnReason.EXPIRED)
    ]
    assert len(receipts(await hub.returns.settle(found, expire, plain_pen))) == 1
    assert await hub.returns.expired(10) == []


async def test_what_the_recipient_has_acknowledged_does_not_expire(store: StoreUnderTest) -> None:
    hub = await store.process(terms=SHORT_LIVED)
    submission = a_submission()
    _, handed_over = await hub.accept(submission.admitted())
    await hub.accept(submission.status(StatusCode.ARRIVED, by="H41"))
    await store.kill(hub)

    other = await store.process(terms=SHORT_LIVED)

    assert submission.body in {entry.body for entry in documents(handed_over)}
    expired = await other.returns.expired(10)
    assert [each for each in expired if each.delivery_id == documents(handed_over)[0].delivery_id] == []


async def test_what_is_in_somebodys_hands_does_not_expire_meanwhile(store: StoreUnderTest) -> None:
    """It may be on its way: what the broker says decides."""
    hub = await store.process(terms=SHORT_LIVED)
    await hub.accept(a_submission().admitted())

    assert await hub.returns.expired(10) == []
