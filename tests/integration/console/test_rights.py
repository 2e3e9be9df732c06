"""What each role may do, and who is recorded for it."""

import pytest

from hub.operations.rights import Role
from tests.support.console import ConsoleUnderTest
from tests.support.decisions import a_submission
from tests.support.store import documents

ACTS = {
    "/deadletters/replay": Role.OPERATOR,
    "/deadletters/assign": Role.OPERATOR,
    "/deadletters/note": Role.OPERATOR,
    "/deadletters/snooze": Role.OPERATOR,
    "/deadletters/ticket": Role.OPERATOR,
    "/deadletters/discard": Role.SUPERVISOR,
    "/deadletters/restore": Role.SUPERVISOR,
    "/deadletters/reroute": Role.SUPERVISOR,
    "/accounts": Role.ADMINISTRATOR,
}


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_may_do_what_is_its_own_and_no_more(world: ConsoleUnderTest, role: Role) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(role)
    order = list(Role)

    answers = {path: (await browser.act(path, case=case)).status_code for path in ACTS}

    refused = {path for path, status in answers.items() if status == 403}
    assert refused == {path for path, least in ACTS.items() if order.index(role) < order.index(least)}


async def test_a_viewer_finds_no_button_for_what_it_may_not(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    viewer, supervisor = await world.visitor(Role.VIEWER), await world.visitor(Role.SUPERVISOR)

    assert "/deadletters/replay" not in (await viewer.get(f"/deadletters/cases/{case}")).text
    assert "/deadletters/discard" in (await supervisor.get(f"/deadletters/cases/{case}")).text


async def test_a_replay_goes_out_once_in_the_name_of_who_asked(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(Role.OPERATOR, login="lan")

    answer = await browser.act(
        "/deadletters/replay", case=case, reason="máy chủ đã chạy lại", next=f"/deadletters/cases/{case}"
    )
    again = await browser.act("/deadletters/replay", case=case)

    assert answer.headers["location"] == f"/deadletters/cases/{case}?told=replay&count=1"
    assert again.status_code == 409
    assert len(documents(await world.hub.deliver_all())) == 1
    assert await world.actions("lan") == ["session.begin", "replay"]


async def test_a_case_of_other_agencies_is_not_there(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission().to("H42"))
    async with world.store.private.connect() as connection:
        await connection.execute(
            "insert into agencies (key, code, name, level)"
            " values ('H41', 'H41', 'H41', 1) on conflict do nothing"
        )
    browser = await world.visitor(Role.SUPERVISOR, agencies=("H41",))

    page = await browser.get(f"/deadletters/cases/{case}")
    act = await browser.act("/deadletters/discard", case=case, reason="không phải của tôi")

    assert page.status_code == 404
    assert act.status_code == 409
    assert len(await world.store.open_cases()) == 1


async def test_a_note_stays_with_the_delivery_and_an_owner_with_the_case(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(Role.OPERATOR, login="lan")

    await browser.act("/deadletters/note", case=case, text="đã gọi điện cho sở")
    await browser.act("/deadletters/assign", case=case, owner="lan")
    await browser.act("/deadletters/ticket", case=case, ticket="https://viec.example/7")
    page = (await browser.get(f"/deadletters/cases/{case}")).text
    mine = (await browser.get("/deadletters/cases?owner=lan")).text

    assert "đã gọi điện cho sở" in page
    assert "https://viec.example/7" in page
    assert f"/deadletters/cases/{case}" in mine


async def test_a_ticket_that_is_no_web_page_is_refused(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(Role.OPERATOR)

    answer = await browser.act("/deadletters/ticket", case=case, ticket="javascript:alert(1)")

    assert answer.status_code == 409


async def test_a_discard_is_told_and_can_be_taken_back(world: ConsoleUnderTest) -> None:
    (case,) = await world.dead_letters(a_submission())
    browser = await world.visitor(Role.SUPERVISOR, login="minh")

    await browser.act("/deadletters/discard", case=case, reason="gửi nhầm")
    await browser.act("/deadletters/restore", case=case, reason="không nhầm")

    assert len(await world.store.open_cases()) == 1
    assert await world.actions("minh") == ["session.begin", "discard", "restore"]


async def test_accounts_are_kept_by_administrators_and_every_change_is_recorded(
    world: ConsoleUnderTest,
) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR, login="root")

    await browser.act(
        "/accounts", login="Lan", name="Nguyễn Thị Lan", role="viewer", password="mật khẩu của Lan"
    )
    await browser.act("/accounts/lan/role", role="operator")
    token = await browser.act("/accounts/lan/tokens", name="nagios", days=30)
    await browser.act("/accounts/lan/tokens/revoke", name="nagios")
    await browser.act("/accounts/lan/disable")
    page = (await browser.get("/accounts/lan")).text

    assert token.status_code == 200
    assert "Nguyễn Thị Lan" in page
    assert await world.actions("root") == [
        "session.begin",
        "account.add",
        "account.role",
        "account.token",
        "account.token_revoke",
        "account.disable",
    ]
    kept = await world.store.fetch("select a::text from operator_actions a")
    assert "mật khẩu" not in str(kept)


async def test_a_short_password_is_refused(world: ConsoleUnderTest) -> None:
    browser = await world.visitor(Role.ADMINISTRATOR)

    answer = await browser.act("/accounts", login="lan", role="viewer", password="ngắn")

    assert answer.status_code == 409
