"""A recipient whose system rejects everything is parked, costs nobody a try, and gets it all later."""

import json

import asyncpg
import pytest

from tests.support.axis import World
from tests.support.hub_process import HubProcess
from tests.support.ledger import FAILURE, HANDOVER, AgencyProcess, Line
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
COUNT = 40
PARKED = "select breaker, parked_because from mailboxes where name = $1 and breaker <> 'closed'"
TROUBLE = """
select name, detail, at from events
where name in ('mailbox.parked', 'mailbox.resumed') and detail->>'mailbox' = $1 order by event_id
"""
USED_UP = "select max(attempt - first_attempt + 1) from deliveries where mailbox = $1"
FIRSTS = """
select d.sender, d.recipient, d.is_urgent, d.lane_number
from events e join deliveries d using (delivery_id)
where d.mailbox = $1 and d.kind = 'document' and e.name = 'delivery.consigned'
    and (e.detail->>'attempt')::int = 1
order by e.event_id
"""


async def test_a_recipient_that_rejects_everything_is_parked_probed_and_drained(world: World) -> None:
    sender, broken, well = await world.connected(3)
    hub = await world.hub(HUB_RETRY_DELAYS='["PT0S", "PT0.3S"]')  # a case at the third try
    failing = world.software(broken, policy="fail", until_attempt=1000)
    quick = world.software(well)
    source = world.software(sender, sends=COUNT, to=(broken, well))

    await until(lambda: parked(world, broken.mailbox), what="a parked mailbox")
    await until(lambda: measures(hub, broken.mailbox, 2), what="a gauge that says so")
    await until(lambda: len(quick.effects()) == COUNT, what="everything at the other one", seconds=60)
    await until(lambda: probes(world, broken.mailbox, 2), what="two probes that came back", seconds=40)

    assert await world.cases() == []
    assert source.receipts(FAILURE) == []
    failing.stop()
    failing.restart(policy="accept")
    await until(lambda: len(failing.effects()) == COUNT, what="everything in the end", seconds=90)
    await until(lambda: len(source.receipts(HANDOVER)) == 2 * COUNT, what="the handovers")

    await until(lambda: resumed(world, broken.mailbox), what="a closed breaker", seconds=30)
    assert await measures(hub, broken.mailbox, 0)
    await judge(world, broken.mailbox, failing)


async def judge(world: World, mailbox: str, failing: AgencyProcess) -> None:
    """Nothing given up, tries kept, one event at each end, and the first sending of each lane in order."""
    assert await world.cases() == []
    assert len({line["delivery_id"] for line in failing.effects()}) == COUNT
    ((used_up,),) = await world.rows(USED_UP, mailbox)
    assert used_up <= 3
    began, ended = await world.rows(TROUBLE, mailbox)
    assert (began["name"], ended["name"]) == ("mailbox.parked", "mailbox.resumed")
    first, last = json.loads(began["detail"]), json.loads(ended["detail"])
    assert (first["reason"], last["reason"]) == ("failing", "failing")
    assert 5 <= first["failures"] < last["failures"]
    assert last["waited"] >= 3
    assert in_order(await world.rows(FIRSTS, mailbox))
    assert tried_in_order(failing.lines("offered"))


def in_order(rows: list[asyncpg.Record]) -> bool:
    lanes: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        lanes.setdefault(tuple(row)[:3], []).append(row["lane_number"])
    return all(numbers == sorted(numbers) for numbers in lanes.values())


def tried_in_order(offered: list[Line]) -> bool:
    """Whether what was offered for the first time was offered in the order of its lane."""
    numbers = [int(str(line["lane_number"])) for line in offered if line["attempt"] == 1]
    return numbers == sorted(numbers)


async def parked(world: World, mailbox: str) -> bool:
    rows = await world.rows(PARKED, mailbox)
    return [row["parked_because"] for row in rows] == ["failing"]


async def measures(hub: HubProcess, mailbox: str, shut: int) -> bool:
    answer = await hub.get("/metrics")
    return answer is not None and f'hub_mailbox_breaker{{mailbox="{mailbox}"}} {shut}.0' in answer.text


async def probes(world: World, mailbox: str, count: int) -> bool:
    rows = await world.rows("select pauses from mailboxes where name = $1", mailbox)
    return int(rows[0][0]) > count


async def resumed(world: World, mailbox: str) -> bool:
    return not await world.rows(PARKED, mailbox)
