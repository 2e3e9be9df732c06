"""Whoever calls in whatever way gets the interface's own answer; nothing that is secret shows in the logs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.kit import logs
from adapters.kit.broker import BrokerAddress
from adapters.kit.inspection import Trust
from adapters.kit.keyring import KeyRing
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings
from adapters.vxp.books import TABLES
from adapters.vxp.desk import Desk
from adapters.vxp.filing import Cabinet
from adapters.vxp.systems import Face, System, Systems
from adapters.vxp.uploads import Uploads
from adapters.vxp.xroad.application import XroadFace, application, xroad_routes
from adapters.vxp.xroad.documents import document_calls
from adapters.vxp.xroad.replies import refuse
from hub.message.identifiers import AgencyCode, MailboxName, digest_of
from hub.transport.http_serving import HttpTerms, serve
from tests.support.authority import agency_signing_key, session_anchors
from tests.support.envelopes import a_document
from tests.support.vxp_client import JavaSdk, form

SECRET = "bi-mat-cua-phan-mem"
OFFICE = System(systemid="qlvb", secret=SECRET, agency=AgencyCode("H41"))
FILE = a_document().from_("H41").to("H17").unsigned()
TERMS = HttpTerms(host="127.0.0.1", port=0, header_seconds=0.2, body_seconds=0.2, max_body_octets=200_000)
NOWHERE = "amqp://H41:x@127.0.0.1:1/axis"
"""What is sent waits in the journal: these tests end before the broker comes into it."""


@dataclass
class Living:
    port: int
    mailbox: Mailbox

    def sdk(self, *, systemid: str = "qlvb", secret: str = SECRET) -> JavaSdk:
        return JavaSdk(self.port, systemid=systemid, secret=secret)

    async def raw(self, *pieces: bytes) -> dict[str, str]:
        """Send *pieces* and return what the answer says."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
            answer = await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
        assert answer.startswith(b"HTTP/1.1 200 ")
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def submissions(self) -> int:
        count = "SELECT count(*) FROM outgoing"
        return await self.mailbox.journal.write(lambda connection: connection.execute(count).fetchone()[0])


@asynccontextmanager
async def living(folder: Path, *systems: System) -> AsyncIterator[Living]:
    own = MailboxName("H41")
    kit = KitSettings(
        broker=BrokerAddress(url=NOWHERE, mailbox=own),
        keys=KeyRing(own=agency_signing_key("H41")),
        trust=Trust(
            mailbox=own, agencies=session_anchors(), hub=session_anchors(), hub_certificates=frozenset()
        ),
        journal=folder / "journal",
        max_octets=100_000,
    )
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with Mailbox.open(kit, tables=TABLES) as mailbox:
        desk = Desk(
            mailbox,
            Cabinet(folder=folder / "documents"),
            lambda: Systems(systems or [OFFICE]),
            kept=timedelta(days=1),
            repeated_within=timedelta(days=1),
        )
        await desk.open()
        uploads = Uploads(folder=folder / "uploads", above=20_000)
        uploads.clear()
        face = XroadFace(
            desk,
            document_calls(desk, list_at_most=10),
            uploads=uploads,
            clock=lambda: datetime.now(UTC),
            skew=timedelta(minutes=15),
        )
        serving = asyncio.create_task(
            serve(
                application(xroad_routes(face)),
                TERMS,
                refuse=refuse,
                stop=stop,
                ready=lambda _host, port: ports.set_result(port),
            )
        )
        try:
            yield Living(await ports, mailbox)
        finally:
            stop.set()
            await serving


@pytest.fixture
async def face(tmp_path: Path) -> AsyncIterator[Living]:
    logs.configure()
    async with living(tmp_path) as made:
        yield made


@asynccontextmanager
async def open_sdk(sdk: JavaSdk) -> AsyncIterator[JavaSdk]:
    try:
        yield sdk
    finally:
        await sdk.close()


async def test_the_same_file_sent_again_has_one_effect_and_one_name(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answers = [await sdk.send_edoc(FILE, sender="H41", to=["H17"]) for _ in range(3)]

    assert {each["status"] for each in answers} == {"OK"}
    assert len({each["DocId"] for each in answers}) == 1
    assert await face.submissions() == 1


async def test_the_same_file_sent_at_once_has_one_effect_and_one_name(face: Living) -> None:
    sdks = [face.sdk() for _ in range(4)]

    answers = await asyncio.gather(*(each.send_edoc(FILE, sender="H41", to=["H17"]) for each in sdks))
    for each in sdks:
        await each.close()

    assert len({each["DocId"] for each in answers}) == 1
    assert await face.submissions() == 1


async def test_calls_bring_along_what_earlier_calls_said_over_one_connection(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        sent = await sdk.send_edoc(FILE, sender="H41", to=["H17"])
        (row,) = await sdk.get_sent_edoc_list(str(sent["DocId"]))

        assert await sdk.get_received_edoc_list() == []
        assert await sdk.count() == await sdk.count("countReceiveStatus", method="GET") == 0

    assert {"hash-file", "from", "to", "docId"} <= sdk.piled_up.keys()
    assert (row["toCode"], row["sendStatus"], row["receiveStatus"]) == ("H17", "initial", "initial")


async def test_what_became_of_a_packet_is_told_for_all_of_its_recipients(face: Living) -> None:
    recipients = [f"H17.{number:02}" for number in range(40)]
    letter = a_document().from_("H41").to(*recipients).unsigned()
    async with open_sdk(face.sdk()) as sdk:
        sent = await sdk.send_edoc(letter, sender="H41", to=recipients)
        rows = await sdk.get_sent_edoc_list(str(sent["DocId"]))

    assert [each["toCode"] for each in rows] == recipients


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"sender": "H42"}, "23"),
        ({"to": ["H18"]}, "32"),
        ({"messagetype": "status"}, "32"),
        ({"messagetype": "letter"}, "13"),
        ({"to": []}, "13"),
    ],
    ids=["foreign-agency", "other-recipient", "other-kind", "no-kind", "nobody"],
)
async def test_what_a_call_says_wrongly_is_told(face: Living, said: dict[str, object], code: str) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answer = await sdk.send_edoc(FILE, **({"sender": "H41", "to": ["H17"]} | said))

    assert (answer["status"], answer["ErrorCode"]) == ("FAIL", code)
    assert await face.submissions() == 0


@pytest.mark.parametrize(
    "said",
    [
        {"toDate": "9999/12/31"},
        {"fromDate": "0001/01/01"},
        {"fromDate": "0001/01/01", "toDate": "9999-12-31"},
    ],
    ids=["last", "first", "both"],
)
async def test_the_first_and_the_last_day_of_all_are_days(face: Living, said: dict[str, str]) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answer = json.loads(await sdk.call("getReceivedEdocList", said, method="POST"))

    assert (answer["status"], answer["data"]) == ("OK", [])


async def test_brackets_around_a_recipient_are_taken_off_however_many_there_are(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        said = {"from": "H41", "to": "[" * 5_000 + "H17", "servicetype": "eDoc", "messagetype": "edoc"}
        said["hash-file"] = digest_of(FILE).hex()
        answer = json.loads(await sdk.call("sendEdoc", said, body=FILE, method="POST"))

    assert answer["status"] == "OK"
    assert await face.submissions() == 1


async def test_a_foreign_agency_is_told_in_the_words_that_software_looks_for(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answer = await sdk.send_edoc(FILE, sender="H42", to=["H17"])

    assert "Don vi gui H42 khong dung voi ma da dang ky: H41" in str(answer["ErrorDesc"])


@pytest.mark.parametrize(("systemid", "secret"), [("qlvb", "wrong-secret"), ("stranger", SECRET)])
async def test_a_stranger_is_told_no_more_than_that_and_the_log_no_secret(
    face: Living, systemid: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_sdk(face.sdk(systemid=systemid, secret=secret)) as sdk:
        answer = await sdk.send_edoc(FILE, sender="H41", to=["H17"])
        again = await sdk.get_edoc("1")

    logged = capsys.readouterr().out
    assert answer["ErrorCode"] == again["ErrorCode"] == "20"
    assert "wrong-credentials" in logged
    assert systemid in logged
    assert not [each for each in (SECRET, secret, "Xroad", "<edXML") if each in logged]


@pytest.mark.parametrize("doc_id", ["unknown", "../../../etc/passwd", "%2e%2e%2f"])
@pytest.mark.parametrize("call", ["get_edoc", "update_status"])
async def test_what_is_not_there_is_told(face: Living, call: str, doc_id: str) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answer = await (sdk.get_edoc(doc_id) if call == "get_edoc" else sdk.update_status(doc_id, "done"))

    assert answer["ErrorCode"] == "40"


async def test_a_status_of_the_systems_own_making_is_refused(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        answer = await sdk.update_status("1", "initial")

    assert answer["ErrorCode"] == "13"


async def test_a_broken_form_and_another_hash_are_told(face: Living) -> None:
    body, content_type = form(FILE, is_whole=False)
    said = {"messagetype": "edoc", "from": "H41", "to": '["H17"]', "hash-file": "0" * 64}
    async with open_sdk(face.sdk()) as sdk:
        broken = json.loads(await sdk.call("sendEdoc", said, body=body, content_type=content_type))
        other = json.loads(await sdk.call("sendEdoc", said, body=FILE))

    assert (broken["ErrorCode"], other["ErrorCode"]) == ("11", "30")


async def test_a_file_that_is_too_large_is_told_wherever_it_is_noticed(face: Living) -> None:
    async with open_sdk(face.sdk()) as sdk:
        by_the_mailbox = await sdk.send_edoc(
            a_document().from_("H41").to("H17").of_size(150_000).unsigned(), sender="H41", to=["H17"]
        )
        said = {"messagetype": "edoc", "from": "H41", "to": '["H17"]', "hash-file": "0" * 64}
        by_the_server = json.loads(await sdk.call("sendEdoc", said, body=b"x" * 300_000))

    assert by_the_mailbox["ErrorCode"] == by_the_server["ErrorCode"] == "14"


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([b"POST /getEdoc HTTP/1.1\r\nHost: a\r\nXroadVnpt-systemid: q"], "15"),
        ([b"POST /getEdoc HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"{"], "15"),
        ([b"\x16\x03\x01\r\n\r\n"], "11"),
        ([b"GET /getEdoc HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000], "11"),
        ([b"GET /noSuchCall HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "10"),
        ([b"GET /a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "10"),
        ([b"PUT /getEdoc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "10"),
        ([b"GET /getEdoc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], "20"),
    ],
    ids=["slow-header", "slow-body", "no-http", "large-header", "no-call", "long-path", "method", "nobody"],
)
async def test_what_never_gets_to_a_call_is_answered_too(
    face: Living, pieces: list[bytes], code: str
) -> None:
    assert (await face.raw(*pieces))["ErrorCode"] == code


async def test_a_system_has_its_share_of_calls_and_no_other_suffers(tmp_path: Path) -> None:
    busy = replace(OFFICE, requests_per_minute=2)
    other = System(systemid="other", secret="another-secret", agency=AgencyCode("H17"))
    async with living(tmp_path, busy, other) as face, open_sdk(face.sdk()) as sdk:
        answers = [await sdk.get_edoc("1") for _ in range(3)]
        async with open_sdk(face.sdk(systemid="other", secret="another-secret")) as second:
            theirs = await second.get_edoc("1")

    assert [each["ErrorCode"] for each in answers] == ["40", "40", "3"]
    assert theirs["ErrorCode"] == "40"


async def test_a_system_of_another_face_is_turned_away(tmp_path: Path) -> None:
    async with (
        living(tmp_path, replace(OFFICE, faces=frozenset({Face.PROVINCIAL}))) as face,
        open_sdk(face.sdk()) as sdk,
    ):
        answer = await sdk.get_edoc("1")

    assert answer["ErrorCode"] == "22"
