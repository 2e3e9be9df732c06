"""Urgent documents are delivered before ordinary ones that wait."""

import pytest

from hub.message.receipt import ReceiptEvent
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.raw_agency import RawAgency, all_receipts
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)
BACKLOG = 40


@pytest.mark.parametrize("priority", [1, 4])
async def test_an_urgent_document_overtakes_the_ordinary_ones_that_wait_for_a_full_mailbox(
    world: World, priority: int
) -> None:
    sender, recipient = await world.connected(2)
    await world.limit_queue(recipient.mailbox, max_length=1)
    await world.hub(HUB_PARK_TIME="PT3S")
    async with RawAgency.open(sender) as raw:
        ordinary = [await raw.submit_signed(a_letter(sender, recipient).unsigned()) for _ in range(BACKLOG)]
        await all_receipts(raw, ordinary, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await until(lambda: backlog(world, recipient.mailbox, BACKLOG // 2), what="a backlog of rows")
        urgent = a_letter(sender, recipient).with_priority(priority)
        submission = await raw.submit_signed(urgent.unsigned())
        await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        lying = await world.lying_in_queue(recipient.mailbox)

        async with RawAgency.open(recipient) as reader:
            arrived = await reader.arrival("document", BACKLOG + 1, seconds=60)

    names = [each.document_id for each in arrived]
    assert names.index(urgent.draft.document_id) <= lying, "only what lay in the queue already came before"
    assert [each.headers["x-lane"] for each in arrived].count("urgent") == 1


async def backlog(world: World, mailbox: str, least: int) -> bool:
    rows = await world.rows("select count(*) from outbox_entries where mailbox = $1", mailbox)
    return int(rows[0][0]) >= least


async def test_an_urgent_document_overtakes_what_a_dead_hub_left_behind(world: World) -> None:
    sender, recipient = await world.connected(2)
    await world.limit_queue(recipient.mailbox, max_length=1)
    hub = await world.hub(HUB_PARK_TIME="PT8S")
    async with RawAgency.open(sender) as raw:
        ordinary = [await raw.submit_signed(a_letter(sender, recipient).unsigned()) for _ in range(BACKLOG)]
        await all_receipts(raw, ordinary, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await until(lambda: backlog(world, recipient.mailbox, BACKLOG // 2), what="a backlog of rows")
        urgent = a_letter(sender, recipient).with_priority(2)
        await raw.receipt(await raw.submit_signed(urgent.unsigned()), ReceiptEvent.SUBMISSION_ACCEPTANCE)
        lying = await world.lying_in_queue(recipient.mailbox)

        hub.kill()
        await world.limit_queue(recipient.mailbox, max_length=1000)
        await world.hub()
        async with RawAgency.open(recipient) as reader:
            arrived = await reader.arrival("document", BACKLOG + 1, seconds=90)

    names = [each.document_id for each in arrived]
    assert names.index(urgent.draft.document_id) <= lying
