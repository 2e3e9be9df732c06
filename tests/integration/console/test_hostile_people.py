"""People who mean harm, with an account or without: what they try, and what does not happen."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from argon2.profiles import CHEAPEST
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.postgres.searching import index_documents
from hub.console.app import ROUTERS
from hub.errors import OperationRefused
from hub.message.identifiers import MessageId
from hub.operations.entrance import Doorkeeper, EntranceTerms, LoginRefused
from hub.operations.passwords import PasswordKeeper
from hub.operations.rights import Role
from tests.support.console import ADDRESS, PASSWORD, ConsoleUnderTest
from tests.support.decisions import a_submission

OPEN_TO_ALL = {"/login", "/language/{language}", "/openid", "/openid/back", "/api/v1/openapi.json"}
SUBJECT = "kế hoạch điều chuyển cán bộ"


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def asked_by(dependant: Dependant) -> Iterable[str]:
    """Yield the names of everything that the route depends on."""
    for each in dependant.dependencies:
        yield getattr(each.call, "__qualname__", "")
        yield from asked_by(each)


def filled(path: str, names: Mapping[str, object]) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: str(names[found[1]]), path)


def test_every_route_names_a_right_save_those_that_are_open_to_all() -> None:
    without = {each.path for each in routes() if "having.<locals>.visit" not in set(asked_by(each.dependant))}

    assert without == OPEN_TO_ALL


async def test_a_stranger_at_one_address_locks_nobody_out(world: ConsoleUnderTest) -> None:
    await world.account("lan", Role.VIEWER)
    stranger = world.browser(address="203.0.113.9")

    guesses = {(await stranger.log_in("lan", f"đoán {each}")).status_code for each in range(60)}
    lan = await world.browser(address="10.9.9.9").log_in("lan")

    assert guesses == {401, 429}
    assert lan.status_code == 303


async def test_who_is_limited_to_agencies_keeps_no_accounts(world: ConsoleUnderTest) -> None:
    await world.dead_letters(a_submission().to("H41"))
    browser = await world.visitor(Role.ADMINISTRATOR, agencies=("H41",))
    headers = {"Origin": ADDRESS, "X-CSRF-Token": browser.csrf}

    lifted = await browser.act("/accounts/administrator/agencies", agencies="")
    page = await browser.get("/accounts")
    other = await browser.client.post(
        "/api/v1/accounts",
        json={"login": "other", "role": "administrator", "password": PASSWORD},
        headers=headers,
    )

    assert [each.status_code for each in (lifted, page, other)] == [403, 403, 403]
    assert await world.store.fetch("select login from accounts where agencies is null") == []


async def test_no_page_and_no_operation_tells_of_another_agencys_documents(
    world: ConsoleUnderTest, operators: Database
) -> None:
    submission = a_submission().with_(subject=SUBJECT, code=("77", "MẬT")).to("H42")
    (case,) = await world.dead_letters(submission)
    await world.hub.accept(a_submission().to("H41").admitted())
    everybody = await world.visitor(Role.SUPERVISOR, login="everybody")
    campaign = (await everybody.act("/campaigns", case=case)).headers["location"].rpartition("/")[2]
    await everybody.act("/deadletters/note", case=case, text=SUBJECT)
    await index_documents(operators, MessageId(UUID(int=0)), limit=100)
    message, delivery = (
        await world.store.fetch(
            "select message_id, delivery_id from cases join deliveries using (delivery_id)"
        )
    )[0]
    (receipt,) = (await world.store.fetch("select receipt_id from receipts order by issued_at limit 1"))[0]
    names = {"case_id": case, "campaign_id": campaign, "message_id": message, "receipt_id": receipt}
    names |= {"login": "everybody", "name": "x", "invalid_id": 1, "language": "en"}
    spy = await world.visitor(Role.SUPERVISOR, agencies=("H41",), login="spy")
    telling = (SUBJECT, "MẬT", str(delivery), submission.document_id)

    found: dict[str, list[str]] = {}
    for route in routes():
        if "GET" not in (route.methods or set()) or route.path.endswith("/stream"):
            continue
        path = filled(route.path, names)
        for query in ("", "?mailbox=H42&recipient=H42&sender=G22&all=true"):
            text = (await spy.get(path + query)).text
            if told := [each for each in telling if each in text]:
                found[path + query] = told
    for query in (f"name={delivery}", f"name={SUBJECT}", f"text={SUBJECT}", f"name={submission.document_id}"):
        for path in ("/documents", "/api/v1/documents", "/api/v1/documents/named"):
            text = (await spy.get(f"{path}?{query}")).text
            if str(message) in text:
                found[f"{path}?{query}"] = [str(message)]

    assert found == {}


async def test_no_act_touches_another_agencys_cases_and_campaigns(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission().to("H42"))
    await world.hub.accept(a_submission().to("H41").admitted())
    everybody = await world.visitor(Role.SUPERVISOR, login="everybody")
    campaign = (await everybody.act("/campaigns", case=case)).headers["location"].rpartition("/")[2]
    before = await _standing(world)
    spy = await world.visitor(Role.SUPERVISOR, agencies=("H41",), login="spy")
    order = {"case": case, "reason": "x", "text": "x", "mailbox": "H41", "owner": "spy"}
    json: dict[str, object] = {"cases": [case], "reason": "x", "text": "x", "mailbox": "H41", "owner": "spy"}
    headers = {"Origin": ADDRESS, "X-CSRF-Token": spy.csrf}

    for route in routes():
        if "POST" not in (route.methods or set()) or route.path in {"/logout", "/login"}:
            continue
        path = filled(route.path, {"case_id": case, "campaign_id": campaign, "login": "everybody"})
        if path.startswith("/api/"):
            asked = {name: json[name] for name in json if name in _fields(route)}
            if path.endswith("/campaigns"):
                asked = {"chosen": {"cases": [case]}}
            answer = await spy.client.post(path, json=asked, headers=headers)
        else:
            answer = await spy.act(path, **order)
        assert answer.status_code in {200, 403, 404, 409, 422}, (path, answer.status_code)

    assert await _standing(world) == before


def _fields(route: APIRoute) -> set[str]:
    model = route.body_field.field_info.annotation if route.body_field is not None else None
    return set(getattr(model, "model_fields", {}))


async def _standing(world: ConsoleUnderTest) -> list[object]:
    cases = "select case_id, outcome, owner, snoozed_until, ticket from cases order by 1"
    campaigns = "select campaign_id, state, items, asked_by, confirmed_by from campaigns order by 1"
    notes = "select note_id from case_notes order by 1"
    deliveries = "select delivery_id, state, attempt, mailbox from deliveries order by 1"
    return [[tuple(row) for row in await world.store.fetch(q)] for q in (cases, campaigns, notes, deliveries)]


async def test_a_header_that_names_a_program_lets_no_other_site_log_anybody_in(
    world: ConsoleUnderTest,
) -> None:
    await world.account("lan", Role.VIEWER)

    for scheme in ("Bearer x", "Basic bGFuOng="):
        headers = {"Origin": "https://evil.example", "Authorization": scheme}
        answer = await world.browser().post("/login", {"login": "lan", "password": PASSWORD}, headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("login", ["lan\u202e", "la\u200bn", "lan\x9b2J", "lan\x7f"])
async def test_a_login_has_nothing_that_cannot_be_seen(world: ConsoleUnderTest, login: str) -> None:
    with pytest.raises(OperationRefused):
        await world.account(login, Role.VIEWER)

    assert (await world.browser().log_in(login)).status_code == 401


async def test_a_json_order_that_is_all_brackets_is_refused(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.SUPERVISOR)
    headers = {"Origin": ADDRESS, "X-CSRF-Token": browser.csrf, "Content-Type": "application/json"}

    answer = await browser.client.post(
        "/api/v1/deadletters/replay", content='{"cases":' + "[" * 900_000, headers=headers
    )

    assert answer.status_code in {400, 422}


@dataclass
class SlowKeeper(PasswordKeeper):
    """Lets something happen while a password is held against its hash."""

    world: ConsoleUnderTest

    def __post_init__(self) -> None:
        super().__init__(CHEAPEST)

    async def fits(self, stored: str | None, password: str) -> bool:
        found = await super().fits(stored, password)
        await self.world.desk.set_password("lan", "một mật khẩu hoàn toàn khác")
        return found


async def test_a_password_that_is_changed_while_it_is_looked_at_lets_nobody_in(
    world: ConsoleUnderTest, operators: Database
) -> None:
    await world.account("lan", Role.VIEWER)
    keeper = SlowKeeper(world=world)
    door = Doorkeeper(
        operators, clock=SystemClock(), passwords=keeper, terms=EntranceTerms(idle=timedelta(minutes=5))
    )

    with pytest.raises(LoginRefused):
        await door.log_in("lan", PASSWORD, address="10.0.0.1")

    assert await world.store.fetch("select 1 from sessions") == []
