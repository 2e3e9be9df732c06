"""`python -m tests.screenshots`: takes the pictures of the console in the docs, from the demonstration."""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Literal

import structlog
from playwright.async_api import Browser, Page

from hub.commands.console_demonstration.cast import Temper, those_who
from hub.commands.console_demonstration.story import World, living
from tests.support.browser import chromium_async
from tests.support.console_process import Person, person

CHECKOUT = Path(__file__).resolve().parents[2]
IMAGES = CHECKOUT / "docs" / "images"
HOME = CHECKOUT / ".truc" / "screenshots"
LOGIN = "supervisor"
WIDTH = 1120
LARGEST = 1_000_000
"""Bytes of all pictures together: they travel with every clone."""


async def main(home: Path, documents: int) -> None:
    """Make the world and take every picture in both languages."""
    IMAGES.mkdir(exist_ok=True)
    async with living(home, documents=documents) as world, chromium_async() as browser:
        for language in ("vi", "en"):
            await _take_all(browser, world, language)
    taken = sum(each.stat().st_size for each in IMAGES.glob("console-*.png"))
    assert taken < LARGEST, f"{taken} bytes of pictures are too many"


async def _take_all(browser: Browser, world: World, language: Literal["vi", "en"]) -> None:
    (choosy,) = those_who(Temper.CHOOSY)
    mailbox = world.stage.of(choosy).kit.mailbox
    async with person(
        browser, world.stage.url, LOGIN, password=world.passwords[LOGIN], language=language, width=WIDTH
    ) as somebody:
        await _take(somebody, "/now", f"now-{language}")
        await _take(somebody, "/deadletters", f"groups-{language}")
        await somebody.visit(f"/deadletters/cases?mailbox={mailbox}")
        await somebody.page.locator("main tbody th a").first.click()
        await _shoot(somebody.page, f"case-{language}")
        await somebody.page.locator("main .facts a[href^='/documents/']").click()
        await _shoot(somebody.page, f"document-{language}")


async def _take(somebody: Person, path: str, name: str) -> None:
    await somebody.visit(path)
    await _shoot(somebody.page, name)


async def _shoot(page: Page, name: str) -> None:
    await page.locator("footer").wait_for()
    await page.screenshot(path=IMAGES / f"console-{name}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--documents", type=int, default=3000)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(arguments.home, arguments.documents))
