"""What lay in a lost queue goes out again: once, in its order, and only where it is still owed."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hub.backends.clock import SystemClock
from hub.crash import LOSS_POINTS, VARIABLE
from hub.errors import OperationRefused
from hub.message.identifiers import MailboxName
from hub.message.outbox import OutboxEntry
from hub.operations.queue_losses import LossDesk
from tests.integration.operations.conftest import Office
from tests.support.database import OPERATOR
from tests.support.decisions import a_submission
from tests.support.store import documents, give_up, returned

H41 = MailboxName("H41")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
A_LOSS = "insert into queue_losses (mailbox, kind, deliveries) values ('H41', 'emptied', 3)"


def desk(office: Office, operator: str = "Lan") -> LossDesk:
    return LossDesk(office.database, operator=operator, clock=SystemClock())


async def consigned(office: Office, count: int) -> list[OutboxEntry]:
    """Put documents into the queue, one after another."""
    put: list[OutboxEntry] = []
    for _ in range(count):
        _, handed_over = await office.hub.accept(a_submission().admitted())
        put += documents(handed_over)
        await office.hub.deliver(handed_over)
    return put


def ids(entries: Sequence[OutboxEntry]) -> list[object]:
    return [each.delivery_id for each in entries]


async def test_what_lay_in_the_queue_goes_out_again_in_its_order_as_the_next_attempt(office: Office) -> None:
    lost = await consigned(office, 3)
    plan = await desk(office).plan(H41, since=LONG_AGO)

    sent = await desk(office).send_again(plan, reason="deleted by mistake", per_minute=1_000_000)

    _, newer = await office.hub.accept(a_submission().admitted())
    assert len(documents(newer)) == 1, "it has to wait for what goes out again"
    again = documents(await office.published())
    assert sent == len(lost)
    assert ids(again) == ids(lost)
    assert {each.attempt for each in again} == {2}


async def test_every_act_is_recorded_with_who_did_it_and_why(office: Office) -> None:
    lost = await consigned(office, 2)

    await desk(office).send_again(await desk(office).plan(H41, since=LONG_AGO), reason="deleted by mistake")

    acts = [each[:3] for each in await office.actions()]
    assert acts == [("Lan", "losses.send_again", "deleted by mistake")] * 2 + [
        ("Lan", "losses.sent_again", "deleted by mistake")
    ]
    assert (await office.events(lost[0].delivery_id))[-1] == "delivery.sent_again"
    assert await desk(office).losses() == ()


async def test_what_two_operators_send_again_at_once_goes_out_once(office: Office) -> None:
    lost = await consigned(office, 3)
    plans = [await desk(office, each).plan(H41, since=LONG_AGO) for each in ("Lan", "Minh")]

    sent = await asyncio.gather(
        *(desk(office, each).send_again(plan) for each, plan in zip(("Lan", "Minh"), plans, strict=True))
    )

    assert sum(sent) == len(lost)
    attempts = "select distinct attempt from deliveries where mailbox = $1 and kind = 'document'"
    assert [row[0] for row in await office.store.fetch(attempts, H41)] == [2]


@pytest.mark.parametrize("point", sorted(LOSS_POINTS))
async def test_whoever_sends_it_again_may_be_killed_at_any_point_and_it_goes_out_once(
    office: Office, point: str
) -> None:
    lost = await consigned(office, 3)
    await office.store.fetch(A_LOSS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.mending_process", H41),
        env=os.environ | {"TRUC_MENDING_DSN": office.store.private.dsn(OPERATOR), VARIABLE: point},
    )
    try:
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
    (is_open,) = await desk(office).losses()

    await desk(office).send_again(await desk(office).plan(H41))

    sent_again = "select delivery_id, count(*) from events where name = 'delivery.sent_again' group by 1"
    assert is_open.deliveries == len(lost)
    assert {tuple(row) for row in await office.store.fetch(sent_again)} == {(each, 1) for each in ids(lost)}
    assert await desk(office).losses() == ()


async def test_what_is_dead_or_was_replayed_since_the_plan_is_not_sent_again(office: Office) -> None:
    dead, replayed, owed = await consigned(office, 3)
    await office.store.fetch(A_LOSS)
    plan = await desk(office).plan(H41, since=LONG_AGO)
    back = [returned(each.delivery_id) for each in (dead, replayed)]
    await office.hub.deliver(await office.hub.come_back(*back, recover=give_up))
    find = "select case_id from cases where delivery_id = $1"
    ((case,),) = await office.store.fetch(find, replayed.delivery_id)
    assert isinstance(case, int)
    await office.desk().replay([case], reason="their server is back")
    await office.published()

    sent = await desk(office).send_again(plan)

    assert sent == 1
    waiting = await office.store.fetch("select delivery_id from outbox_entries where mailbox = 'H41'")
    assert [row[0] for row in waiting] == [owed.delivery_id]


async def test_only_what_reached_the_queue_since_then_is_planned(office: Office) -> None:
    await consigned(office, 1)
    since = datetime.now(UTC)
    late = await consigned(office, 2)

    assert [each.delivery_id for each in (await desk(office).plan(H41, since=since)).deliveries] == ids(late)
    assert (await desk(office).plan(H41, since=since + timedelta(hours=1))).deliveries == ()
    with pytest.raises(OperationRefused, match="--since"):
        await desk(office).plan(H41)


async def test_a_loss_is_dismissed_for_a_reason_and_once(office: Office) -> None:
    await office.store.fetch(A_LOSS)
    with pytest.raises(OperationRefused, match="reason"):
        await desk(office).dismiss(H41, " ")

    await desk(office).dismiss(H41, "they have all of it")

    with pytest.raises(OperationRefused, match="no loss"):
        await desk(office).dismiss(H41, "they have all of it")
    assert await office.actions() == [("Lan", "losses.dismissed", "they have all of it", None)]
