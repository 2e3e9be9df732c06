"""Evidence can be appended to, never altered; and what an operator replays is told as a new episode."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.backends.clock import SystemClock, new_id
from hub.message.delivery_state import DeliveryState, advance, trigger_of
from hub.message.edxml import StatusCode
from hub.message.identifiers import DeliveryId
from hub.message.receipt import ReceiptEvent
from hub.operations.cases import CaseDesk
from tests.support.database import HUB, OPERATOR
from tests.support.decisions import Submission, a_submission, read, signed_again
from tests.support.store import (
    HubProcess,
    PostgresUnderTest,
    give_up,
    receipts,
    returned,
)

pytestmark = pytest.mark.integration

EVIDENCE = (
    "messages",
    "events",
    "receipts",
    "receipt_sheets",
    "receipt_subjects",
    "attempts",
    "statuses",
    "refusals",
)


@pytest.mark.parametrize("login", [HUB, OPERATOR], ids=["hub", "operator"])
@pytest.mark.parametrize("table", [*EVIDENCE, "operator_actions"])
@pytest.mark.parametrize("change", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_evidence_is_not_changed(
    postgres_store: PostgresUnderTest, login: object, table: str, change: str
) -> None:
    columns = await postgres_store.fetch(
        "select attname::text from pg_attribute where attrelid = $1::regclass and attnum = 2", table
    )
    column = columns[0][0]
    async with postgres_store.private.connect(login) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change.format(table, column, column))


async def given_up(hub: HubProcess, submission: Submission) -> DeliveryId:
    accepted, handed_over = await hub.accept(submission.admitted())
    await hub.deliver(handed_over)
    await hub.deliver(await hub.come_back(returned(accepted.deliveries[0]), recover=give_up))
    return accepted.deliveries[0]


async def desk_of(store: PostgresUnderTest) -> CaseDesk:
    from hub.backends.postgres.pool import Database

    database = await Database.open(store.private.dsn(OPERATOR), name="test operator", size=1)
    return CaseDesk(database, operator="an", clock=SystemClock(), new_id=new_id)


async def replay(store: PostgresUnderTest, delivery: DeliveryId | None = None) -> tuple[int, ...]:
    desk = await desk_of(store)
    try:
        cases = await store.fetch(
            "select case_id from cases where outcome is null and ($1::uuid is null or delivery_id = $1)",
            delivery,
        )
        return (await desk.replay([int(str(case[0])) for case in cases])).done
    finally:
        await desk._database.close()


async def test_a_replayed_delivery_is_told_again_and_the_receipt_names_the_failure(
    postgres_store: PostgresUnderTest,
) -> None:
    hub = await postgres_store.process()
    delivery = await given_up(hub, a_submission())
    assert len(await replay(postgres_store)) == 1

    (entry,) = await hub.claim()
    (consignment,) = receipts(await hub.record([entry]))

    assert (entry.delivery_id, entry.attempt) == (delivery, 2)
    assert (consignment.event, consignment.episode) == (ReceiptEvent.CONTENT_CONSIGNMENT, 2)
    stored = await postgres_store.fetch(
        "select body from receipts join receipt_sheets using (sheet_id) where receipt_id = $1",
        consignment.supersedes,
    )
    assert read(bytes(stored[0][0])).event is ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE


async def test_every_episode_has_its_own_failure(postgres_store: PostgresUnderTest) -> None:
    hub = await postgres_store.process()
    delivery = await given_up(hub, a_submission())
    await replay(postgres_store)
    await hub.deliver_all()

    (second,) = receipts(await hub.come_back(returned(delivery, attempt=2), recover=give_up))

    assert (second.episode, second.supersedes is not None) == (2, True)
    assert len(await postgres_store.open_cases()) == 1


async def test_what_was_sent_again_meanwhile_is_not_replayed(postgres_store: PostgresUnderTest) -> None:
    hub = await postgres_store.process()
    submission = a_submission()
    await given_up(hub, submission)
    await hub.accept(signed_again(submission).admitted())

    assert await replay(postgres_store) == ()


async def test_what_was_replayed_is_not_sent_again(postgres_store: PostgresUnderTest) -> None:
    hub = await postgres_store.process()
    submission = a_submission()
    await given_up(hub, submission)
    await replay(postgres_store)

    accepted, _ = await hub.accept(signed_again(submission).admitted())

    assert accepted.deliveries == ()


async def test_a_retry_of_a_receipt_counts_its_own_octets(postgres_store: PostgresUnderTest) -> None:
    hub = await postgres_store.process()
    committed = await hub.commit(a_submission(content="x" * 50_000).refused())
    (letter,) = committed.handed_over
    await hub.record(committed.handed_over)

    await hub.come_back(returned(letter.delivery_id))

    assert await postgres_store.fetch("select octets from outbox_entries") == [(len(letter.body),)]


@settings(
    max_examples=40,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(st.sampled_from([*StatusCode, "return", "give up", "replay", "claim"]), max_size=8))
async def test_any_story_of_a_delivery_is_recorded_and_none_crashes(
    postgres_store: PostgresUnderTest, story: list[StatusCode | str]
) -> None:
    hub = await postgres_store.process()
    submission = a_submission(sender=f"G22.{uuid4().hex.upper()}")
    accepted, handed_over = await hub.accept(submission.admitted())
    (delivery,) = accepted.deliveries
    await hub.deliver(handed_over)

    for event in story:
        before = await postgres_store.state_of(delivery)
        await _happen(postgres_store, hub, submission, delivery, event)
        after = await postgres_store.state_of(delivery)
        if isinstance(event, StatusCode):
            assert after is (advance(before, trigger_of(event)) or before)
            moved = await postgres_store.fetch(
                "select moved from statuses where delivery_id = $1 order by message_id desc limit 1", delivery
            )
            assert moved == [(advance(before, trigger_of(event)) is not None,)]

    entries = [entry for entry in await hub.claim() if entry.delivery_id == delivery]
    assert len(entries) == (await postgres_store.state_of(delivery) is DeliveryState.WAITING)
    await hub.record(entries)
    open_cases = delivery in await postgres_store.open_cases()
    assert open_cases == (await postgres_store.state_of(delivery) is DeliveryState.DEAD)
    await postgres_store.kill(hub)


async def _happen(
    store: PostgresUnderTest,
    hub: HubProcess,
    submission: Submission,
    delivery: DeliveryId,
    event: StatusCode | str,
) -> None:
    (attempt,) = (await store.fetch("select attempt from deliveries where delivery_id = $1", delivery))[0]
    if isinstance(event, StatusCode):
        await hub.accept(submission.status(event, by="H41"))
    elif event == "replay":
        await replay(store, delivery)
    elif event == "claim":
        await hub.deliver_all()
    else:
        recover = give_up if event == "give up" else None
        await hub.come_back(returned(delivery, attempt=int(str(attempt))), recover=recover)
