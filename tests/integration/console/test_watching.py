"""The pages by which operators keep an eye on the axis."""

import asyncio
import csv

import httpx

from hub.backends.clock import SystemClock
from hub.message.identifiers import AgencyKey
from hub.operations.rights import Role
from hub.workers.search_index import SearchIndexer
from tests.support.console import ConsoleUnderTest, program
from tests.support.decisions import a_submission

FAILING = (
    "update mailboxes set breaker = 'open', failures = 5, failing_since = now(), parked_because = 'failing'"
)


async def indexed(world: ConsoleUnderTest) -> None:
    await SearchIndexer(database=world.console.database, clock=SystemClock()).catch_up(asyncio.Event())


async def test_the_first_page_says_how_the_axis_is_now(world: ConsoleUnderTest) -> None:
    await world.hub.accept(a_submission().to("H41").admitted())
    await world.store.fetch(f"{FAILING} where name = 'H41'")
    browser = await world.visitor(Role.VIEWER)

    first = await browser.get("/")
    page = (await browser.get(first.headers["location"])).text

    assert first.headers["location"] == "/now"
    assert "tạm dừng: liên tục lỗi" in page
    assert 'role="img"' in page
    assert "1 trong giờ qua" in page


async def test_documents_are_found_by_words_parties_and_states(world: ConsoleUnderTest) -> None:
    for subject in ("Kế hoạch đầu tư", "Báo cáo tháng"):
        await world.hub.accept(a_submission().with_(subject=subject).to("H41").admitted())
    await indexed(world)
    browser = await world.visitor(Role.VIEWER)

    found = (await browser.get("/documents?name=ke+hoach&recipient=H41&state=waiting")).text
    missed = (await browser.get("/documents?name=ke+hoach&recipient=H14")).text

    assert "Kế hoạch đầu tư" in found
    assert "Báo cáo tháng" not in found
    assert "Không tìm thấy" in missed


async def test_an_account_of_an_agency_finds_and_sees_what_is_its_own(world: ConsoleUnderTest) -> None:
    await world.hub.accept(a_submission().with_(subject="Kế hoạch một").to("H41").admitted())
    await world.hub.accept(a_submission().with_(subject="Kế hoạch hai").to("H14").admitted())
    await indexed(world)
    browser = await world.visitor(Role.VIEWER, agencies=(AgencyKey("H41"),))

    found = (await browser.get("/documents?name=ke+hoach")).text
    agencies = (await browser.get("/agencies")).text
    refused = await browser.get("/now")

    assert "Kế hoạch một" in found
    assert "Kế hoạch hai" not in found
    assert 'id="H41"' in agencies
    assert 'id="H14"' not in agencies
    assert refused.status_code == httpx.codes.FORBIDDEN


async def test_who_is_connected_stands_there_with_the_failing_first(world: ConsoleUnderTest) -> None:
    await world.store.fetch(f"{FAILING} where name = 'H41'")
    browser = await world.visitor(Role.VIEWER)

    page = (await browser.get("/agencies")).text

    assert page.index('id="H41"') < page.index('id="G22"')
    assert "chưa bao giờ" in page
    assert "management_url" in page


async def test_who_is_late_is_shown_counted_and_handed_out(world: ConsoleUnderTest) -> None:
    (dead,) = await world.dead_letters(a_submission().with_(subject="Quá hạn").to("H41"))
    assert dead
    await world.store.private.rewrite("update deliveries set created_at = now() - interval '2 days'")
    browser = await world.visitor(Role.VIEWER)

    page = (await browser.get("/late?recipient=H41&lateness=not_delivered")).text
    nobody = (await browser.get("/late?recipient=H14")).text
    file = await browser.get("/late.csv?recipient=H41")

    assert "Quá hạn" in page
    assert "Quá hạn" not in nobody
    assert file.headers["content-disposition"] == 'attachment; filename="late.csv"'
    assert len(list(csv.reader(file.text.splitlines()))) == 2


async def test_alerts_are_listed_and_tried_by_who_may(world: ConsoleUnderTest) -> None:
    viewer, operator = await world.visitor(Role.VIEWER), await world.visitor(Role.OPERATOR)

    refused = await viewer.act("/alerts/test")
    done = await operator.act("/alerts/test")
    page = (await operator.get(done.headers["location"])).text
    again = await operator.act("/alerts/test")

    assert refused.status_code == httpx.codes.FORBIDDEN
    assert "Một tiến trình của trục đang gửi thử" in page
    assert "log: thử" in page
    assert again.status_code == httpx.codes.CONFLICT
    assert await world.store.fetch("select action from operator_actions where action like 'alert%'") == [
        ("alert.test",)
    ]


async def test_programs_see_what_the_pages_show(world: ConsoleUnderTest) -> None:
    await world.hub.accept(a_submission().to("H41").admitted())
    await world.store.fetch(f"{FAILING} where name = 'H41'")
    await world.store.private.rewrite("update deliveries set created_at = now() - interval '2 days'")
    monitor = await program(world, Role.VIEWER)

    now = (await monitor.get("/now")).json()
    agencies = (await monitor.get("/agencies")).json()
    late = (await monitor.get("/late?lateness=not_delivered")).json()
    counts = (await monitor.get("/late/agencies")).json()
    alerts = (await monitor.get("/alerts?is_open=false")).json()

    assert (len(now["minutes"]), now["failing"][0]["mailbox"]) == (60, "H41")
    assert (agencies[0]["mailbox"], agencies[0]["breaker"], agencies[0]["queue"]) == ("H41", "open", None)
    assert [each["recipient"] for each in late] == ["H41"]
    assert counts[0]["by_reason"] == {"not_delivered": 1}
    assert alerts == []


async def test_programs_try_alerts_if_they_may_and_see_their_own_agencies_only(
    world: ConsoleUnderTest,
) -> None:
    viewer = await program(world, Role.VIEWER, agencies=("H41",))
    operator = await program(world, Role.OPERATOR)

    tried = await operator.post("/alerts/test")
    known = (await operator.get("/alerts")).json()

    assert tried.status_code == httpx.codes.ACCEPTED
    assert known[0]["alert_id"] == tried.json()["alert_id"]
    assert (await viewer.get("/now")).status_code == httpx.codes.FORBIDDEN
    assert (await viewer.get("/alerts")).status_code == httpx.codes.FORBIDDEN
    assert [each["mailbox"] for each in (await viewer.get("/agencies")).json()] == ["H41"]
