"""An agency whose software only speaks HTTP sends, receives and reports through the real hub."""

import base64
import hashlib
import json
from uuid import uuid4

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from tests.acceptance.speaking import a_letter, report
from tests.integration.webhook.conftest import Adapters
from tests.support.hook_endpoint import HookEndpoint, Said, said
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

PDF = b"%PDF-1.4\n" + b"x" * 2_000
Two = tuple[LocalAgency, LocalAgency]


def metadata(sender: LocalAgency, *to: LocalAgency, **more: object) -> str:
    return json.dumps(
        {
            "from": sender.code,
            "to": [each.code for each in to],
            "number": "12/TB-VP",
            "date": "2026-11-20",
            "subject": "V/v thử nghiệm webhook",
            "signer": "Trần Thị Thử",
            **more,
        }
    )


async def test_a_delivery_is_posted_signed_and_what_is_answered_is_what_the_sender_is_told(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    answers = iter([Said(), said(status="03", description="Số 7"), said(409, reason="Không đúng nơi nhận")])
    endpoint.answer = lambda asked: next(answers) if asked.kind == "document.delivered" else Said()
    async with RawAgency.open(ministry) as raw:
        adapter = await (await adapters(office, endpoint).start()).ready()
        letters = [a_letter(ministry, office).unsigned() for _ in range(3)]
        for letter in letters:
            await raw.submit_signed(letter)
        statuses = await raw.arrival("status", 3)

    assert endpoint.unverified == []
    assert [status_code(each.body) for each in statuses] == ["01", "03", "02"]
    assert b"Kh\xc3\xb4ng \xc4\x91\xc3\xbang n\xc6\xa1i nh\xe1\xba\xadn" in statuses[2].body
    assert len({each.identity for each in endpoint.documents}) == 3
    assert adapter.lines("document.refused")


async def test_what_is_posted_holds_the_evidence_and_leads_to_the_attachments(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    async with RawAgency.open(ministry) as raw:
        adapter = await (await adapters(office, endpoint, enclose_octets=100_000).start()).ready()
        await raw.submit_signed(
            a_letter(ministry, office).without_attachments().with_attachment("bao-cao.pdf", PDF).unsigned()
        )
        (asked,) = await until(lambda: endpoint.documents, what=adapter.story)
    data = asked.data
    envelope, attachment = data["envelope"], data["attachments"][0]
    async with adapter.client() as program:
        body = await program.get(envelope["url"])
        part = await program.get(attachment["url"], headers={"Range": "bytes=0-7"})
        whole = await program.get(attachment["url"])
        about = await program.get(f"/v1/deliveries/{data['delivery_id']}")
        stranger = await program.get(envelope["url"], headers={"Authorization": "Bearer none"})

    assert asked.identity == data["delivery_id"]
    assert hashlib.sha256(body.content).hexdigest() == envelope["sha256"]
    assert base64.b64decode(envelope["content"]) == body.content
    assert (part.status_code, part.content) == (206, PDF[:8])
    assert whole.content == PDF
    assert hashlib.sha256(whole.content).hexdigest() == attachment["sha256"]
    assert about.json()["envelope"] == {**envelope, "content": None}
    assert stranger.status_code == 401


async def test_a_large_envelope_is_fetched_and_not_enclosed(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    async with RawAgency.open(ministry) as raw:
        adapter = await (await adapters(office, endpoint, enclose_octets=1_000).start()).ready()
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        (asked,) = await until(lambda: endpoint.documents, what=adapter.story)

    assert asked.data["envelope"]["content"] is None
    assert len(asked.body) < asked.data["envelope"]["octets"]


async def test_an_endpoint_that_is_down_for_a_while_gets_the_documents_of_a_lane_in_their_order(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    answers = iter([Said(status=503), Said(hangs_up=True), Said(status=302), Said(status=422)])
    endpoint.answer = lambda asked: next(answers, Said())
    async with RawAgency.open(ministry) as raw:
        adapter = await (await adapters(office, endpoint).start()).ready()
        letters = [a_letter(ministry, office) for _ in range(3)]
        for letter in letters:
            await raw.submit_signed(letter.unsigned())
        await raw.arrival("status", 3)

    posted = [(each.identity, each.data["lane_number"]) for each in endpoint.documents]
    assert [number for _, number in posted] == [1] * 5 + [2, 3]
    assert len({identity for identity, _ in posted}) == 3
    assert len({each.body for each in endpoint.documents}) == 3
    assert len(adapter.lines("document.postponed")) == 4


async def test_an_endpoint_that_stays_down_gives_the_document_back_to_the_axis_which_offers_it_again(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    endpoint.answer = lambda asked: Said(status=500) if len(endpoint.documents) < 3 else Said()
    async with RawAgency.open(ministry) as raw:
        adapter = await (await adapters(office, endpoint, patience_seconds=0).start()).ready()
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        (status,) = await raw.arrival("status", 1)

    assert status_code(status.body) == "01"
    assert len(endpoint.documents) == 3
    assert len({each.identity for each in endpoint.documents}) == 1
    assert [line["reason"] for line in adapter.lines("delivery.rejected")] == ["the endpoint answers 500"] * 2


async def test_files_with_metadata_are_sent_once_for_each_key(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = await (await adapters(office, endpoint).start()).ready()
    form = {"data": {"metadata": metadata(office, ministry)}, "files": {"file": ("bao cao.pdf", PDF)}}
    async with RawAgency.open(ministry) as raw, adapter.client() as program:
        first = await program.post("/v1/documents", headers={"Idempotency-Key": "k1"}, **form)
        again = await program.post("/v1/documents", headers={"Idempotency-Key": "k1"}, **form)
        other = await program.post("/v1/documents", headers={"Idempotency-Key": "k2"}, **form)
        arrived = await raw.arrival("document", 2)
        await until(lambda: len(endpoint.of_kind("receipt.issued")) == 4, what=adapter.story)
        looked = (await program.get(first.headers["Location"])).json()

    assert first.json() == again.json() != other.json()
    assert {each.status_code for each in (first, again, other)} == {202}
    assert len(arrived) == 2
    assert base64.b64encode(PDF)[:200] in b"".join(arrived[0].body.split())
    assert looked["state"] == "accepted"
    events = [each["event"] for each in looked["receipts"]]
    assert events == ["SubmissionAcceptance", "ContentConsignment"]
    told = [each.data for each in endpoint.of_kind("receipt.issued")]
    mine = [each for each in told if each["submission"] == first.json()["submission"]]
    assert sorted(each["event"] for each in mine) == sorted(events)
    (acceptance,) = [each for each in mine if each["event"] == "SubmissionAcceptance"]
    assert b"SubmissionAcceptance" in base64.b64decode(acceptance["envelope"]["content"])


async def test_an_event_that_the_endpoint_does_not_take_is_told_later_and_before_those_after_it(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    answers = iter([Said(status=500), Said(status=404)])
    endpoint.answer = lambda asked: next(answers, Said())
    adapter = await (await adapters(office, endpoint).start()).ready()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/xml"}
    async with adapter.client() as program:
        letter = a_letter(office, ministry).unsigned()
        await program.post("/v1/documents", headers=headers, content=letter)
        await until(lambda: len(endpoint.of_kind("receipt.issued")) >= 4, what=adapter.story)

    events = [each.data["event"] for each in endpoint.of_kind("receipt.issued")]
    assert events[0] == events[1] == events[2] != events[3]  # which comes first is the axis's affair
    assert set(events) == {"SubmissionAcceptance", "ContentConsignment"}


async def test_what_recipients_report_is_told_to_the_endpoint_and_stands_with_the_document(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = await (await adapters(office, endpoint).start()).ready()
    async with RawAgency.open(ministry) as raw, adapter.client() as program:
        sent = await program.post(
            "/v1/documents",
            headers={"Idempotency-Key": str(uuid4())},
            data={"metadata": metadata(office, ministry)},
            files={"file": ("a.pdf", PDF)},
        )
        (document,) = await raw.arrival("document", 1)
        signed = await report(raw, document, StatusCode.ACCEPTED, by=ministry, sent_by=office)
        (told,) = await until(lambda: endpoint.of_kind("status.received"), what=adapter.story)
        looked = (await program.get(sent.headers["Location"])).json()

    assert told.data["submission"] == sent.json()["submission"]
    assert told.data["status"] == "03"
    assert base64.b64decode(told.data["envelope"]["content"]) == signed
    assert [(each["sender"], each["status"]) for each in looked["statuses"]] == [(ministry.code, "03")]


async def test_statuses_are_reported_once_and_documents_recalled(
    agencies: Two, adapters: Adapters, endpoint: HookEndpoint
) -> None:
    office, ministry = agencies
    adapter = await (await adapters(office, endpoint).start()).ready()
    async with RawAgency.open(ministry) as raw, adapter.client() as program:
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        (asked,) = await until(lambda: endpoint.documents, what=adapter.story)
        place = f"/v1/deliveries/{asked.identity}/statuses"
        registered = [await program.post(place, json={"status": "03"}) for _ in range(2)]
        await raw.arrival("status", 2)
        refused = await program.post(place, json={"status": "02"})
        unknown = await program.post(f"/v1/deliveries/{uuid4()}/statuses", json={"status": "03"})
        sent = await program.post(
            "/v1/documents",
            headers={"Idempotency-Key": "r", "Content-Type": "application/xml"},
            content=a_letter(office, ministry).unsigned(),
        )
        await until(lambda: len(endpoint.of_kind("receipt.issued")) >= 2, what=adapter.story)
        recalled = await program.post(f"{sent.headers['Location']}/recall", json={"reason": "Sai phụ lục"})
        statuses = await raw.arrival("status", 3)

    assert {each.status_code for each in registered} == {202}
    assert registered[0].json() == registered[1].json()
    assert (refused.status_code, refused.json()["code"]) == (422, "HOOK-4000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "HOOK-4004")
    assert recalled.status_code == 202
    assert [status_code(each.body) for each in statuses] == ["01", "03", "13"]


def status_code(body: bytes) -> str:
    return body.partition(b"StatusCode>")[2][:2].decode()
