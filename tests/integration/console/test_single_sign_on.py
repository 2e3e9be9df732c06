"""Coming in by an OpenID provider that is not ours, as a process of its own."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.backends.clock import SystemClock
from hub.backends.openid import OpenIdProvider, Registration, subject_name
from hub.backends.postgres.pool import Database
from hub.backends.web import WebClient
from hub.operations.rights import Role
from tests.support.console import ADDRESS, Browser, ConsoleUnderTest, composed, make_console
from tests.support.openid_provider import RunningProvider, openid_provider
from tests.support.store import PostgresUnderTest


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningProvider]:
    with openid_provider() as running:
        yield running


@pytest.fixture
async def joined(
    provider: RunningProvider, postgres_store: PostgresUnderTest, operators: Database
) -> AsyncIterator[ConsoleUnderTest]:
    """Compose a console that knows the provider, with an account of one of its people."""
    registration = Registration(
        issuer=provider.issuer, client_id="truc", client_secret="s", redirect_uri=f"{ADDRESS}/openid/back"
    )
    async with WebClient.open() as web:
        openid = OpenIdProvider(registration, web=web, clock=SystemClock())
        console = make_console(operators, url=ADDRESS, openid=openid)
        world = composed(console, postgres_store, await postgres_store.process())
        await world.desk.add(
            "lan", name="Lan", role=Role.OPERATOR, oidc_subject=subject_name(provider.issuer, "lan@so.gov.vn")
        )
        yield world
        await world.close()


async def go_and_come_back(browser: Browser, provider: RunningProvider, subject: str) -> str:
    """Go to the provider, log in there; returns the address at which the browser comes back."""
    away = await browser.get("/openid?next=/invalid")
    back = urlsplit(await provider.log_in(away.headers["location"], subject))
    return f"{back.path}?{back.query}"


async def test_who_has_an_account_comes_in_by_the_provider(
    joined: ConsoleUnderTest, provider: RunningProvider
) -> None:
    browser = joined.browser()

    answer = await browser.get(await go_and_come_back(browser, provider, "lan@so.gov.vn"))
    page = await browser.get(answer.headers["location"])

    assert answer.headers["location"] == "/invalid"
    assert page.status_code == 200
    assert await joined.actions("lan") == ["session.begin"]


async def test_who_has_no_account_does_not_come_in(
    joined: ConsoleUnderTest, provider: RunningProvider
) -> None:
    browser = joined.browser()

    answer = await browser.get(await go_and_come_back(browser, provider, "stranger@so.gov.vn"))

    assert answer.status_code == 401
    assert browser.session is None


async def test_a_disabled_account_does_not_come_in(
    joined: ConsoleUnderTest, provider: RunningProvider
) -> None:
    await joined.desk.disable("lan")
    browser = joined.browser()

    answer = await browser.get(await go_and_come_back(browser, provider, "lan@so.gov.vn"))

    assert answer.status_code == 401


async def test_the_provider_is_asked_with_a_challenge_a_state_and_a_nonce(joined: ConsoleUnderTest) -> None:
    browser = joined.browser()

    first = parse_qs(urlsplit((await browser.get("/openid")).headers["location"]).query)
    second = parse_qs(urlsplit((await browser.get("/openid")).headers["location"]).query)

    assert first["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


async def test_the_answer_to_another_browsers_login_is_refused(
    joined: ConsoleUnderTest, provider: RunningProvider
) -> None:
    attacker, victim = joined.browser(), joined.browser()
    answer_of_attacker = await go_and_come_back(attacker, provider, "lan@so.gov.vn")

    without = await victim.get(answer_of_attacker)
    await victim.get("/openid")
    waiting = await victim.get(answer_of_attacker)

    assert (without.status_code, waiting.status_code) == (409, 409)
    assert victim.session is None


async def test_a_token_that_was_made_for_another_login_is_refused(
    joined: ConsoleUnderTest, provider: RunningProvider
) -> None:
    browser = joined.browser()
    back = await go_and_come_back(browser, provider, "lan@so.gov.vn")
    (cookie,) = [each for each in browser.client.cookies.jar if each.name == "truc_openid"]
    kept = json.loads(base64.urlsafe_b64decode(cookie.value or ""))
    other = base64.urlsafe_b64encode(json.dumps({**kept, "nonce": "x" * 43}).encode()).decode()
    browser.client.cookies.clear()
    browser.client.cookies.set("truc_openid", other)

    answer = await browser.get(back)

    assert answer.status_code == 409
    assert browser.session is None


async def test_a_code_is_taken_once(joined: ConsoleUnderTest, provider: RunningProvider) -> None:
    browser = joined.browser()
    back = await go_and_come_back(browser, provider, "lan@so.gov.vn")
    await browser.get(back)

    again = await browser.get(back)

    assert again.status_code == 409  # the browser waits for nothing any more


async def test_without_a_provider_there_is_no_such_page(world: ConsoleUnderTest) -> None:
    assert (await world.browser().get("/openid")).status_code == 404
