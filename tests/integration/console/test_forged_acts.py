"""Acts that another site makes somebody's browser send, and what every answer tells the browser."""

import pytest
from fastapi.routing import APIRoute

from hub.console.access import SAFE, WITHOUT_SESSION
from hub.console.app import ROUTERS
from hub.operations.rights import Role
from tests.support.console import ADDRESS, PASSWORD, ConsoleUnderTest


async def test_an_act_without_the_sessions_token_is_refused(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        answer = await browser.post("/accounts/administrator/disable", form, {"Origin": ADDRESS})
        assert answer.status_code == 403
        assert "CONSOLE-4006" in answer.text

    assert (await browser.get("/documents")).status_code == 200


async def test_the_token_of_another_session_is_worth_nothing(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)
    other = await world.visitor(Role.VIEWER)

    answer = await browser.post("/logout", {"csrf": other.csrf}, {"Origin": ADDRESS})

    assert answer.status_code == 403


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://console.test:81"])
async def test_an_act_from_another_origin_is_refused_with_the_right_token(
    world: ConsoleUnderTest, origin: str | None
) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    headers = {"Origin": origin} if origin is not None else {}
    answer = await browser.post("/logout", {"csrf": browser.csrf}, headers)

    assert answer.status_code == 403


async def test_nobody_is_logged_in_by_another_site(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)

    answer = await world.browser().post(
        "/login", {"login": "lan", "password": PASSWORD}, {"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_every_act_of_every_page_stands_behind_the_guard(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)
    acts = [
        (method, route.path)
        for route in _routes()
        for method in sorted((route.methods or set()) - SAFE)
        if route.path not in WITHOUT_SESSION
    ]

    answers = {
        (method, path): (
            await browser.client.request(method, _filled(path), headers={"Origin": ADDRESS})
        ).status_code
        for method, path in acts
    }

    assert len(acts) > 10
    assert {act: status for act, status in answers.items() if status != 403} == {}


async def test_every_page_asks_for_a_login(world: ConsoleUnderTest) -> None:
    stranger = world.browser()
    open_to_all = {"/login", "/language/{language}", "/openid", "/openid/back", "/api/v1/openapi.json"}
    pages = [route.path for route in _routes() if "GET" in (route.methods or set())]

    answers = {
        path: (await stranger.client.get(_filled(path))).status_code
        for path in pages
        if path not in open_to_all
    }

    assert {path: status for path, status in answers.items() if status not in {303, 401}} == {}


async def test_what_a_page_may_do_is_told_to_the_browser_on_every_answer(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    for path in ("/documents", "/login", "/nowhere", "/static/console.css", "/api/v1/nowhere", "/accounts"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


async def test_what_an_account_sees_stays_in_no_cache(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    page, style = await browser.get("/documents"), await browser.get("/static/console.css")

    assert page.headers["cache-control"] == "no-store"
    assert "immutable" in style.headers["cache-control"]


async def test_no_page_has_a_script_or_a_style_of_its_own(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    for path in ("/documents", "/deadletters", "/invalid", "/audit", "/settings", "/accounts", "/login"):
        page = (await browser.get(path)).text
        assert " style=" not in page, path
        assert "<style" not in page
        assert " onclick=" not in page
        assert all("src=" in tag for tag in page.split("<script")[1:])


async def test_a_question_that_is_too_large_is_not_read(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    answer = await browser.act("/accounts", login="x", name="y" * 2_000_000)

    assert answer.status_code == 413


def _routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def _filled(path: str) -> str:
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))
