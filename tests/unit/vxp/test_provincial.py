"""The provincial REST dialect: log in, send, list, fetch unpacked, report; its own codes for every no."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.catalogue import opened
from adapters.vxp.catalogue.settings import CatalogueSettings
from adapters.vxp.gateway import TransportStatus
from adapters.vxp.provincial.application import PREFIX, bounded, provincial_application
from adapters.vxp.provincial.calls import AGENCIES
from adapters.vxp.provincial.entrance import Entrance, GuessTerms
from adapters.vxp.provincial.face import Provincial
from adapters.vxp.provincial.problems import NUMBERS
from adapters.vxp.provincial.settings import ProvincialSettings, User, read_provincial
from adapters.vxp.refusals import Reason
from adapters.vxp.systems import Face, System, Systems
from hub.errors import ConfigurationError
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode
from tests.support.agency_catalogue import HubCatalogue
from tests.support.envelopes import A_PDF, a_document, a_status
from tests.support.vxp_memory_gateway import MemoryGateway

PASSWORD = "mật khẩu của tỉnh"
SECRET = "khoa-bi-mat"
HASHER = PasswordHasher.from_parameters(CHEAPEST)
NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
LANGSON, NGHEAN = "000.00.00.H37", "H41"


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True, kw_only=True)
class Province:
    """The face, and the software of a province in front of it."""

    client: httpx.AsyncClient
    gateway: MemoryGateway
    clock: SetClock
    token: str = ""
    system: str = "h37"
    secret: str = SECRET
    more: dict[str, str] = field(default_factory=dict)

    async def log_in(self, username: str = "langson", password: str = PASSWORD) -> httpx.Response:
        said = {
            "username": username,
            "password": password,
            "applicationCode": "QLVB",
            "otp": "",
            "twoFactorProvider": "",
            "typeObjs": [],
        }
        answer = await self.client.post("/v1/auth/login", json=said)
        if answer.status_code == 200:
            self.token = answer.json()["data"]["token"]
        return answer

    @property
    def headers(self) -> dict[str, str]:
        shown = {"Authorization": f"Bearer {self.token}", "X-SystemId": self.system}
        return {**shown, "X-SecretKey": self.secret, **self.more}

    async def get(self, path: str, **asked: str) -> httpx.Response:
        return await self.client.get(f"/v1/{path}", params=asked, headers=self.headers)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.client.post(f"/v1/{path}", json=body, headers=self.headers)

    async def send(self, file: bytes, kind: str = "edoc", name: str = "edocFile") -> httpx.Response:
        files, said = {name: ("vb.edxml", file)}, {"messageType": kind}
        return await self.client.post("/v1/sendEdoc", files=files, data=said, headers=self.headers)

    async def code(self, answer: httpx.Response) -> int:
        told = answer.json()
        assert told["success"] is False, told
        return int(told["code"])


@pytest.fixture
async def province(tmp_path: Path) -> AsyncIterator[Province]:
    hub = HubCatalogue()
    hub.enter(LANGSON, "UBND tỉnh Lạng Sơn")
    hub.enter(NGHEAN, "UBND tỉnh Nghệ An")
    hub.enter("H22", "Tỉnh đã sáp nhập", is_open=False)
    file = hub.export(tmp_path / "catalogue.jsonl")
    systems = [
        System(systemid="h37", secret=SECRET, agency=AgencyCode(LANGSON)),
        System(systemid="h41", secret=SECRET, agency=AgencyCode(NGHEAN)),
        System(systemid="sdk", secret=SECRET, agency=AgencyCode("H22"), faces=frozenset({Face.XROAD})),
    ]
    (tmp_path / "packets").mkdir()
    gateway = MemoryGateway(systems=Systems(systems), folder=tmp_path / "packets")
    hashed, clock = HASHER.hash(PASSWORD), SetClock()
    users = {
        "langson": User(
            username="langson", password_hash=hashed, systems=frozenset({"h37", "sdk"}), is_admin=False
        ),
        "admin": User(
            username="admin", password_hash=hashed, systems=frozenset({"h37", "h41"}), is_admin=True
        ),
    }
    settings = ProvincialSettings(users=users, token_life=timedelta(minutes=30), key=b"k" * 32)
    terms = CatalogueSettings(folder=tmp_path / "copy", console=None, file=file, every=timedelta(60))
    journal = await Journal.open(tmp_path / "journal.sqlite", tables=TABLES)
    with opened(terms, [AGENCIES]) as catalogue:
        await catalogue.refresh()
        face = Provincial(
            gateway=gateway,
            entrance=Entrance(settings, clock=clock, hasher=HASHER, terms=GuessTerms(of_address=8)),
            catalogue=catalogue,
            applications=ApplicationDesk(journal, catalogue),
            list_at_most=100,
        )
        app = Starlette(routes=[Mount(PREFIX, bounded(provincial_application(face)))])
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            yield Province(client=client, gateway=gateway, clock=clock)
    await journal.close()


def a_letter(sender: str = LANGSON, *recipients: str) -> bytes:
    return (
        a_document()
        .from_(sender, "UBND tỉnh")
        .to(*(recipients or (NGHEAN,)))
        .about("V/v thử nghiệm")
        .without_attachments()
        .with_attachment("công văn.pdf", A_PDF, zipped=True)
        .unsigned()
    )


async def test_a_document_is_sent_listed_fetched_unpacked_and_reported(province: Province) -> None:
    await province.log_in("admin")
    file = a_letter()

    sent = (await province.send(file)).json()
    province.system = "h41"
    listed = (await province.get("syncReceivedEdocList", messageType="edoc")).json()
    fetched = (await province.get("getEdoc", docId=sent["docId"])).json()
    reported = await province.post("updateStatus", {"docId": sent["docId"], "status": "done"})

    assert (sent["success"], sent["code"]) == (True, 0)
    assert (listed["count"], listed["success"]) == (1, True)
    assert listed["data"] == [
        {
            "serviceType": "eDoc",
            "createdTime": "2026/11/22 16:00:00",
            "updatedTime": "2026/11/22 16:00:00",
            "messageType": "edoc",
            "docId": sent["docId"],
            "from": LANGSON,
            "to": NGHEAN,
            "status": "initial",
            "statusDesc": "",
        }
    ]
    assert base64.b64decode(fetched["edxml"]) == file
    assert (fetched["from"], fetched["fromName"], fetched["edocAbstract"]) == (
        LANGSON,
        "UBND tỉnh",
        "V/v thử nghiệm",
    )
    (attachment,) = fetched["attachments"]
    assert attachment["fileName"] == "công văn.pdf"
    assert base64.b64decode(attachment["fileContent"]) == A_PDF, "taken out of the vendors' ZIP"
    assert reported.json() == {"success": True, "code": 0, "message": "Thanh cong"}
    assert province.gateway.reported == [("h41", sent["docId"], TransportStatus.DONE, "")]


async def test_a_status_is_sent_to_the_sender_of_its_document(province: Province) -> None:
    await province.log_in("admin")
    status = a_status().from_(LANGSON).for_("doc-1", sent_by=NGHEAN).saying(StatusCode.ACCEPTED, "Đã nhận")

    sent = await province.send(status.unsigned(), "status")
    province.system = "h41"
    listed = (await province.get("syncReceivedEdocList", messageType="status")).json()

    assert [each["docId"] for each in listed["data"]] == [sent.json()["docId"]]


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ({"fromDate": "2026/11/22", "toDate": "2026/11/22"}, 1),
        ({"fromDate": "2026/11/23"}, 0),
        ({"toDate": "2026/11/21"}, 0),
        ({}, 1),
    ],
    ids=["that day", "after", "before", "always"],
)
async def test_both_days_of_a_period_belong_to_it(
    province: Province, days: dict[str, str], count: int
) -> None:
    await province.log_in("admin")
    await province.send(a_letter())
    province.system = "h41"

    listed = await province.get("syncReceivedEdocList", messageType="edoc", **days)

    assert listed.json()["count"] == count


@pytest.mark.parametrize("day", ["22/11/2026", "2026/13/01", "9999/12/31", "2026-11-22", "2026/11/22 "])
async def test_a_day_that_is_none_is_refused(province: Province, day: str) -> None:
    await province.log_in()

    answer = await province.get("syncReceivedEdocList", messageType="edoc", toDate=day)

    assert (answer.status_code, await province.code(answer)) == (400, 105)


async def test_whoever_shows_no_token_or_one_that_has_ended_has_to_log_in(province: Province) -> None:
    nobody = await province.get("getAgenciesList")
    await province.log_in()
    somebody = await province.get("getAgenciesList")
    province.clock.now += timedelta(minutes=31)
    late = await province.get("getAgenciesList")
    province.token = province.token[:-4] + "AAAA"
    province.clock.now = NOON
    forged = await province.get("getAgenciesList")

    assert [each.status_code for each in (nobody, somebody, late, forged)] == [401, 200, 401, 401]
    assert await province.code(late) == 101
    assert late.headers["www-authenticate"] == "Bearer"


async def test_a_token_that_names_another_algorithm_is_none(province: Province) -> None:
    await province.log_in()
    _, claims, _ = province.token.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    province.token = f"{head}.{claims}."

    assert (await province.get("getAgenciesList")).status_code == 401


@pytest.mark.parametrize(
    ("system", "secret"),
    [("h37", "falsch"), ("nobody", SECRET), ("", ""), ("h41", SECRET)],
    ids=["wrong secret", "unknown", "nothing", "not the user's"],
)
async def test_a_system_that_is_not_who_it_says_is_refused(
    province: Province, system: str, secret: str
) -> None:
    await province.log_in()
    province.system, province.secret = system, secret

    answer = await province.get("getAgenciesList")

    assert (answer.status_code, await province.code(answer)) == (200, 15)


async def test_a_system_that_may_not_use_this_face_is_refused(province: Province) -> None:
    await province.log_in()
    province.system = "sdk"

    assert await province.code(await province.get("getAgenciesList")) == 104


async def test_guessing_passwords_is_limited_by_name_and_by_address(province: Province) -> None:
    wrong = [(await province.log_in(password="sai")).status_code for _ in range(6)]
    right_too_late = await province.log_in()
    province.clock.now += timedelta(minutes=16)
    later = await province.log_in()
    unknown = [(await province.log_in(f"ai-{n}", "sai")).status_code for n in range(10)]

    assert wrong == [401] * 5 + [429]
    assert (right_too_late.status_code, await province.code(right_too_late)) == (429, 103)
    assert later.status_code == 200
    assert unknown[-1] == 429, "one address, many names"


async def test_behind_a_proxy_on_the_machine_guesses_count_for_whom_it_speaks(province: Province) -> None:
    app = province.client._transport.app
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 40000))
    said = {"username": "langson", "password": "sai"}

    async def guess(address: str, password: str = "sai") -> int:
        headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            body = {**said, "password": password}
            return (await client.post("/v1/auth/login", json=body, headers=headers)).status_code

    stranger = [await guess("10.0.0.66") for _ in range(6)]
    clerk = await guess("10.0.0.7", PASSWORD)

    assert (stranger[-1], clerk) == (429, 200)


async def test_who_logs_in_often_and_rightly_is_not_held_up(province: Province) -> None:
    answers = [(await province.log_in()).status_code for _ in range(30)]

    assert answers == [200] * 30


async def test_a_wrong_name_and_a_wrong_password_look_the_same(province: Province) -> None:
    name, word = await province.log_in("ai đó"), await province.log_in(password="sai")

    assert (name.status_code, name.content) == (word.status_code, word.content)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"not XML", 22),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', 22),
        (a_letter(LANGSON, "H77"), 18),
        (a_letter(LANGSON, "H22"), 23),
        (a_letter(NGHEAN, LANGSON), 19),
        (b"", 22),
    ],
    ids=["no xml", "doctype", "unknown recipient", "closed recipient", "foreign sender", "empty"],
)
async def test_a_file_that_cannot_be_sent_is_refused_with_the_interfaces_code(
    province: Province, file: bytes, code: int
) -> None:
    await province.log_in()

    answer = await province.send(file)

    assert (answer.status_code, await province.code(answer)) == (200, code)
    assert province.gateway.packets == {}


async def test_a_broken_form_is_an_invalid_file(province: Province) -> None:
    await province.log_in()
    url, head = "/v1/sendEdoc", {**province.headers, "Content-Type": "multipart/form-data; boundary=x"}
    broken = await province.client.post(url, content=b"--x\r\nContent-Disposition", headers=head)
    no_file = await province.send(a_letter(), name="other")
    no_form = await province.post("sendEdoc", {"edocFile": "x"})
    no_kind = await province.send(a_letter(), "văn bản")

    assert [await province.code(each) for each in (broken, no_file, no_form)] == [10, 10, 10]
    assert await province.code(no_kind) == 105


async def test_what_is_not_a_systems_does_not_exist_for_it(province: Province) -> None:
    await province.log_in("admin")
    sent = (await province.send(a_letter())).json()

    fetched = await province.get("getEdoc", docId=sent["docId"])
    reported = await province.post("updateStatus", {"docId": sent["docId"], "status": "done"})

    assert [(each.status_code, await province.code(each)) for each in (fetched, reported)] == [(404, 106)] * 2


async def test_a_file_too_large_for_one_piece_of_json_is_refused_before_it_is_read(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    await province.log_in("admin")
    sent = (await province.send(a_letter())).json()
    province.system = "h41"
    monkeypatch.setattr("adapters.vxp.provincial.packets.LARGEST_FILE", 100)

    answer = await province.get("getEdoc", docId=sent["docId"])

    assert (answer.status_code, await province.code(answer)) == (413, 10)


async def test_agencies_are_listed_and_packed_for_who_can_unpack(province: Province) -> None:
    await province.log_in()

    packed = await province.get("getAgenciesList")
    province.more = {"Accept-Encoding": "identity"}
    plain = await province.get("getAgenciesList")

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert (plain.json()["count"], [each["code"] for each in plain.json()["data"]]) == (2, [LANGSON, NGHEAN])


async def test_only_an_administrator_applies_for_agencies(province: Province) -> None:
    wanted = {"code": "H37.10", "name": "Trung tâm", "pcode": LANGSON}
    await province.log_in()
    clerk = await province.post("registerAgency", wanted)
    await province.log_in("admin")
    admin = await province.post("registerAgency", wanted)
    foreign = await province.post("registerAgency", {**wanted, "code": "H41.10", "pcode": "H41"})

    assert (clerk.status_code, await province.code(clerk)) == (403, 104)
    assert admin.json()["success"] is True
    assert await province.code(foreign) == 19


async def test_only_files_may_be_large(province: Province) -> None:
    large = await province.client.post("/v1/auth/login", content=b'"' + b"x" * 70_000 + b'"')

    assert (large.status_code, await province.code(large)) == (413, 10)


async def test_what_there_is_not_is_said_in_the_faces_own_words(province: Province) -> None:
    unknown = await province.client.get("/v1/unknown")
    method = await province.client.get("/v1/auth/login")

    assert [(each.status_code, await province.code(each)) for each in (unknown, method)] == [
        (404, 107),
        (405, 107),
    ]


def test_every_reason_has_its_number() -> None:
    assert set(NUMBERS) == set(Reason)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"users": []}, "users"),
        ({"users": [{"username": "a", "password": "plain", "systems": ["x"]}]}, "argon2"),
        (
            {"users": [{"username": "a", "password": HASHER.hash("x"), "systems": ["x"]}] * 2},
            "stands there twice",
        ),
    ],
    ids=["nobody", "no hash", "twice"],
)
def test_settings_that_cannot_work_are_refused(table: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        read_provincial(table, tmp_path)

    assert "plain" not in str(refused.value)


def test_the_key_of_tokens_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    table = {"users": [{"username": "a", "password": HASHER.hash("x"), "systems": ["x"]}]}

    first, second = read_provincial(table, tmp_path), read_provincial(table, tmp_path)

    assert first is not None
    assert second is not None
    assert first.key == second.key
    assert (tmp_path / "provincial.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "provincial.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="ours alone"):
        read_provincial(table, tmp_path)
