"""Health and metrics tell the truth, at the moment of asking."""

import re

import pytest

from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.hub_process import HubProcess
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)


async def ready_says(hub: HubProcess, *, database: bool, broker: bool) -> None:
    """Wait until `/health/ready` says exactly this."""
    expected = {"ready": database and broker, "database": database, "broker": broker}
    said = "nothing"

    async def says_so() -> bool:
        nonlocal said
        assert hub.exit_code is None, "the hub has ended"
        answer = await hub.get("/health/ready")
        said = answer.text if answer is not None else "nothing"
        return answer is not None and answer.json() == expected and answer.is_success == expected["ready"]

    await until(says_so, what=lambda: f"ready to say {expected}; it says {said}", seconds=40)


async def test_ready_turns_with_database_and_broker_while_live_stays(world: World) -> None:
    hub = await world.hub()
    await ready_says(hub, database=True, broker=True)

    await world.stop_database()
    await ready_says(hub, database=False, broker=True)
    await is_live(hub)
    await world.start_database()
    await ready_says(hub, database=True, broker=True)

    await world.stop_broker()
    await ready_says(hub, database=True, broker=False)
    await is_live(hub)
    await world.start_broker()
    await ready_says(hub, database=True, broker=True)


async def is_live(hub: HubProcess) -> None:
    live = await hub.get("/health/live")
    assert live is not None
    assert live.is_success


async def metric(hub: HubProcess, name: str, **labels: str) -> float | None:
    answer = await hub.get("/metrics")
    assert answer is not None
    wanted = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""
    found = re.search(rf"^{re.escape(name + wanted)} (\S+)$", answer.text, re.MULTILINE)
    return float(found[1]) if found else None


async def test_metrics_count_what_happened_and_how_long_the_oldest_waits(world: World) -> None:
    sender, recipient = await world.connected(2)
    hub = await world.hub(HUB_PARK_TIME="PT60S")
    await world.limit_queue(recipient.mailbox, max_length=1)

    async with RawAgency.open(sender) as raw:
        for _ in range(8):
            await raw.submit_signed(a_letter(sender, recipient).unsigned())
        await raw.submit(b"<letter/>")
        await until(lambda: len(raw.all_receipts()) >= 9, what="eight acceptances and a refusal")

    async def oldest() -> float:
        return await metric(hub, "hub_oldest_waiting_seconds", mailbox=recipient.mailbox) or 0.0

    await until(lambda: reached(oldest, 1.5), what="an age of the oldest that waits")
    assert await metric(hub, "hub_oldest_waiting_seconds", mailbox=sender.mailbox) == 0
    assert (await metric(hub, "hub_waiting_deliveries", mailbox=recipient.mailbox) or 0) >= 1
    assert await metric(hub, "hub_messages_accepted_total", kind="document") == 8
    assert await metric(hub, "hub_messages_rejected_total", code="HUB-1005") == 1
    assert (await metric(hub, "hub_deliveries_published_total", result="full") or 0) >= 1
    assert await metric(hub, "hub_open_cases") is not None


async def reached(measure: "object", least: float) -> bool:
    assert callable(measure)
    return bool(await measure() >= least)
