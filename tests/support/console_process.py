"""The operators' console as a process of its own, its accounts, and people who sit before a browser."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from argon2.profiles import CHEAPEST
from playwright.async_api import Browser, Page

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.operations.accounts import AccountDesk
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from tests.support.console import PASSWORD
from tests.support.hub_process import logged_lines
from tests.support.waiting import until

START_SECONDS = 40.0
STOP_SECONDS = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleProcess:
    """One `python -m hub console`."""

    log: Path
    process: subprocess.Popen[bytes]

    async def ready(self) -> str:
        """Return its address once it listens."""
        found = await until(self._listening, what=self._story, seconds=START_SECONDS)
        return str(found[-1]["url"])

    def _listening(self) -> list[dict[str, object]]:
        if self.process.poll() is not None:
            raise AssertionError(self._story())
        return [line for line in logged_lines(self.log) if line.get("event") == "console.listening"]

    def _story(self) -> str:
        text = self.log.read_text("utf-8", "replace")
        return f"the console (exit code {self.process.returncode}) to go on; its last lines:\n{text[-3000:]}"


@contextmanager
def console_process(settings: Path, log: Path, **environment: str) -> Iterator[ConsoleProcess]:
    """Start a console on an operator's *settings*; it ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "console", "--settings", str(settings)],
            env={**os.environ, "HUB_LOG_FORMAT": "json", "HUB_LOG_LEVEL": "info", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield ConsoleProcess(log=log, process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


async def make_accounts(operator_dsn: str, **roles: Role) -> None:
    """Let each of *roles* in by its name and the password of tests."""
    database = await Database.open(operator_dsn, name="truc test accounts", size=1)
    try:
        desk = AccountDesk(database, operator="test", clock=SystemClock(), passwords=PasswordKeeper(CHEAPEST))
        existing = {each.login for each in await desk.accounts()}
        for login, role in roles.items():
            if login not in existing:
                await desk.add(login, name=login.title(), role=role, password=PASSWORD)
    finally:
        await database.close()


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody before a browser of their own; what the browser complains of is kept."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def visit(self, path: str) -> None:
        """Open a page of the console."""
        await self.page.goto(f"{self.url}{path}")

    async def log_in(self, login: str, password: str = PASSWORD) -> None:
        """Come in by the form, as everybody does."""
        await self.visit("/login")
        await self.page.locator("#login").fill(login)
        await self.page.locator("#password").fill(password)
        await self.page.locator("main button").click()
        await self.page.locator("nav").wait_for()

    async def speak(self, language: Literal["vi", "en"]) -> None:
        """Choose a language by the link that every page has, unless it is spoken already."""
        link = self.page.locator(f".visitor a[lang={language}]")
        if await link.count():
            await link.click()


@asynccontextmanager
async def person(
    browser: Browser,
    url: str,
    login: str,
    *,
    password: str = PASSWORD,
    language: Literal["vi", "en"] = "en",
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
) -> AsyncIterator[Person]:
    """Seat somebody before a fresh window; fails where the browser complained of anything on any page."""
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, locale="vi-VN"
    )
    try:
        found = Person(page=await context.new_page(), url=url)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on(
            "console",
            lambda line: found.complaints.append(line.text) if line.type in {"error", "warning"} else None,
        )
        await found.log_in(login, password)
        await found.speak(language)
        yield found
        assert found.complaints == []
    finally:
        await context.close()
