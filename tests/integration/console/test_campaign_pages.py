"""Many dead letters at once, at the console: who may ask, start and confirm."""

import pytest

from hub.operations.rights import Role
from tests.support.console import ConsoleUnderTest
from tests.support.decisions import a_submission


async def test_the_cases_of_a_list_become_a_campaign_that_is_judged_first(world: ConsoleUnderTest) -> None:
    await world.dead_letters(a_submission().to("H41"))
    await world.dead_letters(a_submission().to("H42"))
    browser = await world.visitor(Role.OPERATOR, login="lan")

    asked = await browser.act("/campaigns", mailbox="H41", canary="true", rate="60")
    page = (await browser.get(asked.headers["location"])).text
    listed = (await browser.get("/campaigns")).text

    rows = await world.store.fetch("select asked_by, items, is_canary, rate_per_minute, state from campaigns")
    assert [tuple(row) for row in rows] == [("lan", 1, True, 60, "judging")]
    assert "đang xét" in page
    assert f'href="{asked.headers["location"]}"' in listed


async def test_chosen_cases_become_a_campaign(world: ConsoleUnderTest) -> None:
    first, *_ = await world.dead_letters(a_submission().to("H41", "H42"))
    browser = await world.visitor(Role.OPERATOR)

    await browser.act("/campaigns", case=first)

    rows = await world.store.fetch("select case_id from campaign_items")
    assert [row[0] for row in rows] == [first]


@pytest.mark.parametrize("terms", [{"kind": "discard", "reason": "x"}, {"new_mailbox": "H42", "reason": "x"}])
async def test_an_operator_asks_for_no_campaign_that_discards_or_goes_elsewhere(
    world: ConsoleUnderTest, terms: dict[str, object]
) -> None:
    await world.dead_letters(a_submission())
    operator, supervisor = await world.visitor(Role.OPERATOR), await world.visitor(Role.SUPERVISOR)

    assert (await operator.act("/campaigns", **terms)).status_code == 403
    assert (await supervisor.act("/campaigns", **terms)).status_code != 403


async def test_above_the_limit_a_second_person_confirms_and_never_the_first(world: ConsoleUnderTest) -> None:
    await world.dead_letters(a_submission())
    first = await world.visitor(Role.SUPERVISOR, login="lan")
    second = await world.visitor(Role.SUPERVISOR, login="minh")
    operator = await world.visitor(Role.OPERATOR)
    address = (await first.act("/campaigns")).headers["location"]
    async with world.store.private.connect() as connection:
        await connection.execute(
            "update campaigns set state = 'awaiting_second', started_by = 'lan', judged_at = now()"
        )

    own = await first.act(f"{address}/confirm")
    below = await operator.act(f"{address}/confirm")
    other = await second.act(f"{address}/confirm")

    assert (own.status_code, below.status_code, other.status_code) == (409, 403, 303)
    assert await world.actions("minh") == ["session.begin", "campaign.confirm"]


async def test_what_a_campaign_looks_like_is_asked_again_while_it_changes(world: ConsoleUnderTest) -> None:
    await world.dead_letters(a_submission())
    browser = await world.visitor(Role.OPERATOR)
    address = (await browser.act("/campaigns")).headers["location"]

    part = (await browser.get(f"{address}/progress")).text
    await browser.act(f"{address}/cancel")
    over = (await browser.get(f"{address}/progress")).text

    assert f'hx-get="{address}/progress"' in part
    assert "hx-get" not in over
    assert "<html" not in part
