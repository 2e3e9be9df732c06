"""A hub that is asked to stop settles what is in hand, and ends with 0."""

from collections import Counter

import pytest

from tests.support.axis import World
from tests.support.ledger import AgencyProcess, every_document_has_its_effects, highest_attempt
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)
DOCUMENTS = 120


async def test_a_stop_under_load_settles_what_is_in_hand_and_a_start_does_the_rest(world: World) -> None:
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    hub = await world.hub()
    source = world.software(sender, sends=DOCUMENTS, to=(one, other))
    await until(lambda: all(len(each.effects()) > 5 for each in recipients), what="the first documents")

    assert await hub.stop() == 0

    assert hub.lines("hub.stopped")
    assert await claimed(world) == 0, "what was not published went back to being rows"
    offered_before = {each.agency.code: offers(each) for each in recipients}
    await world.hub()
    await every_document_has_its_effects(source, recipients, count=DOCUMENTS, seconds=60)
    await world.nothing_waits()
    assert highest_attempt(recipients) == 1
    assert await world.cases() == []
    for each in recipients:
        assert set(offers(each).values()) == {1}, "nothing that was settled came again"
        assert offered_before[each.agency.code].keys() <= offers(each).keys()
    repeated = await world.rows(
        """select 1 from events e join messages m using (message_id)
            where e.name = 'message.repeated' and m.mailbox = $1""",
        sender.mailbox,
    )
    assert repeated == [], "intake had settled everything that it had committed"


def offers(software: AgencyProcess) -> Counter[object]:
    return Counter(line["delivery_id"] for line in software.lines("offered"))


async def claimed(world: World) -> int:
    query = "select count(*) from outbox_entries where claimed_by is not null and mailbox = any($1)"
    return int((await world.rows(query, world.mailboxes))[0][0])


async def test_an_idle_hub_stops_at_once(world: World) -> None:
    hub = await world.hub()

    hub.terminate()

    assert await hub.ended(seconds=5) == 0


@pytest.mark.parametrize("away", ["broker", "database"])
async def test_a_stop_during_an_outage_ends_and_loses_nothing(world: World, away: str) -> None:
    sender, recipient = await world.connected(2)
    software = world.software(recipient)
    hub = await world.hub()
    source = world.software(sender, sends=DOCUMENTS, to=(recipient,))
    await until(lambda: len(software.effects()) > 5, what="the first documents")

    await (world.stop_broker() if away == "broker" else world.stop_database())
    hub.terminate()
    assert await hub.ended(seconds=20) == 0

    await (world.start_broker() if away == "broker" else world.start_database())
    await world.hub()
    await every_document_has_its_effects(source, [software], count=DOCUMENTS, seconds=60)
    assert highest_attempt([software]) == 1
    assert await world.cases() == []
