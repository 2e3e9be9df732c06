"""People at the console, in a real Chromium, over a real axis in which recipients fail.

One axis for all: an operator mends what one recipient rejected, two supervisors what another did, a viewer
looks on. Whatever page a browser complains of, the test that opened it fails.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from hub.commands.local_axis import LocalAgency
from hub.operations.rights import Role
from tests.support.axis import World
from tests.support.browser import chromium_async
from tests.support.console_process import Person, console_process, make_accounts, person
from tests.support.ledger import FAILURE, AgencyProcess
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
ALONE = 6
"""So many may one person send again; above it a second one confirms."""
FEW, MANY = 4, 8
ACCOUNTS = {
    "viewer": Role.VIEWER,
    "operator": Role.OPERATOR,
    "supervisor": Role.SUPERVISOR,
    "second": Role.SUPERVISOR,
}
SHORT = {"HUB_SECOND_PERSON_ABOVE": str(ALONE), "HUB_CAMPAIGN_PATIENCE": "PT1S"}
PATIENCE = 30_000
BUTTONS = "main form[method=post] button, main input[type=checkbox]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An axis with dead letters of two recipients, and its console."""

    world: World
    senders: tuple[LocalAgency, LocalAgency]
    rejecting: tuple[AgencyProcess, AgencyProcess]
    """The first has rejected few, the second many."""
    person: Callable[..., AbstractAsyncContextManager[Person]]

    async def mend(self, place: int) -> AgencyProcess:
        """Let the software of a rejecting recipient take what it gets from now on."""
        software = self.rejecting[place]
        software.stop()
        software.restart(policy="accept")
        return await software.ready()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(town: World) -> AsyncIterator[Scene]:
    """Let two recipients reject all they get until nobody tries any longer."""
    one, other, *recipients = await town.connected(4)
    rejecting = [town.software(each, policy="fail", until_attempt=3) for each in recipients]
    await town.hub(HUB_BREAKER_FAILURES="0")
    sources = [
        town.software(one, sends=FEW, to=(recipients[0],)),
        town.software(other, sends=MANY, to=(recipients[1],)),
    ]
    await make_accounts(town.axis.operator_dsn, **ACCOUNTS)
    async with AsyncExitStack() as stack:
        log = town.folder / "console.log"
        console = stack.enter_context(console_process(town.axis.operator_file, log, **SHORT))
        browser = await stack.enter_async_context(chromium_async())
        url = await console.ready()
        await until(
            lambda: [len(each.receipts(FAILURE)) for each in sources] == [FEW, MANY],
            what="dead letters",
            seconds=60,
        )
        yield Scene(
            world=town,
            senders=(one, other),
            rejecting=(rejecting[0], rejecting[1]),
            person=partial(person, browser, url),
        )


async def test_a_viewer_finds_everything_and_no_button_and_forged_acts_are_refused(scene: Scene) -> None:
    mailbox = scene.rejecting[0].agency.mailbox
    async with scene.person("viewer") as viewer:
        page = viewer.page
        await viewer.visit(f"/deadletters/cases?mailbox={mailbox}")
        await expect(page.locator("main tbody tr")).to_have_count(FEW)
        await expect(page.locator(BUTTONS)).to_have_count(0)
        await page.locator("main tbody th a").first.click()
        await expect(page.locator(BUTTONS)).to_have_count(0)
        csrf = await page.locator("header input[name=csrf]").get_attribute("value")
        case = page.url.rpartition("/")[2]
        for form in ({"csrf": csrf or "", "case": case}, {"csrf": "0" * 64, "case": case}, {"case": case}):
            answer = await page.request.post(
                f"{viewer.url}/deadletters/replay", form=form, headers={"Origin": viewer.url}
            )
            assert answer.status == httpx.codes.FORBIDDEN

    assert all(case["outcome"] is None for case in await scene.world.cases() if case["mailbox"] == mailbox)


async def test_changing_the_language_keeps_the_page_and_everything_asked_on_it(scene: Scene) -> None:
    async with scene.person("viewer", language="vi") as viewer:
        page = viewer.page
        await viewer.visit("/documents?name=th%E1%BB%AD&state=dead")
        before = page.url
        await expect(page.locator("html")).to_have_attribute("lang", "vi")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Văn bản")

        await page.get_by_role("link", name="English").click()

        await expect(page.get_by_role("heading", level=1)).to_have_text("Documents")
        assert page.url == before
        assert await page.locator("#name").input_value() == "thử"
        await page.get_by_role("link", name="Tiếng Việt").click()
        await expect(page.locator("html")).to_have_attribute("lang", "vi")
        assert page.url == before


async def test_the_search_is_reached_and_sent_with_the_keyboard_alone(scene: Scene) -> None:
    async with scene.person("viewer") as viewer:
        page = viewer.page
        await viewer.visit("/documents")
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_have_text("Skip to the content")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_have_attribute("name", "name")

        await page.keyboard.type("thử nghiệm")
        await page.keyboard.press("Enter")

        await expect(page.locator("main tbody tr").first).to_contain_text("thử nghiệm")


async def test_an_operator_finds_a_failed_document_learns_why_tries_one_and_sees_all_delivered(
    scene: Scene,
) -> None:
    sender, recipient = scene.senders[0], scene.rejecting[0].agency
    async with scene.person("operator") as operator:
        page = operator.page
        await operator.visit("/documents")
        await _search(page, "4/CV-TN lien thong", sender)
        await page.locator("main tbody tr:has(.state-dead) th a").click()
        document = page.url
        await expect(page.locator(".timeline")).to_contain_text("rejected")

        await page.get_by_role("link", name="Dead letters").click()
        await page.locator("tr", has_text=recipient.mailbox).locator("th a").click()
        await expect(page.locator("main table tbody tr")).to_have_count(FEW)
        await page.get_by_role("button", name="Dry run", exact=True).click()

        await expect(page.locator("#progress > p")).to_contain_text("to be started", timeout=PATIENCE)
        await expect(page.locator("#progress .facts")).to_contain_text(f"{FEW} / {FEW}")
        software = await scene.mend(0)
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("#progress > p")).to_contain_text("done", timeout=PATIENCE)

        await page.goto(document)
        await expect(page.locator("main table").first.locator(".state")).to_have_class(
            re.compile(r"state-arrived"), timeout=PATIENCE
        )
        await expect(page.locator(".timeline")).to_contain_text("operator")

    assert len({line["delivery_id"] for line in software.effects()}) == FEW
    closed = [case for case in await scene.world.cases() if case["mailbox"] == recipient.mailbox]
    assert {case["outcome"] for case in closed} == {"replayed"}


async def _search(page: Page, words: str, sender: LocalAgency) -> None:
    await page.locator("#name").fill(words)
    await page.locator("#sender").fill(sender.code)
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("main tbody tr")).to_have_count(1, timeout=PATIENCE)


async def test_more_than_one_person_may_send_takes_a_second_one(scene: Scene) -> None:
    recipient = scene.rejecting[1].agency
    software = await scene.mend(1)
    async with scene.person("supervisor") as first, scene.person("second", language="vi") as second:
        await first.visit(f"/deadletters/cases?mailbox={recipient.mailbox}")
        await first.page.get_by_role("button", name="Dry run", exact=True).click()
        await expect(first.page.locator("#progress .facts")).to_contain_text(
            f"{MANY} / {MANY}", timeout=PATIENCE
        )
        await first.page.get_by_role("button", name="Start").click()
        await expect(first.page.locator("#progress")).to_contain_text("somebody else")
        await expect(_confirming(first.page)).to_have_count(0)
        assert software.effects() == []
        refused = await _confirm_all_the_same(first)

        await second.page.goto(first.page.url)
        await _confirming(second.page).click()

        await expect(first.page.locator("#progress > p")).to_contain_text("done", timeout=PATIENCE)
        await expect(first.page.locator("#progress .facts")).to_contain_text("second")
    assert refused == httpx.codes.CONFLICT
    await until(lambda: len(software.effects()) == MANY, what="everything delivered")


def _confirming(page: Page) -> Locator:
    return page.locator("form[action$='/confirm'] button")


async def _confirm_all_the_same(who: Person) -> int:
    """Confirm one's own campaign by a form that the page does not have."""
    csrf = await who.page.locator("header input[name=csrf]").get_attribute("value")
    answer = await who.page.request.post(
        f"{who.page.url}/confirm", form={"csrf": csrf or ""}, headers={"Origin": who.url}
    )
    return answer.status


async def test_the_figures_of_now_change_by_themselves(scene: Scene) -> None:
    async with scene.person("viewer") as viewer:
        page = viewer.page
        await viewer.visit("/now")
        figures = page.locator(".chart p").first
        before = await figures.inner_text()
        await page.evaluate("window.notReloaded = true")

        scene.world.software(scene.senders[0], sends=3, to=(scene.senders[1],))

        await expect(figures).not_to_have_text(before, timeout=PATIENCE)
        assert await page.evaluate("window.notReloaded")
