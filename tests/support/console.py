"""The console over real tables, and a browser that keeps cookies, names its origin and reads its pages."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import uvicorn
from argon2.profiles import CHEAPEST
from fastapi import FastAPI

from hub.backends.clock import SystemClock, new_id
from hub.backends.openid import OpenIdProvider
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.console.app import routes
from hub.console.console import Console, PublicAddress, SettingInForce
from hub.console.headers import SecurityHeaders
from hub.message.identifiers import AgencyKey
from hub.operations.accounts import AccountDesk
from hub.operations.entrance import Doorkeeper, EntranceTerms
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from hub.ports import Clock
from tests.support.decisions import Submission, plain_pen
from tests.support.store import HubProcess, PostgresUnderTest, give_up, returned
from tests.support.store import documents as documents_in
from tests.support.waiting import until

ADDRESS = "http://console.test"
API = "/api/v1"
PASSWORD = "một mật khẩu đủ dài"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


async def plain_seal(documents: Sequence[bytes]) -> Sequence[bytes]:
    """Sign nothing."""
    return documents


@dataclass(slots=True, kw_only=True)
class Browser:
    """One person's browser."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return self._read(await self.client.get(path, headers=headers))

    async def act(self, path: str, **form: object) -> httpx.Response:
        """Send a form as a page of the session does."""
        data = {"csrf": self.csrf, **form}
        return self._read(await self.client.post(path, data=data, headers={"Origin": ADDRESS}))

    async def post(
        self, path: str, form: dict[str, object], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a form as somebody does who is no page of ours."""
        return await self.client.post(path, data=form, headers=headers or {})

    async def log_in(self, login: str, password: str = PASSWORD, **form: str) -> httpx.Response:
        answer = await self.act("/login", login=login, password=password, **form)
        if answer.status_code == httpx.codes.SEE_OTHER:
            await self.get("/documents")
        return answer

    @property
    def session(self) -> str | None:
        return next((each.value for each in self.client.cookies.jar if "session" in each.name), None)

    def _read(self, answer: httpx.Response) -> httpx.Response:
        if (found := _CSRF.search(answer.text)) is not None:
            self.csrf = found[1]
        return answer


@dataclass(slots=True, kw_only=True)
class ConsoleUnderTest:
    """A console, the store beneath it, and a hub process that makes work for it."""

    console: Console
    app: FastAPI
    store: PostgresUnderTest
    hub: HubProcess
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def desk(self) -> AccountDesk:
        return self.console.accounts("provisioning")

    async def account(self, login: str, role: Role, *, agencies: tuple[str, ...] | None = None) -> str:
        keys = None if agencies is None else tuple(AgencyKey(each) for each in agencies)
        await self.desk.add(login, name=login.title(), role=role, password=PASSWORD, agencies=keys)
        return login

    def browser(self, *, address: str = "10.0.0.1", url: str = ADDRESS) -> Browser:
        """Open a browser at *address* that has never been here."""
        whole = SecurityHeaders(self.app, is_https=self.console.address.is_https)
        transport = httpx.ASGITransport(whole, client=(address, 40000), raise_app_exceptions=False)
        self.browsers.append(httpx.AsyncClient(transport=transport, base_url=url))
        return Browser(client=self.browsers[-1])

    async def visitor(
        self, role: Role, *, agencies: tuple[str, ...] | None = None, login: str | None = None
    ) -> Browser:
        """Return the browser of somebody of *role* who is logged in."""
        browser = self.browser()
        name = await self.account(login or role.value, role, agencies=agencies)
        answer = await browser.log_in(name)
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        return browser

    async def dead_letters(self, submission: Submission) -> list[int]:
        """Let every delivery of *submission* die; return the numbers of the open cases."""
        _, handed_over = await self.hub.accept(submission.admitted())
        dying = documents_in(handed_over)
        await self.hub.deliver(handed_over)
        await self.hub.deliver(
            await self.hub.come_back(*(returned(each.delivery_id) for each in dying), recover=give_up)
        )
        rows = await self.store.fetch("select case_id from cases where outcome is null order by case_id")
        return [row[0] for row in rows]

    async def actions(self, operator: str) -> list[str]:
        query = "select action from operator_actions where operator = $1 order by action_id"
        return [str(row[0]) for row in await self.store.fetch(query, operator)]

    async def close(self) -> None:
        for each in self.browsers:
            await each.aclose()


@dataclass(slots=True, kw_only=True)
class Program:
    """Something that shows a token."""

    client: httpx.AsyncClient
    token: str

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"{API}{path}", headers={"Authorization": f"Bearer {self.token}"})

    async def post(self, path: str, **order: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.client.post(f"{API}{path}", json=order, headers=headers)


async def program(world: ConsoleUnderTest, role: Role, *, agencies: tuple[str, ...] | None = None) -> Program:
    """Return a program with a token of an account of *role*."""
    login = await world.account(f"program-{role}", role, agencies=agencies)
    issued = await world.desk.issue_token(login, name="test", lifetime=timedelta(days=1))
    return Program(client=world.browser().client, token=issued.token)


def make_console(
    database: Database,
    *,
    clock: Clock | None = None,
    terms: EntranceTerms | None = None,
    url: str | None = None,
    openid: OpenIdProvider | None = None,
    settings: tuple[SettingInForce, ...] = (),
) -> Console:
    """Compose a console as the process does, with a pen that signs nothing."""
    now, passwords = clock or SystemClock(), PasswordKeeper(CHEAPEST)
    return Console(
        database=database,
        clock=now,
        new_id=new_id,
        attest=plain_pen,
        seal=plain_seal,
        registry=PostgresRegistry(database, clock=now, max_age=timedelta()),
        address=PublicAddress(url=url),
        doorkeeper=Doorkeeper(database, clock=now, passwords=passwords, terms=terms or EntranceTerms()),
        passwords=passwords,
        openid=openid,
        settings=settings,
    )


def composed(console: Console, store: PostgresUnderTest, hub: HubProcess) -> ConsoleUnderTest:
    """Put *console* under test."""
    return ConsoleUnderTest(console=console, app=routes(console), store=store, hub=hub)


@asynccontextmanager
async def served(world: ConsoleUnderTest) -> AsyncIterator[str]:
    """Listen as the console's process does, for a real browser or program; return the address."""
    app = SecurityHeaders(world.app, is_https=world.console.address.is_https)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, what="a listening console")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        await serving
