"""The hub dies by SIGKILL between each pair of effects: nothing is lost or doubled, receipts are true."""

import signal

import pytest

from hub.crash import POINTS
from tests.support.axis import World
from tests.support.ledger import CONSIGNMENT, FAILURE, every_document_has_its_effects, highest_attempt
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)
DOCUMENTS = 60


@pytest.mark.parametrize("point", sorted(each for each in POINTS if not each.startswith("returns.")))
async def test_a_crash_at_each_point_costs_and_doubles_nothing(world: World, point: str) -> None:
    sender, one, other = await world.connected(3)
    recipients = [world.software(each) for each in (one, other)]
    hub = await world.hub(HUB_CRASH_AT=point)
    source = world.software(sender, sends=DOCUMENTS, to=(one, other))

    assert await hub.ended() == -signal.SIGKILL
    await world.hub()

    await every_document_has_its_effects(source, recipients, count=DOCUMENTS, seconds=60)
    await world.nothing_waits()
    assert highest_attempt(recipients) == 1, "a crash of the hub is nobody's failed attempt"
    assert await world.cases() == []


@pytest.mark.parametrize("point", sorted(each for each in POINTS if each.startswith("returns.")))
async def test_a_crash_while_returns_are_settled_gives_up_once(world: World, point: str) -> None:
    sender, recipient = await world.connected(2)
    broken = world.software(recipient, policy="fail", until_attempt=99)
    hub = await world.hub(HUB_CRASH_AT=point, HUB_BREAKER_FAILURES="0")
    source = world.software(sender, sends=5, to=(recipient,))

    assert await hub.ended() == -signal.SIGKILL
    await world.hub(HUB_BREAKER_FAILURES="0")

    def told() -> list[object]:
        return [line["submission_id"] for line in source.receipts(FAILURE)]

    await until(lambda: len(told()) >= 5, what=lambda: f"5 failures, so far {told()}", seconds=60)
    await world.nothing_waits()
    assert sorted(map(str, told())) == sorted(str(line["submission_id"]) for line in source.lines("sent"))
    assert len(await world.cases()) == 5
    assert [line["attempt"] for line in broken.lines("offered")].count(3) == 5
    assert highest_attempt([broken]) == 3, "the crash used up no attempt"


async def test_a_recipients_crash_between_effect_and_acknowledgement_doubles_nothing(world: World) -> None:
    sender, recipient = await world.connected(2)
    await world.hub()
    crashing = {"TRUC_CRASH_AT": "after-commit-before-ack:7"}
    software = world.software(recipient, environment=crashing)
    source = world.software(sender, sends=20, to=(recipient,))

    await until(lambda: software.exit_code == -signal.SIGKILL, what="the recipient's crash")
    software.restart()

    await every_document_has_its_effects(source, [software], count=20, seconds=60)
    assert len(source.receipts(CONSIGNMENT)) > 0
    assert await world.cases() == []
