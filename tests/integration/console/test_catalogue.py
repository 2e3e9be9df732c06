"""The catalogue of agencies over the REST API: complete, in pages, and what has changed."""

from typing import Any

import pytest

from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.errors import OperationRefused, StatementTooSlow
from hub.message.identifiers import AgencyCode
from hub.operations.agency_catalogue import NewAgency, enter_agencies
from hub.operations.registry import RegistryDesk
from hub.operations.rights import Role
from tests.support.console import ConsoleUnderTest, Program, program


@pytest.fixture
async def keeper(world: ConsoleUnderTest, operators: Database) -> RegistryDesk:
    desk = RegistryDesk(operators, operator="keeper", clock=SystemClock())
    await desk.add(code=AgencyCode("000.00.00.H90"), name="UBND tỉnh")
    return desk


@pytest.fixture
async def gateway(world: ConsoleUnderTest, keeper: RegistryDesk) -> Program:
    """Return a program that is limited to one agency, as gateways are."""
    return await program(world, Role.VIEWER, agencies=("H90",))


def units(count: int) -> list[NewAgency]:
    return [
        NewAgency(code=AgencyCode(f"H90.{each:02}"), name=f"Sở {each}", parent=AgencyCode("H90"))
        for each in range(1, count + 1)
    ]


async def hasty_change(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("set local statement_timeout = 200")
        await transaction.execute(
            "insert into agencies (key, code, name, level) values ('H91', 'H91', 'Vội', 1)"
        )


async def whole(program: Program, since: int = 0, limit: int = 2) -> list[dict[str, Any]]:
    """Read as a copy does."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = await program.get(f"/catalogue?after={after}&since={since}&limit={limit}")
        assert answer.status_code == 200, answer.text
        found += answer.json()["agencies"]
        after = answer.json()["next_after"]
    return found


async def test_every_agency_comes_once_in_pages_also_to_an_account_that_is_limited(
    gateway: Program, keeper: RegistryDesk, operators: Database
) -> None:
    await enter_agencies(operators, units(5), operator="keeper")
    everybody = [each.key for each in await keeper.agencies()]

    found = await whole(gateway)

    assert [each["key"] for each in found] == everybody
    assert len({each["number"] for each in found}) == len(found)
    (province,) = [each for each in found if each["key"] == "H90"]
    assert (province["code"], province["name"], province["parent"]) == ("000.00.00.H90", "UBND tỉnh", None)


async def test_what_changed_since_a_version_is_told_and_nothing_else(
    gateway: Program, keeper: RegistryDesk, operators: Database
) -> None:
    await enter_agencies(operators, units(3), operator="keeper")
    version = (await gateway.get("/catalogue")).json()["version"]

    await keeper.close(AgencyCode("H90.01"), successor=AgencyCode("H90.02"))
    await keeper.add(code=AgencyCode("H90.04"), name="Sở mới", parent=AgencyCode("H90"))

    changed = {each["key"]: each for each in await whole(gateway, since=version)}
    assert set(changed) == {"H90.01", "H90.04"}
    assert (changed["H90.01"]["closed_at"] is not None, changed["H90.01"]["successor"]) == (True, "H90.02")
    assert all(each["version"] > version for each in changed.values())


async def test_a_new_name_is_a_change_that_is_told(gateway: Program, keeper: RegistryDesk) -> None:
    version = (await gateway.get("/catalogue")).json()["version"]

    await keeper.rename(AgencyCode("H90"), "UBND tỉnh mới")
    await keeper.rename(AgencyCode("H90"), "UBND tỉnh mới")

    (changed,) = await whole(gateway, since=version)
    assert (changed["name"], changed["version"]) == ("UBND tỉnh mới", version + 1)


async def test_who_has_the_catalogue_is_told_that_it_is_the_same(
    gateway: Program, keeper: RegistryDesk, world: ConsoleUnderTest
) -> None:
    first = await gateway.get("/catalogue")
    bearer = {"Authorization": f"Bearer {gateway.token}", "If-None-Match": first.headers["etag"]}
    client = world.browser().client

    unchanged = await client.get("/api/v1/catalogue", headers=bearer)
    await keeper.add(code=AgencyCode("H91"), name="Tỉnh khác")
    changed = await client.get("/api/v1/catalogue", headers=bearer)

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert changed.status_code == 200


async def test_versions_are_seen_in_their_order_whoever_commits_first(
    gateway: Program, keeper: RegistryDesk, operators: Database, world: ConsoleUnderTest
) -> None:
    """A change that is under way holds up the next: a copy that has read a version has missed none below."""
    async with operators.transaction() as slow:
        await slow.execute("update agencies set name = 'Chậm' where key = 'H90'")
        before = (await gateway.get("/catalogue")).json()["version"]
        with pytest.raises(StatementTooSlow):
            await hasty_change(operators)

    assert [each["name"] for each in await whole(gateway, since=before)] == ["Chậm"]


async def test_a_list_is_entered_whatever_its_order_and_again_without_effect(
    keeper: RegistryDesk, operators: Database
) -> None:
    deep = NewAgency(code=AgencyCode("H90.01.07"), name="Chi cục", parent=AgencyCode("H90.01"))

    first = await enter_agencies(operators, [deep, *units(2)], operator="keeper")
    again = await enter_agencies(operators, [deep, *units(2)], operator="keeper")

    assert (first.entered, first.were_there) == (3, 0)
    assert (again.entered, again.were_there) == (0, 3)
    assert (await keeper.agency(AgencyCode("H90.01.07"))).level == 3


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param(
            ("H90", "Tỉnh khác", None), "stand for another name or parent: 000.00.00.H90", id="other"
        ),
        pytest.param(("H90.09", "Sở", "H97"), "has the code H97", id="orphan"),
        pytest.param(("H90.01", "Sở khác", "H90"), "H90.01 stands in the list twice", id="twice"),
    ],
)
async def test_a_list_with_one_mistake_enters_nothing(
    keeper: RegistryDesk, operators: Database, wrong: tuple[str, str, str | None], told: str
) -> None:
    code, name, parent = wrong
    mistaken = NewAgency(
        code=AgencyCode(code), name=name, parent=AgencyCode(parent) if parent is not None else None
    )

    with pytest.raises(OperationRefused, match=told):
        await enter_agencies(operators, [*units(2), mistaken], operator="keeper")

    assert not [each for each in await keeper.agencies() if each.key.startswith("H90.")]
