"""Software of the vendors, with nothing changed but its endpoint address, exchanges through a real hub."""

import base64
import re

from hub.commands.local_axis import LocalAgency
from hub.message.edxml import StatusCode
from tests.acceptance.speaking import a_letter
from tests.integration.vxp.conftest import Gateways
from tests.support.envelopes import a_status
from tests.support.waiting import until


async def test_two_systems_exchange_a_document_and_its_statuses(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, ministry = agencies
    here, there = await gateways(office).start(), await gateways(ministry).start()
    java, dotnet = here.java(), there.dotnet()
    file = a_letter(office, ministry).unsigned()

    sent = await java.send_edoc(file, sender=office.code, to=[ministry.code])
    assert sent["status"] == "OK", sent
    (row,) = await until(dotnet.get_received_edoc_list, what=there.story)
    fetched = base64.b64decode(str((await dotnet.get_edoc(row["docId"]))["data"]))
    downloaded = await dotnet.download_edoc(row["docId"])
    await dotnet.update_status(row["docId"], "processing")
    assert [each["status"] for each in await dotnet.get_received_edoc_list()] == ["processing"]
    await dotnet.update_status(row["docId"], "done")
    assert await dotnet.get_received_edoc_list() == []
    accepted = a_status().from_(ministry.code).for_(document_id_in(fetched), sent_by=office.code)
    told = await dotnet.send_edoc(
        accepted.saying(StatusCode.ACCEPTED, "Đã vào sổ").unsigned(),
        sender=ministry.code,
        to=[office.code],
        messagetype="status",
    )
    assert told["status"] == "OK", told
    statuses = await until(lambda: _listed(java, "status", 2), what=here.story)
    (followed,) = await until(lambda: _followed(java, str(sent["DocId"]), "03"), what=here.story)

    assert downloaded == fetched
    assert f"system={here.systemid};".encode() in fetched
    assert {each["from"] for each in statuses} == {ministry.code}
    assert followed["sendStatus"] == followed["receiveStatus"] == "done"
    assert followed["receiverDocId"] == row["docId"]
    assert await java.count("countReceiveStatus", method="GET") == 2


def document_id_in(file: bytes) -> str:
    found = re.search(rb"<edXML:DocumentId>([^<]+)</edXML:DocumentId>|<DocumentId>([^<]+)</DocumentId>", file)
    assert found is not None
    return (found[1] or found[2]).decode()


async def _listed(sdk: object, kind: str, count: int) -> list[dict[str, str]]:
    found = await sdk.get_received_edoc_list(kind)
    return found if len(found) >= count else []


async def _followed(sdk: object, doc_id: str, says: str) -> list[dict[str, str]]:
    return [each for each in await sdk.get_sent_edoc_list(doc_id) if says in each["receiveStatusDesc"]]
