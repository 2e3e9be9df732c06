"""Every page in a real Chromium under axe-core: nothing serious stands in the way of people who see it badly.

axe-core is Deque's (MPL 2.0); it comes with the package axe-playwright-python and is used by tests only.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from hub.backends.postgres.campaigning import CampaignTerms
from hub.backends.postgres.desk import CaseFilter
from hub.console.navigation import PLACES
from hub.operations.campaigns import CampaignDesk
from hub.operations.rights import Role
from tests.support.browser import chromium_async
from tests.support.console import ConsoleUnderTest, served
from tests.support.console_process import Person, person
from tests.support.decisions import a_submission

pytestmark = pytest.mark.timeout(240)
WIDE, NARROW = 1280, 400
GRAVE = {"serious", "critical"}
ALL = tuple(product(("vi", "en"), ("light", "dark"), (WIDE, NARROW)))
PAIRS = (("vi", "light", WIDE), ("vi", "dark", NARROW), ("en", "dark", WIDE), ("en", "light", NARROW))
"""Each of two things meets each of two others."""
PLANTED = (
    (
        "update mailboxes set breaker = 'open', failures = 5, failing_since = now(), parked_until = now(),"
        " parked_because = 'failing' where name = 'H41'"
    ),
    (
        "insert into invalid_messages (queue, reason, digest, body, claimed_by, arrived_at)"
        " values ('hub.invalid', 'not XML', '\\x01', '<thu>', 'H14', now())"
    ),
    "insert into alerts (kind, subject, detail) values ('recipient_failing', 'H41', '{}')",
)
Window = Callable[..., AbstractAsyncContextManager[Person]]


@pytest.fixture
async def paths(world: ConsoleUnderTest) -> tuple[str, ...]:
    """Fill every page with something, and return the address of each."""
    urgent = a_submission().with_(subject="Kế hoạch phòng, chống thiên tai").to("H41", "H14")
    cases = await world.dead_letters(urgent)
    await world.hub.accept(
        a_submission().with_(subject="Báo cáo tháng", document_id="2").to("H41").admitted()
    )
    for statement in PLANTED:
        await world.store.fetch(statement)
    desk = CampaignDesk(world.console.database, operator="somebody")
    campaign = await desk.ask(CaseFilter(), CampaignTerms(reason="thử"))
    await world.account("administrator", Role.ADMINISTRATOR)
    ((document,),) = await world.store.fetch("select message_id from deliveries where state = 'dead' limit 1")
    ((invalid,),) = await world.store.fetch("select invalid_id from invalid_messages")
    details = (
        f"/documents/{document}?all=true",
        "/deadletters/cases",
        f"/deadletters/cases/{cases[0]}",
        f"/campaigns/{campaign.campaign_id}",
        f"/invalid/{invalid}",
        "/accounts/administrator",
        "/documents/00000000-0000-7000-8000-000000000000",
    )
    return (*(place.path for place in PLACES), *details)


async def grave(page: Page) -> list[str]:
    """Return what axe finds serious or critical, each with where."""
    found: dict[str, Any] = (await Axe().run(page)).response
    return [
        f"{each['id']} ({each['impact']}): {', '.join(str(node['target']) for node in each['nodes'][:3])}"
        for each in found["violations"]
        if each["impact"] in GRAVE
    ]


async def complaints(window: Window, paths: tuple[str, ...], shape: tuple[str, str, int]) -> list[str]:
    """Look at every page in one language, scheme and width."""
    language, scheme, width = shape
    told: list[str] = []
    async with window("administrator", language=language, scheme=scheme, width=width) as somebody:
        for path in paths:
            await somebody.visit(path)
            told += [f"{path} {shape}: {each}" for each in await grave(somebody.page)]
            told += [f"{path} {shape}: scrolls sideways" for _ in range(await _is_too_wide(somebody.page))]
        somebody.complaints.clear()  # of the page that is not there
        await somebody.visit("/documents")
        await somebody.page.locator(".visitor form button").click()
        told += [f"/login {shape}: {each}" for each in await grave(somebody.page)]
    return told


async def _is_too_wide(page: Page) -> bool:
    """Whether the page as a whole has to be scrolled sideways, not just a table in it (WCAG 1.4.10)."""
    return bool(
        await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )


@pytest.mark.parametrize(
    "shapes", [pytest.param(PAIRS, id="pairs"), pytest.param(ALL, id="all", marks=pytest.mark.long)]
)
async def test_no_page_stands_in_anybodys_way(
    world: ConsoleUnderTest, paths: tuple[str, ...], shapes: tuple[tuple[str, str, int], ...]
) -> None:
    async with served(world) as url, chromium_async() as browser:
        window = partial(person, browser, url)

        told = [each for shape in shapes for each in await complaints(window, paths, shape)]

    assert told == []
