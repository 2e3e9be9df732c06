"""Several hub processes side by side: one effect each, in order, and nobody is missed when one dies."""

import time

import pytest

from tests.support.axis import World, all_ready
from tests.support.ledger import every_document_has_its_effects, highest_attempt
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)
DOCUMENTS = 120
TAKEN_OVER_WITHIN = 10.0
"""Seconds until what a dead hub had claimed is published by another; the lease itself is far longer."""


async def test_documents_of_each_lane_arrive_in_the_order_of_acceptance(world: World) -> None:
    first, second, one, other = await world.connected(4)
    recipients = [world.software(each) for each in (one, other)]
    hubs = [world.launch_hub() for _ in range(3)]
    await all_ready(*hubs, *recipients)

    sources = [world.software(each, sends=DOCUMENTS // 2, to=(one, other)) for each in (first, second)]

    def arrived() -> bool:
        return all(len(each.effects()) >= DOCUMENTS for each in recipients)

    await until(arrived, what="all documents", seconds=90, pause=0.2)
    for each in recipients:
        for source in sources:
            numbers = [
                int(str(line["lane_number"]))
                for line in each.effects()
                if line["sender"] == source.agency.key
            ]
            assert numbers == list(range(1, DOCUMENTS // 2 + 1))
    assert all(each.lines("message.accepted") for each in hubs), "each hub had its share"


async def test_a_killed_hub_is_missed_by_nobody(world: World) -> None:
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    hubs = [world.launch_hub() for _ in range(3)]
    await all_ready(*hubs, *recipients)
    source = world.software(sender, sends=DOCUMENTS, to=(one, other))
    await until(lambda: all(each.effects() for each in recipients), what="the first documents")

    hubs[0].kill()
    await until(lambda: all(len(each.effects()) > DOCUMENTS // 3 for each in recipients), what="a third")
    hubs[1].kill()

    await every_document_has_its_effects(source, recipients, count=DOCUMENTS, seconds=90)
    await world.nothing_waits()
    assert highest_attempt(recipients) == 1
    assert await world.cases() == []


async def test_what_a_dead_hub_had_claimed_is_taken_over_at_once(world: World) -> None:
    sender, recipient = await world.connected(2)
    software = await world.software(recipient).ready()
    doomed = await world.hub(HUB_CRASH_AT="delivery.before_publish")
    source = world.software(sender, sends=10, to=(recipient,))
    await doomed.ended()
    heir = await world.hub()
    since = time.monotonic()

    await every_document_has_its_effects(source, [software], count=10, seconds=TAKEN_OVER_WITHIN)

    assert time.monotonic() - since < TAKEN_OVER_WITHIN
    assert heir.exit_code is None
