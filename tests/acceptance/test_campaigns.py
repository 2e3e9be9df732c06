"""Dead letters held against today's rules, tried out on one, and sent again once the cause is mended."""

import json

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World
from tests.support.ledger import FAILURE, AgencyProcess
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def test_a_canary_stops_while_the_recipient_fails_and_the_campaign_ends_once_it_is_mended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_CAMPAIGN_PATIENCE", "PT1S")
    sender, revoked, recipient = await world.connected(3)
    broken = world.software(recipient, policy="fail", until_attempt=1000)
    await world.hub(HUB_BREAKER_FAILURES="0")
    sources = [
        world.software(sender, sends=4, to=(recipient,)),
        world.software(revoked, sends=1, to=(recipient,)),
    ]
    await until(
        lambda: [len(each.receipts(FAILURE)) for each in sources] == [4, 1], what="five failures", seconds=60
    )
    await world.rows("update certificates set revoked_at = now() where agency = $1", revoked.code)

    groups = await _json(world, "deadletter", "groups", "--mailbox", recipient.mailbox)
    judged = await _json(world, "deadletter", "replay", "--mailbox", recipient.mailbox, "--dry-run")

    assert sorted(each["open"] for each in groups) == [1, 4]
    assert {each["cause_code"] for each in groups} == {"rejected"}
    campaign = judged["campaign"]
    assert (campaign["state"], campaign["would_pass"], campaign["refused"]) == ("ready", 4, 1)
    assert "HUB-2010" in judged["reasons"][0]["why"]

    started = await _json(world, "campaigns", "start", number := str(campaign["campaign_id"]), "--wait")
    stopped = started["campaign"]

    assert (stopped["state"], stopped["sent"], stopped["failed_again"]) == ("stopped", 1, 1)
    assert "rejected" in stopped["stopped_because"]
    mended = _mended(world, recipient, broken)

    done = (await _json(world, "campaigns", "resume", number, "--wait"))["campaign"]

    assert (done["state"], done["done"] + done["failed_again"]) == ("done", done["sent"])
    await until(lambda: len(mended.effects()) >= 4, what="four effects")
    await world.nothing_waits()
    assert len({line["delivery_id"] for line in mended.effects()}) == len(mended.effects()) == 4
    assert [case["outcome"] for case in await world.cases()].count(None) == 1


def _mended(world: World, recipient: LocalAgency, broken: AgencyProcess) -> AgencyProcess:
    broken.terminate()
    broken.stop()
    return world.software(recipient)


async def _json(world: World, *arguments: str) -> object:
    code, told = await world.truc(*arguments, "--json")
    assert code == 0, told
    return json.loads(told)
