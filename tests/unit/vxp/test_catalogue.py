"""The gateway's copy of the catalogue: one version or the next, whatever happens in between."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.vxp.catalogue.answers import Answer
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.copy import CatalogueCopy
from adapters.vxp.catalogue.entry import CataloguePage, has_decree_20_form
from adapters.vxp.catalogue.failure import CatalogueFailed
from adapters.vxp.catalogue.lists import AGENCIES, DECREE_20, KINDS, UNITS
from adapters.vxp.catalogue.refresh import refresh_by_asking
from adapters.vxp.catalogue.settings import CatalogueSettings, CatalogueTable
from hub.errors import ConfigurationError
from tests.support.agency_catalogue import HubCatalogue
from tests.support.waiting import until

HUB = "console https://hub.test"


@pytest.fixture
def hub() -> HubCatalogue:
    hub = HubCatalogue()
    hub.enter("000.00.00.H37", "UBND tỉnh Lạng Sơn")
    hub.enter("H37.02", "Sở Nội vụ", parent="H37")
    hub.enter("H37.02.05", "Chi cục", parent="H37.02")
    hub.enter("000.00.00.H41", "UBND tỉnh Nghệ An")
    hub.enter("H37.09", "Sở đã giải thể", parent="H37", is_open=False)
    return hub


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[CatalogueCopy]:
    copy = CatalogueCopy.open(tmp_path / "catalogue.sqlite")
    yield copy
    copy.close()


def keys(copy: CatalogueCopy) -> list[str]:
    return [each.entry.key for each in copy.rows()]


def version_of(copy: CatalogueCopy) -> int:
    standing = copy.standing()
    assert standing is not None
    return standing.version


def read(answer: Answer | None) -> Any:  # noqa: ANN401 - JSON is anything
    assert answer is not None
    body = b"".join(answer.chunks)
    assert len(body) == answer.octets
    return json.loads(gzip.decompress(body) if answer.encoding == "gzip" else body)


async def test_a_first_copy_has_every_agency_of_every_page(hub: HubCatalogue, copy: CatalogueCopy) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)

    assert keys(copy) == sorted(hub.entries)
    assert version_of(copy) == hub.version


async def test_a_catalogue_that_has_not_changed_is_asked_for_once(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    hub.asked.clear()

    changed = await refresh_by_asking(copy, hub.ask, HUB)

    assert (changed, hub.asked) == (None, [("", hub.version)])


async def test_only_what_has_changed_is_fetched_again(hub: HubCatalogue, copy: CatalogueCopy) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    hub.enter("H37.02", "Sở Nội vụ và Lao động", parent="H37")

    changed = await refresh_by_asking(copy, hub.ask, HUB)

    found = copy.find("H37.02")
    assert changed == 1
    assert found is not None
    assert found.name == "Sở Nội vụ và Lao động"
    assert len(keys(copy)) == len(hub.entries)


async def test_what_changes_while_pages_are_read_is_not_missed(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    other = HubCatalogue()
    hub.meanwhile = [other.enter("H01", "An Giang"), other.enter("H37.02", "Tên mới", parent="H37")]

    await refresh_by_asking(copy, hub.ask, HUB)

    found = copy.find("H37.02")
    assert keys(copy) == sorted(hub.entries)
    assert found is not None
    assert found.name == "Tên mới"
    assert version_of(copy) == hub.version


async def test_a_refresh_that_breaks_off_leaves_the_copy_as_it_was(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    before = keys(copy)
    for number in range(5):
        hub.enter(f"H41.{number:02}", parent="H41")

    async def breaks_off(*, after: str, since: int, tag: str = "", limit: int = 5000) -> CataloguePage | None:
        if after:
            raise CatalogueFailed("the line is dead")
        return await hub.ask(after=after, since=since, tag=tag, limit=limit)

    with pytest.raises(CatalogueFailed):
        await refresh_by_asking(copy, breaks_off, HUB)
    after_failure = keys(copy)
    await refresh_by_asking(copy, hub.ask, HUB)

    assert after_failure == before
    assert keys(copy) == sorted(hub.entries)


async def test_a_hub_that_was_restored_to_an_earlier_version_is_copied_anew(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    restored = HubCatalogue()
    restored.enter("000.00.00.H37", "UBND tỉnh Lạng Sơn")

    await refresh_by_asking(copy, restored.ask, HUB)

    assert keys(copy) == ["H37"]


async def test_a_hub_that_was_restored_and_has_gone_on_is_found_out_by_copying_anew(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    other = HubCatalogue()
    for number in range(hub.version):
        other.enter(f"G{number:02}")

    unnoticed = await refresh_by_asking(copy, other.ask, HUB)
    await refresh_by_asking(copy, other.ask, HUB, anew=True)

    assert unnoticed is None
    assert keys(copy) == sorted(other.entries)


async def test_lists_follow_a_copy_of_the_same_version_that_says_something_else(
    catalogue: Catalogue, hub: HubCatalogue, tmp_path: Path
) -> None:
    await catalogue.refresh()
    file = tmp_path / "catalogue.jsonl"
    file.write_text(file.read_text().replace("UBND tỉnh Nghệ An", "Một tên dài hơn thế"))

    await catalogue.refresh()

    told = read(catalogue.answer(AGENCIES, b"]}", packed=True))["data"]
    assert "Một tên dài hơn thế" in {each["name"] for each in told}


async def test_another_hub_is_copied_anew(hub: HubCatalogue, copy: CatalogueCopy) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)
    other = HubCatalogue()
    for number in range(9):
        other.enter(f"G{number:02}")

    await refresh_by_asking(copy, other.ask, "console https://other.test")

    assert keys(copy) == sorted(other.entries)


async def test_a_unit_is_found_by_any_form_of_its_code_and_within_all_above_it(
    hub: HubCatalogue, copy: CatalogueCopy
) -> None:
    await refresh_by_asking(copy, hub.ask, HUB)

    found = copy.find("000.00.00.H37")
    assert found is not None
    assert found == copy.find("h37")
    assert copy.is_within("H37.02.05", "000.00.00.H37")
    assert copy.is_within("H37.02.05", "H37.02.05")
    assert not copy.is_within("H37.02", "H37.02.05")
    assert not copy.is_within("H37.02.05", "H41")
    assert not copy.is_within("H37.77", "H37"), "nobody knows it"


async def test_a_circle_in_the_data_ends(copy: CatalogueCopy) -> None:
    hub = HubCatalogue()
    hub.enter("H50", parent="H51")
    hub.enter("H51", parent="H50")
    await refresh_by_asking(copy, hub.ask, HUB)

    assert not copy.is_within("H50", "H52")


@pytest.fixture
def catalogue(hub: HubCatalogue, tmp_path: Path) -> Iterator[Catalogue]:
    file = hub.export(tmp_path / "catalogue.jsonl")
    terms = CatalogueSettings(folder=tmp_path / "copy", console=None, file=file, every=timedelta(seconds=60))
    with opened(terms, KINDS) as catalogue:
        yield catalogue


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
async def test_a_whole_list_is_one_answer_with_what_a_system_adds_at_its_end(
    catalogue: Catalogue, *, packed: bool
) -> None:
    await catalogue.refresh()

    told = read(catalogue.answer(UNITS, b',{"code":"H37.10","link":"PENDING"}],"count":6}', packed=packed))

    codes = [each["code"] for each in told["data"]]
    assert (told["status"], told["ErrorCode"], told["count"]) == ("OK", "0", 6)
    assert codes == ["000.00.00.H37", "H37.02", "H37.02.05", "H37.09", "000.00.00.H41", "H37.10"]


async def test_lists_say_what_sdks_read(catalogue: Catalogue, hub: HubCatalogue) -> None:
    await catalogue.refresh()

    agencies = {each["code"]: each for each in read(catalogue.answer(AGENCIES, b"]}", packed=False))["data"]}
    units = {each["code"]: each for each in read(catalogue.answer(UNITS, b"]}", packed=True))["data"]}

    province, department = str(hub.entries["H37"].number), str(hub.entries["H37.02"].number)
    assert agencies["H37.02"] == {
        "id": department,
        "pid": province,
        "code": "H37.02",
        "name": "Sở Nội vụ",
        "mail": "",
    }
    assert agencies["000.00.00.H37"]["pid"] == "0"
    assert "H37.09" not in agencies, "it is closed"
    assert (units["H37.09"]["deleted"], units["H37.09"]["link"]) == (True, "NOT_EXIST")
    assert units["H37.02"]["modifyDate"] == "2026/11/22 16:00:02"


async def test_only_codes_that_the_registry_has_in_that_form_are_told_as_of_decree_20(
    catalogue: Catalogue,
) -> None:
    await catalogue.refresh()

    told = read(catalogue.answer(DECREE_20, b"]}", packed=False))["data"]

    assert [each["code"] for each in told] == ["H37.02", "H37.02.05"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("H37", True),
        ("G07.05.03", True),
        ("H37.DN.001", True),
        ("000.00.00.H37", False),
        ("00.14.H29", False),
        ("vxp.saas.03", False),
        ("H37.02\n", False),
        ("H37." + "1" * 32, False),
    ],
)
def test_the_form_of_decree_20_is_known(code: str, *, expected: bool) -> None:
    assert has_decree_20_form(code) is expected


async def test_a_file_that_cannot_be_read_leaves_the_copy_as_it_was(
    catalogue: Catalogue, hub: HubCatalogue, tmp_path: Path
) -> None:
    await catalogue.refresh()
    hub.enter("H99")
    file = hub.export(tmp_path / "catalogue.jsonl")
    file.write_text(file.read_text() + '{"number": 0}\n')

    with pytest.raises(CatalogueFailed, match="line 7: number"):
        await catalogue.refresh()

    assert catalogue.find("H99") is None
    assert catalogue.count(AGENCIES) == 4


async def test_a_new_file_is_taken_over_and_old_lists_are_forgotten_a_version_later(
    catalogue: Catalogue, hub: HubCatalogue, tmp_path: Path
) -> None:
    await catalogue.refresh()
    under_way = catalogue.answer(AGENCIES, b"]}", packed=True)
    hub.enter("H99")
    hub.export(tmp_path / "catalogue.jsonl")

    assert await catalogue.refresh() == 6
    assert await catalogue.refresh() is None

    assert len(read(under_way)["data"]) == 4, "an answer that was under way stays what it was"
    assert len(read(catalogue.answer(AGENCIES, b"]}", packed=True))["data"]) == 5
    hub.enter("H98")
    hub.export(tmp_path / "catalogue.jsonl")
    await catalogue.refresh()
    assert len(list((tmp_path / "copy").glob("agencies-[0-9]*.json"))) == 2, "this one and the one before"


async def test_before_the_first_copy_there_is_no_list(catalogue: Catalogue) -> None:
    assert catalogue.answer(AGENCIES, b"]}", packed=True) is None
    assert catalogue.version is None


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "url or file"),
        ({"url": "https://hub.test", "file": "x"}, "url or file"),
        ({"url": "https://hub.test"}, "token is missing"),
        ({"url": "http://hub.test", "token": "t"}, "has to be https"),
        ({"url": "hub.test", "token": "t"}, "address of http"),
    ],
    ids=["nothing", "both", "no token", "no tls", "no scheme"],
)
def test_settings_that_cannot_work_are_refused_with_a_way_out(
    table: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        CatalogueTable.model_validate(table).settings(tmp_path)

    assert '"t"' not in str(refused.value)


async def test_a_source_that_fails_is_asked_again_and_stops_nobody(
    catalogue: Catalogue, hub: HubCatalogue, tmp_path: Path
) -> None:
    file = tmp_path / "catalogue.jsonl"
    file.write_text("nothing\n")
    stop = asyncio.Event()

    with capture_logs() as logs:
        running = asyncio.create_task(catalogue.run(stop))
        await until(lambda: logs, what="a first try")
        hub.export(file)
        await until(lambda: catalogue.count(AGENCIES), what="a second try")
        stop.set()
        await running

    assert [each["event"] for each in logs[:1]] == ["catalogue.not_refreshed"]
    assert catalogue.count(AGENCIES) == 4
