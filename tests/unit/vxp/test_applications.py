"""Agencies that systems apply for: only below their own, pending until the catalogue has them."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.applications.listing import for_import, for_people, read_pending
from adapters.vxp.catalogue.calls import accepts_gzip, catalogue_calls
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.copy import CatalogueCopy
from adapters.vxp.catalogue.lists import KINDS
from adapters.vxp.catalogue.settings import CatalogueSettings
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System
from adapters.vxp.xroad.asked import Asked, Calls
from hub.commands.agency_lists import read_lines
from hub.message.identifiers import AgencyCode
from tests.support.agency_catalogue import HubCatalogue

PROVINCE = System(systemid="h37", secret="s", agency=AgencyCode("000.00.00.H37"))
DEPARTMENT = System(systemid="h37.02", secret="s", agency=AgencyCode("H37.02"))


@dataclass(slots=True, kw_only=True)
class Place:
    """A gateway's catalogue and books."""

    hub: HubCatalogue
    file: Path
    journal: Journal
    catalogue: Catalogue
    calls: Calls
    folder: Path

    async def call(
        self, name: str, system: System = PROVINCE, body: object = None, *, packed: bool = False, **said: str
    ) -> Any:  # noqa: ANN401 - JSON is anything
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"accept-encoding": "gzip,deflate"} if packed else {}
        asked = Asked(system=system, parameters=said, body=content, headers=headers)
        answer = await self.calls[name](asked)
        if isinstance(answer, StreamingResponse):
            octets = b"".join([bytes(each) async for each in answer.body_iterator])
            assert answer.headers["content-length"] == str(len(octets))
            assert (answer.headers.get("content-encoding") == "gzip") is packed
            return json.loads(gzip.decompress(octets) if packed else octets)
        return json.loads(answer.body)

    async def units(self, system: System = PROVINCE) -> dict[str, dict[str, Any]]:
        told = await self.call("getSynchronizeUnit", system, packed=True)
        return {each["code"]: each for each in told["data"]}

    async def decide(self) -> None:
        """Let the gateway learn what the registry's keeper did."""
        self.hub.export(self.file)
        await self.catalogue.refresh()

    def pending(self) -> tuple[str, str]:
        copy = CatalogueCopy.open(self.folder / "catalogue.sqlite")
        found = read_pending(self.journal.path, copy)
        copy.close()
        return for_people(found), for_import(found)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    hub = HubCatalogue()
    hub.enter("000.00.00.H37", "UBND tỉnh Lạng Sơn")
    hub.enter("H37.02", "Sở Nội vụ", parent="H37")
    hub.enter("H41", "UBND tỉnh Nghệ An")
    hub.enter("H37.09", "Sở đã giải thể", parent="H37", is_open=False)
    file = hub.export(tmp_path / "catalogue.jsonl")
    terms = CatalogueSettings(folder=tmp_path / "copy", console=None, file=file, every=timedelta(seconds=60))
    journal = await Journal.open(tmp_path / "journal.sqlite", tables=TABLES)
    with opened(terms, KINDS) as catalogue:
        await catalogue.refresh()
        calls = catalogue_calls(catalogue, ApplicationDesk(journal, catalogue))
        yield Place(
            hub=hub, file=file, journal=journal, catalogue=catalogue, calls=calls, folder=terms.folder
        )
    await journal.close()


def new(code: str, pcode: str = "H37", name: str = "Trung tâm", **more: object) -> dict[str, object]:
    return {"id": None, "pcode": pcode, "code": code, "name": name, **more}


async def refusal(place: Place, body: object, system: System = PROVINCE) -> Refused:
    with pytest.raises(Refused) as refused:
        await place.call("registerAgency", system, body)
    return refused.value


async def test_an_application_is_pending_until_the_catalogue_has_the_agency(place: Place) -> None:
    told = await place.call("registerAgency", body=new("H37.10", mail="a@langson.gov.vn"))
    before = (await place.units())["H37.10"]

    place.hub.enter("H37.10", "Trung tâm", parent="H37")
    await place.decide()

    after = (await place.units())["H37.10"]
    assert told == {"status": "OK", "ErrorCode": "0", "ErrorDesc": "Thanh cong"}
    assert (before["link"], before["pAction"], before["valid"]) == ("PENDING", "CREATE", "VALID")
    assert (before["mail"], before["pid"]) == ("a@langson.gov.vn", "1")
    assert (after["link"], after.get("pAction")) == ("REGISTERED", None)


async def test_what_another_system_applied_for_is_not_shown(place: Place) -> None:
    await place.call("registerAgency", body=new("H37.10"))

    assert "H37.10" not in await place.units(DEPARTMENT)


async def test_the_keeper_gets_what_can_be_imported_and_what_to_type(place: Place) -> None:
    await place.call("registerAgency", body=new("H37.10"))
    await place.call("registerAgency", body=new("H37.10.01", "H37.10", "Tổ một"))
    await place.call("deleteAgency", agencycode="H37.02")
    people, lines = place.pending()

    entered = read_lines(lines)

    assert [(each.key, each.above) for each in entered] == [("H37.10", "H37"), ("H37.10.01", "H37.10")]
    assert "truc agency close H37.02" in people
    assert "truc agency import -" in people


async def test_an_agency_below_another_is_not_to_be_had(place: Place) -> None:
    for wrong in (new("H41.01", "H41"), new("H41", "H37"), new("H37", "H37"), new("H37.02", "H41")):
        refused = await refusal(place, wrong)
        assert refused.reason is Reason.FOREIGN_AGENCY, wrong
    above = await refusal(place, new("H37.11"), DEPARTMENT)
    assert above.reason is Reason.FOREIGN_AGENCY


async def test_an_agency_below_nobody_or_below_a_closed_one_is_refused(place: Place) -> None:
    for wrong in (new("H37.10", "H37.77"), new("H37.09.01", "H37.09"), new("H37.10", "H37.10")):
        refused = await refusal(place, wrong)
        assert refused.reason is Reason.UNKNOWN_AGENCY, wrong


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], Reason.MALFORMED_REQUEST),
        (None, Reason.MALFORMED_REQUEST),
        ({}, Reason.MISSING_PARAMETER),
        (new("H37 10"), Reason.WRONG_PARAMETER),
        (new("../etc"), Reason.WRONG_PARAMETER),
        (new("H37.10", name="a\x1b[2J"), Reason.WRONG_PARAMETER),
        (new("H37.10", name="x" * 501), Reason.WRONG_PARAMETER),
        (new("H37.10", mail=["a"]), Reason.WRONG_PARAMETER),
    ],
    ids=["list", "nothing", "empty", "space", "path", "escape", "long", "list of mails"],
)
async def test_what_cannot_be_an_agency_is_refused(place: Place, body: object, reason: Reason) -> None:
    assert (await refusal(place, body)).reason is reason


async def test_a_closing_is_pending_until_the_agency_is_closed(place: Place) -> None:
    await place.call("deleteAgency", agencycode="H37.02")
    before = await place.call("getSynchronizeUnit")

    place.hub.enter("H37.02", "Sở Nội vụ", parent="H37", is_open=False)
    await place.decide()

    last = before["data"][-1]
    after = (await place.units())["H37.02"]
    assert (last["code"], last["link"], last["pAction"]) == ("H37.02", "PENDING", "DELETE")
    assert (after["link"], after["deleted"]) == ("NOT_EXIST", True)


async def test_an_application_that_is_pending_can_be_taken_back(place: Place) -> None:
    await place.call("registerAgency", body=new("H37.10"))

    await place.call("deleteAgency", agencycode="H37.10")

    assert "H37.10" not in await place.units()
    with pytest.raises(Refused, match=r"no agency H37\.10"):
        await place.call("deleteAgency", agencycode="H37.10")


async def test_nobody_closes_its_own_agency_or_another_one(place: Place) -> None:
    for code in ("H37", "H41"):
        with pytest.raises(Refused) as refused:
            await place.call("deleteAgency", agencycode=code)
        assert refused.value.reason is Reason.FOREIGN_AGENCY


async def test_who_says_something_else_of_an_agency_is_in_conflict(place: Place) -> None:
    await place.call("registerAgency", body=new("H37.02.01", "H37.02", "Phòng A"))
    await place.call("registerAgency", DEPARTMENT, new("H37.02.01", "H37.02", "Phòng B"))
    await place.call("registerAgency", body=new("H37.02", name="Sở Nội vụ mới"))
    await place.call("registerAgency", body=new("H37.09", name="Sở mở lại"))

    told = await place.units()

    assert (told["H37.02.01"]["pAction"], told["H37.02.01"]["valid"]) == ("CREATE", "CONFLICT")
    assert (told["H37.02"]["pAction"], told["H37.02"]["valid"]) == ("MODIFY", "VALID")
    assert (told["H37.09"]["pAction"], told["H37.09"]["valid"]) == ("MODIFY", "CONFLICT")
    people, to_import = place.pending()
    assert to_import == "", "what is in conflict is not imported"
    assert "truc agency rename H37.02 'Sở Nội vụ mới'" in people


async def test_pages_lead_through_the_whole_catalogue_and_tell_what_changed(place: Place) -> None:
    codes: list[str] = []
    after = ""
    while after is not None:
        told = await place.call("getSynchronizeUnit", limit="2", after=after)
        codes += [each["code"] for each in told["data"]]
        after = told.get("next")
    version = told["version"]
    place.hub.enter("H37.02", "Tên mới", parent="H37")
    await place.decide()

    changed = await place.call("getSynchronizeUnit", sinceversion=version)

    assert codes == ["000.00.00.H37", "H37.02", "H37.09", "H41"]
    assert [each["name"] for each in changed["data"]] == ["Tên mới"]


@pytest.mark.parametrize("said", [{"limit": "0"}, {"limit": "5001"}, {"limit": "-1"}, {"sinceversion": "²"}])
async def test_a_page_that_cannot_be_is_refused(place: Place, said: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        await place.call("getAgenciesList", **said)

    assert refused.value.reason is Reason.WRONG_PARAMETER


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip,deflate", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_only_who_can_unpack_gets_it_packed(header: str, *, expected: bool) -> None:
    assert accepts_gzip({"accept-encoding": header}) is expected


async def test_a_system_cannot_fill_the_books(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.vxp.applications.desk._MOST", 1)
    await place.call("registerAgency", body=new("H37.10"))
    await place.call("registerAgency", body=new("H37.10", name="Tên khác"))

    assert (await refusal(place, new("H37.11"))).reason is Reason.NOT_ALLOWED
