"""A real Chromium for tests of the console: Debian's, driven by Playwright.

Playwright's own browsers come from a place that not every network reaches; Debian's package comes from where
everything else does, and is installed as RabbitMQ is, where it is missing.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import async_playwright
from playwright.sync_api import Browser, sync_playwright

from deploy.local.packages import ensure_packages

PACKAGE = "chromium"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--disable-dev-shm-usage", "--lang=vi")
"""Containers have little shared memory."""


def chromium_program() -> str:
    """Find Chromium, after installing it where it is missing; `TRUC_CHROMIUM` names another one."""
    if chosen := os.environ.get("TRUC_CHROMIUM"):
        return chosen
    if (found := _installed()) is None:
        ensure_packages((PACKAGE,), lambda text: None)
        found = _installed()
    assert found is not None, f"{PACKAGE} is installed and there is no program of that name"
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser for as long as the block lasts."""
    program = chromium_program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_arguments())
        yield browser
        browser.close()


@asynccontextmanager
async def chromium_async() -> AsyncIterator[AsyncBrowser]:
    """Do the same beside an event loop."""
    program = chromium_program()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_arguments())
        yield browser
        await browser.close()


def _arguments() -> list[str]:
    """Leave the sandbox out for root, whom Chromium does not start with one."""
    return [*ARGUMENTS, *(("--no-sandbox",) if os.geteuid() == 0 else ())]


def _installed() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name)) is not None), None)
