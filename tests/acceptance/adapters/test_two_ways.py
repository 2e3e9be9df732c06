"""Agencies that are connected in different ways exchange documents and statuses through the real hub."""

import base64
import hashlib
import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from adapters.kit.settings import read_settings
from hub.commands.demonstration.office import Office
from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from hub.message.receipt import ReceiptEvent
from tests.acceptance.speaking import a_letter
from tests.support.envelopes import a_status
from tests.support.folder_adapter import PDF, FolderAdapter
from tests.support.hook_endpoint import Asked, HookEndpoint, Said, said
from tests.support.vxp_client import JavaSdk
from tests.support.vxp_gateway import VxpGateway
from tests.support.waiting import until
from tests.support.webhook_adapter import WebhookAdapter

FORM = {"number": "12/TB-VP", "date": "2026-11-20", "signer": "Trần Thị Thử"}


def read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def document_id_in(file: bytes) -> str:
    found = re.search(rb"<(?:\w+:)?DocumentId>([^<]+)<", file)
    assert found is not None
    return found[1].decode()


async def test_vendors_software_and_a_folder_exchange_documents_and_statuses(
    agencies: list[LocalAgency], ending: AsyncExitStack, tmp_path: Path
) -> None:
    gateway = VxpGateway(agencies[0], tmp_path / "vxp")
    folder = FolderAdapter(agencies[1], tmp_path / "folder")
    for each in (gateway, folder):
        ending.push_async_callback(each.stop)
        await each.start()
    java = gateway.java()

    await from_the_vendors_software_to_the_folder(gateway, java, folder)
    await from_the_folder_to_the_vendors_software(folder, gateway, java)


async def from_the_vendors_software_to_the_folder(
    gateway: VxpGateway, java: JavaSdk, folder: FolderAdapter
) -> None:
    ministry, province = gateway.agency, folder.agency
    letter = a_letter(ministry, province).unsigned()

    sent = await java.send_edoc(letter, sender=ministry.code, to=[province.code])
    (place,) = await until(folder.arrived, what=folder.story)
    (place / "03.txt").touch()
    followed = await until(lambda: _followed(java, str(sent["DocId"]), "03"), what=gateway.story)
    statuses = await until(lambda: _listed(java, "status", 2), what=gateway.story)

    signed = (place / "document.edxml").read_bytes()
    assert hashlib.sha256(letter).hexdigest().encode() in signed
    assert f"system={gateway.systemid};".encode() in signed
    assert [each["sendStatus"] for each in followed] == ["done"]
    assert {each["from"] for each in statuses} == {province.code}


async def from_the_folder_to_the_vendors_software(
    folder: FolderAdapter, gateway: VxpGateway, java: JavaSdk
) -> None:
    ministry, province = gateway.agency, folder.agency
    folder.drop_letter("bao-cao", ministry)

    (row,) = await until(java.get_received_edoc_list, what=gateway.story)
    fetched = base64.b64decode(str((await java.get_edoc(row["docId"]))["data"]))
    await java.update_status(row["docId"], "done")
    accepted = a_status().from_(ministry.code).for_(document_id_in(fetched), sent_by=province.code)
    told = await java.send_edoc(
        accepted.saying(StatusCode.ACCEPTED, "Vào sổ số 7").unsigned(),
        sender=ministry.code,
        to=[province.code],
        messagetype="status",
    )
    (outgoing,) = await until(folder.sent, what=folder.story)
    state = outgoing / "state.txt"
    await until(lambda: "Vào sổ số 7" in read(state), what=lambda: read(state) + folder.story())
    await until(lambda: len(list(outgoing.glob("statuses/*.edxml"))) == 2, what=folder.story)

    assert told["status"] == "OK"
    assert fetched == (outgoing / "document.edxml").read_bytes()
    assert base64.b64encode(PDF)[:200] in b"".join(fetched.split())
    assert f"{ministry.code}: 03" in read(state)


async def _followed(java: JavaSdk, doc_id: str, says: str) -> list[dict[str, str]]:
    return [each for each in await java.get_sent_edoc_list(doc_id) if says in each["receiveStatusDesc"]]


async def _listed(java: JavaSdk, kind: str, count: int) -> list[dict[str, str]]:
    found = await java.get_received_edoc_list(kind)
    return found if len(found) >= count else []


async def test_a_program_with_the_kit_and_a_webhook_exchange_documents_and_statuses(
    agencies: list[LocalAgency], ending: AsyncExitStack, tmp_path: Path
) -> None:
    ministry, province = agencies[2:]
    endpoint = await ending.enter_async_context(HookEndpoint.open())
    endpoint.answer = _registers
    adapter = WebhookAdapter(province, tmp_path / "webhook", endpoint.url)
    await ending.enter_async_context(adapter)
    await (await adapter.start()).ready()
    office = await ending.enter_async_context(Office.open("bộ", read_settings(ministry.kit_file)))

    await from_the_kit_to_the_endpoint(office, ministry, adapter, endpoint)
    await from_the_program_to_the_kit(adapter, endpoint, office, ministry)
    assert endpoint.unverified == []


async def from_the_kit_to_the_endpoint(
    office: Office, ministry: LocalAgency, adapter: WebhookAdapter, endpoint: HookEndpoint
) -> None:
    province = adapter.agency
    letter = a_letter(ministry, province)

    submission = await office.mailbox.send(letter.draft)
    (asked,) = await until(lambda: endpoint.documents, what=adapter.story)
    async with adapter.client() as program:
        said_later = {"status": "06", "description": "Đã trả lời"}
        finished = await program.post(f"/v1/deliveries/{asked.identity}/statuses", json=said_later)
    both = {(province.key, "03"), (province.key, "06")}
    await office.until("03 and 06", lambda: office.reports_about(letter.draft.document_id) >= both)
    handed_over = ReceiptEvent.CONTENT_HANDOVER
    await office.until("the handover", lambda: province.key in office.attested(submission, handed_over))

    envelope = asked.data["envelope"]
    assert isinstance(envelope, dict)
    assert document_id_in(base64.b64decode(envelope["content"])) == letter.draft.document_id
    assert finished.status_code == 202


async def from_the_program_to_the_kit(
    adapter: WebhookAdapter, endpoint: HookEndpoint, office: Office, ministry: LocalAgency
) -> None:
    form = {"data": {"metadata": _metadata(adapter.agency, ministry)}, "files": {"file": ("a.pdf", PDF)}}
    async with adapter.client() as program:
        sent = await program.post("/v1/documents", headers={"Idempotency-Key": str(uuid4())}, **form)
        (arrived,) = await until(lambda: office.documents, what=adapter.story)
        await office.mailbox.finish(arrived.delivery_id, "Xong")
        await until(lambda: _codes(endpoint) >= {"01", "06"}, what=adapter.story)
        looked = (await program.get(sent.headers["Location"])).json()

    assert [each.content for each in arrived.attachments] == [PDF]
    assert looked["state"] == "accepted"
    assert {each["event"] for each in looked["receipts"]} >= {"SubmissionAcceptance", "ContentHandover"}
    assert [each["status"] for each in looked["statuses"]] == ["01", "06"]


def _registers(asked: Asked) -> Said:
    return said(status="03", description="Số đến 7") if asked.kind == "document.delivered" else Said()


def _codes(endpoint: HookEndpoint) -> set[object]:
    return {each.data["status"] for each in endpoint.of_kind("status.received")}


def _metadata(sender: LocalAgency, *to: LocalAgency) -> str:
    parties = {"from": sender.code, "to": [each.code for each in to]}
    return json.dumps({**parties, **FORM, "subject": "V/v kết nối hai cách"})
