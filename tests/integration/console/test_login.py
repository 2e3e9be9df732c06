"""Who comes in, for how long, and what guessing comes to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from hub.backends.postgres.pool import Database
from hub.operations.entrance import EntranceTerms
from hub.operations.rights import Role
from tests.support.console import PASSWORD, ConsoleUnderTest, composed, make_console
from tests.support.store import PostgresUnderTest


@dataclass(slots=True)
class HandClock:
    """Moves when a test says so."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at


async def test_who_is_not_logged_in_is_asked_to_and_comes_back_to_the_same_page(
    world: ConsoleUnderTest,
) -> None:
    browser = world.browser()
    await world.account("lan", Role.VIEWER)

    sent = await browser.get("/invalid?reason=route")
    page = await browser.get(sent.headers["location"])
    answer = await browser.log_in("lan", next="/invalid?reason=route")

    assert sent.headers["location"] == "/login?next=/invalid%3Freason%3Droute"
    assert 'value="/invalid?reason=route"' in page.text
    assert answer.headers["location"] == "/invalid?reason=route"


async def test_a_wrong_password_and_an_unknown_login_are_answered_alike(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)
    await world.account("gone", Role.VIEWER)
    await world.desk.disable("gone")

    wrong = await world.browser().log_in("lan", "mật khẩu sai hẳn rồi")
    unknown = await world.browser(address="10.0.0.2").log_in("nobody")
    closed = await world.browser(address="10.0.0.3").log_in("gone")

    pages = ((wrong, "lan"), (unknown, "nobody"), (closed, "gone"))
    told = {answer.text.replace(f'value="{login}"', "") for answer, login in pages}
    assert {wrong.status_code, unknown.status_code, closed.status_code} == {401}
    assert len(told) == 1


async def test_the_cookie_of_a_session_is_seen_by_no_script_and_sent_by_no_other_site(
    world: ConsoleUnderTest,
) -> None:
    await world.account("lan", Role.VIEWER)

    answer = await world.browser().log_in("lan")

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age" not in cookie


async def test_over_tls_cookies_are_secure_and_bound_to_this_host(
    postgres_store: PostgresUnderTest, operators: Database
) -> None:
    console = make_console(operators, url="https://console.test")
    world = composed(console, postgres_store, await postgres_store.process())
    await world.account("lan", Role.VIEWER)
    browser = world.browser(url="https://console.test")

    answer = await browser.post(
        "/login", {"login": "lan", "password": PASSWORD}, {"Origin": "https://console.test"}
    )
    await world.close()

    assert answer.headers["set-cookie"].startswith("__Host-truc_session=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_login_begins_another_session_and_the_one_before_is_worth_nothing(
    world: ConsoleUnderTest,
) -> None:
    await world.account("lan", Role.VIEWER)
    browser = world.browser()
    await browser.log_in("lan")
    before = browser.session

    await browser.post("/login", {"login": "lan", "password": PASSWORD}, {"Origin": "http://console.test"})

    assert browser.session != before
    stranger = world.browser()
    stranger.client.cookies.set("truc_session", str(before))
    assert (await stranger.get("/documents")).status_code == 303


async def test_a_session_that_somebody_planted_is_not_taken_over(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)
    browser = world.browser()
    browser.client.cookies.set("truc_session", "planted")

    await browser.log_in("lan")

    rows = await world.store.fetch("select encode(token_digest, 'hex') from sessions")
    assert len(rows) == 1
    attacker = world.browser()
    attacker.client.cookies.set("truc_session", "planted")
    assert (await attacker.get("/documents")).status_code == 303


async def test_no_token_of_a_session_lies_in_the_database(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)

    rows = await world.store.fetch("select s::text from sessions s")

    assert browser.session
    assert browser.session not in str(rows)
    assert browser.csrf not in str(rows)


async def test_who_logs_out_is_out_wherever_the_cookie_was_copied_to(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.VIEWER)
    copied = str(browser.session)

    await browser.act("/logout")

    thief = world.browser()
    thief.client.cookies.set("truc_session", copied)
    assert (await thief.get("/documents")).status_code == 303


async def test_a_disabled_account_is_out_at_once(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.OPERATOR)
    token = await world.desk.issue_token("operator", name="monitor", lifetime=None)

    await world.desk.disable("operator")

    assert (await browser.get("/documents")).status_code == 303
    bearer = await world.browser().get("/api/v1/me", Authorization=f"Bearer {token.token}")
    assert bearer.status_code == 401


async def test_another_password_ends_the_sessions_of_the_one_before(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.OPERATOR)

    await world.desk.set_password("operator", "một mật khẩu khác hẳn")

    assert (await browser.get("/documents")).status_code == 303


@pytest.mark.parametrize(("pause", "is_in"), [(20, True), (31, False)])
async def test_a_session_that_nobody_uses_ends(
    postgres_store: PostgresUnderTest, operators: Database, pause: int, *, is_in: bool
) -> None:
    clock = HandClock()
    console = make_console(operators, clock=clock)
    world = composed(console, postgres_store, await postgres_store.process())
    browser = await world.visitor(Role.VIEWER)

    clock.at += timedelta(minutes=pause)
    answer = await browser.get("/documents")
    await world.close()

    assert (answer.status_code == 200) is is_in


async def test_a_session_that_is_used_all_the_time_ends_too(
    postgres_store: PostgresUnderTest, operators: Database
) -> None:
    clock = HandClock()
    terms = EntranceTerms(longest=timedelta(hours=1))
    console = make_console(operators, clock=clock, terms=terms)
    world = composed(console, postgres_store, await postgres_store.process())
    browser = await world.visitor(Role.VIEWER)

    seen = []
    for _ in range(7):
        clock.at += timedelta(minutes=10)
        seen.append((await browser.get("/documents")).status_code)
    await world.close()

    assert seen == [200, 200, 200, 200, 200, 303, 303]


async def test_guessing_is_stopped_and_the_right_password_does_not_help_either(
    world: ConsoleUnderTest,
) -> None:
    await world.account("lan", Role.VIEWER)
    browser = world.browser()

    guesses = [(await browser.log_in("lan", f"đoán lần thứ {each}")).status_code for each in range(5)]
    right = await browser.log_in("lan")
    elsewhere = await world.browser(address="10.9.9.9").log_in("lan")

    assert guesses == [401] * 5
    assert right.status_code == 429
    assert elsewhere.status_code == 303


async def test_guessing_many_logins_from_one_address_is_stopped(
    postgres_store: PostgresUnderTest, operators: Database
) -> None:
    terms = EntranceTerms(failures_of_address=3)
    world = composed(make_console(operators, terms=terms), postgres_store, await postgres_store.process())
    browser = world.browser()

    answers = [(await browser.log_in(f"person-{each}")).status_code for each in range(5)]
    await world.close()

    assert answers == [401, 401, 401, 429, 429]


async def test_the_right_password_forgives_a_slip(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)
    browser = world.browser()

    for _ in range(3):
        for each in range(3):
            await browser.log_in("lan", f"nhầm lần thứ {each}")
        answer = await browser.log_in("lan")

    assert answer.status_code == 303


async def test_nobody_is_sent_to_another_site_after_the_login(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)

    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = await world.browser().log_in("lan", next=wanted)
        assert answer.headers["location"] == "/"


async def test_a_login_is_recorded_with_where_it_came_from(world: ConsoleUnderTest) -> None:
    await world.visitor(Role.VIEWER, login="lan")

    rows = await world.store.fetch(
        "select action, detail ->> 'address' from operator_actions where operator = 'lan'"
    )

    assert [tuple(row) for row in rows] == [("session.begin", "10.0.0.1")]
