"""The REST API: the same rules as the pages, for programs."""

from datetime import timedelta
from typing import Any

import pytest

from hub.operations.rights import Role
from tests.support.console import ADDRESS, API, ConsoleUnderTest, Program, program
from tests.support.decisions import a_submission
from tests.support.store import documents


async def test_a_program_is_known_by_its_token(world: ConsoleUnderTest) -> None:
    monitor = await program(world, Role.VIEWER)

    me = (await monitor.get("/me")).json()

    assert me == {"login": "program-viewer", "name": "Program-Viewer", "role": "viewer", "agencies": None}


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer guess", "Basic bGFuOnB3", "bearer"])
async def test_who_shows_no_token_gets_a_problem_and_no_page(
    world: ConsoleUnderTest, authorization: str
) -> None:
    answer = await world.browser().get(f"{API}/me", Authorization=authorization)

    told = answer.json()
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (told["status"], told["code"], told["en"]) == (401, "CONSOLE-4001", "Please log in first")
    assert told["vi"] == "Vui lòng đăng nhập trước"


async def test_a_revoked_token_and_one_that_has_ended_are_worth_nothing(world: ConsoleUnderTest) -> None:
    monitor = await program(world, Role.VIEWER)
    ended = await world.desk.issue_token("program-viewer", name="old", lifetime=timedelta(seconds=-1))
    await world.desk.revoke_token("program-viewer", name="test")

    revoked = await monitor.get("/me")
    late = await Program(client=monitor.client, token=ended.token).get("/me")

    assert (revoked.status_code, late.status_code) == (401, 401)


async def test_a_browsers_cookie_does_not_act_without_the_sessions_token(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(Role.OPERATOR)

    order = {"cases": [case]}
    forged = await browser.client.post(f"{API}/deadletters/replay", json=order, headers={"Origin": ADDRESS})
    own = await browser.client.post(
        f"{API}/deadletters/replay", json=order, headers={"Origin": ADDRESS, "X-CSRF-Token": browser.csrf}
    )

    assert (forged.status_code, forged.json()["code"]) == (403, "CONSOLE-4006")
    assert own.json() == {"done": [case], "refused": []}


async def test_a_wrong_token_is_not_made_good_by_a_cookie(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    answer = await browser.get(f"{API}/me", Authorization="Bearer guess")

    assert answer.status_code == 401


async def test_a_program_may_what_its_account_may(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    viewer, operator = await program(world, Role.VIEWER), await program(world, Role.OPERATOR)

    assert (await viewer.post("/deadletters/replay", cases=[case])).status_code == 403
    assert (await operator.post("/deadletters/discard", cases=[case], reason="x")).status_code == 403
    assert (await operator.get("/accounts")).status_code == 403


async def test_a_program_finds_a_dead_letter_and_replays_it(world: ConsoleUnderTest) -> None:
    await world.dead_letters(a_submission().with_(subject="Về việc thử lại"))
    operator = await program(world, Role.OPERATOR)

    (group,) = (await operator.get("/deadletters/groups")).json()
    (case,) = (await operator.get(f"/deadletters?group={group['group_key']}")).json()
    life = (await operator.get(f"/deadletters/{case['case_id']}")).json()
    done = (
        await operator.post("/deadletters/replay", cases=[case["case_id"]], reason="máy chủ chạy lại")
    ).json()

    assert case["subject"] == "Về việc thử lại"
    assert "received" in [each["what"] for each in life["timeline"]]
    assert done["done"] == [case["case_id"]]
    assert len(documents(await world.hub.deliver_all())) == 1
    assert await world.actions("program-operator") == ["replay"]


async def test_a_document_is_told_with_its_life_and_its_octets(world: ConsoleUnderTest) -> None:
    document = a_submission()
    accepted, _ = await world.hub.accept(document.admitted())
    monitor = await program(world, Role.VIEWER)

    named = (await monitor.get(f"/documents/named?name={document.document_id}")).json()
    life = (await monitor.get(f"/documents/{accepted.message_id}")).json()
    octets = await monitor.get(f"/documents/{accepted.message_id}/bytes")

    assert named == {"messages": [str(accepted.message_id)]}
    assert life["message"]["document_id"] == document.document_id
    assert octets.content == document.body


async def test_other_agencies_documents_are_not_there(world: ConsoleUnderTest) -> None:
    accepted, _ = await world.hub.accept(a_submission().to("H42").admitted())
    async with world.store.private.connect() as connection:
        await connection.execute(
            "insert into agencies (key, code, name, level)"
            " values ('H41', 'H41', 'H41', 1) on conflict do nothing"
        )
    limited = await program(world, Role.SUPERVISOR, agencies=("H41",))

    for path in (f"/documents/{accepted.message_id}", f"/documents/{accepted.message_id}/bytes"):
        assert (await limited.get(path)).status_code == 404
    assert (await limited.get("/documents")).json()["documents"] == []
    assert (await limited.get("/invalid")).status_code == 403


async def test_what_is_not_understood_is_told_part_by_part(world: ConsoleUnderTest) -> None:
    operator = await program(world, Role.OPERATOR)

    empty = await operator.post("/deadletters/replay", cases=[])
    slip = await operator.post("/deadletters/replay", cases=[1], raeson="x")
    nul = await operator.post("/deadletters/note", cases=[1], text="a\x00b")

    for answer in (empty, slip, nul):
        told: dict[str, Any] = answer.json()
        assert (answer.status_code, told["code"]) == (422, "CONSOLE-4000")
        assert told["errors"]


async def test_the_api_describes_itself_to_everybody(world: ConsoleUnderTest) -> None:
    described = (await world.browser().get(f"{API}/openapi.json")).json()

    assert described["openapi"].startswith("3.1")
    assert "/api/v1/deadletters/replay" in described["paths"]
    for path in described["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["403"]["content"]
            assert operation["summary"]


async def test_accounts_are_kept_by_programs_of_administrators(world: ConsoleUnderTest) -> None:
    root = await program(world, Role.ADMINISTRATOR)

    made = await root.post("/accounts", login="lan", role="viewer", password="một mật khẩu dài")
    twice = await root.post("/accounts", login="lan", role="viewer", password="một mật khẩu dài")
    token = await root.post("/accounts/lan/tokens", name="nagios")

    assert (made.status_code, twice.status_code, token.status_code) == (201, 409, 201)
    assert "password" not in made.json()
    me = await Program(client=root.client, token=token.json()["token"]).get("/me")
    assert me.json()["login"] == "lan"


async def test_tokens_of_an_account_that_was_disabled_do_not_come_back_with_it(
    world: ConsoleUnderTest,
) -> None:
    monitor = await program(world, Role.VIEWER)

    await world.desk.disable("program-viewer")
    await world.desk.enable("program-viewer")

    assert (await monitor.get("/me")).status_code == 401
