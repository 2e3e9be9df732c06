"""Software of the vendors, with nothing changed but its endpoint address, exchanges through a real hub.

The gateway is killed between each pair of its effects: nothing is lost and nothing doubled.
"""

import asyncio
import base64
import hashlib
import random
import re
from collections import Counter
from collections.abc import Awaitable
from functools import partial

import pytest

from hub.commands.local_axis import LocalAgency, NewAgency
from hub.message.edxml import XMLDSIG_NAMESPACE, StatusCode
from tests.acceptance.speaking import a_letter
from tests.integration.vxp.conftest import Gateways
from tests.support.axis import new_agency
from tests.support.bodies_process import bodies_process
from tests.support.envelopes import a_status
from tests.support.raw_agency import RawAgency
from tests.support.served import Served
from tests.support.vxp_client import JavaSdk
from tests.support.vxp_gateway import SECRET, VxpGateway
from tests.support.waiting import until

_DUMMY = (
    "<{name}><SignedInfo>"
    '<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>'
    '<SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"/>'
    '<Reference URI=""/></SignedInfo>'
    "<SignatureValue>GbVb8n9+qFxz</SignatureValue><KeyInfo><X509Data><X509SubjectName>CN=user05"
    "</X509SubjectName><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo></Signature>"
)
SENDING = ["after-planned-before-journal", "after-journal-before-mark", "after-mark-before-answer"]
REPORTING = ["after-reported-before-mark", "after-done-before-answer"]
GONE = (asyncio.IncompleteReadError, ConnectionError)
"""What software sees of a gateway that dies."""
FLAT = 32 * 1024 * 1024
"""What a gateway may need beside itself, however large a document is: a skeleton, pieces, buffers."""
PLACEHOLDERS = [
    "",
    _DUMMY.format(name="Signature"),
    _DUMMY.format(name=f'Signature xmlns="{XMLDSIG_NAMESPACE}"'),
    "<edXML:DigitalSignature/>",
]
"""What stands in the place of a signature: nothing, the samples' dummy, newer software's, and .NET's."""


async def test_two_systems_exchange_a_document_and_its_statuses(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, ministry = agencies
    here, there = await asyncio.gather(gateways(office).start(), gateways(ministry).start())
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


async def _listed(sdk: JavaSdk, kind: str, count: int) -> list[dict[str, str]]:
    found = await sdk.get_received_edoc_list(kind)
    return found if len(found) >= count else []


async def _followed(sdk: JavaSdk, doc_id: str, says: str) -> list[dict[str, str]]:
    return [each for each in await sdk.get_sent_edoc_list(doc_id) if says in each["receiveStatusDesc"]]


async def test_one_gateway_serves_many_units_each_of_which_sees_its_own(
    served: Served, gateways: Gateways
) -> None:
    (province,) = await served.town.add(new_agency())
    first, second, third = await served.town.add(
        *(
            NewAgency(
                code=f"{province.code}.{number:02}", name="Sở", parent=province.code, is_connected=False
            )
            for number in range(1, 4)
        )
    )
    (province,) = (await served.town.axis.agency(province.code),)
    systems: list[dict[str, object]] = [
        {"systemid": "tinh", "secret": SECRET, "agency": province.code, "with_subordinates": True},
        {"systemid": "so-1", "secret": SECRET, "agency": first.code},
        {"systemid": "so-2", "secret": SECRET, "agency": second.code, "acknowledges_itself": True},
    ]
    gateway = await gateways(province, systems=systems).start()
    one, two, whole = (gateway.java(name) for name in ("so-1", "so-2", "tinh"))

    letter = a_letter(first, second, third).unsigned()
    sent = await one.send_edoc(letter, sender=first.code, to=[second.code, third.code])
    foreign = await two.send_edoc(letter, sender=first.code, to=[second.code, third.code])
    (at_two,) = await until(two.get_received_edoc_list, what=gateway.story)
    (at_three,) = await until(whole.get_received_edoc_list, what=gateway.story)
    taken = await whole.get_edoc(at_two["docId"])
    await two.update_status(at_two["docId"], "done")
    await whole.update_status(at_three["docId"], "fail")
    (refused,) = await until(lambda: _listed(one, "status", 1), what=gateway.story)
    rows = {each["toCode"]: each for each in await one.get_sent_edoc_list(str(sent["DocId"]))}

    assert foreign["ErrorCode"] == "23"
    assert taken["ErrorCode"] == "40"
    assert (at_two["to"], at_three["to"]) == (second.code, third.code)
    assert b"StatusCode>02<" in base64.b64decode(str((await one.get_edoc(refused["docId"]))["data"]))
    assert rows[third.code]["receiveStatus"] == "fail"
    assert rows[second.code]["receiveStatus"] == "initial"


async def test_messages_as_the_vendors_write_them_are_signed_and_accepted(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, ministry = agencies
    here = await gateways(office).start()
    java = here.java()
    letters = [vendors(a_letter(office, ministry).unsigned(), placeholder) for placeholder in PLACEHOLDERS]

    async with RawAgency.open(ministry) as raw:
        for each in letters:
            sent = await java.send_edoc(each, sender=office.code, to=[ministry.code])
            assert sent["status"] == "OK", sent
        arrived = await raw.arrival("document", len(letters))

    handed_over = [re.search(rb"received-sha256=([0-9a-f]+)", each.body) for each in arrived]
    assert [each[1].decode() for each in handed_over if each] == [
        hashlib.sha256(each).hexdigest() for each in letters
    ]
    assert all(b"user05" not in each.body for each in arrived)


@pytest.mark.parametrize(
    "megabytes", [6, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
async def test_a_large_document_passes_through_and_memory_stays_flat(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways, served: Served, megabytes: int
) -> None:
    office, ministry = agencies
    limit = {"max_body_octets": 2 * megabytes * 1_000_000}
    here, there = await asyncio.gather(gateways(office, **limit).start(), gateways(ministry, **limit).start())
    java, dotnet = here.java(), there.java()
    drawing = b"%PDF-1.7\n" + random.Random(7).randbytes(megabytes * 750_000)
    letter = (
        a_letter(office, ministry).without_attachments().with_attachment("ban-ve.pdf", drawing).unsigned()
    )
    before = [here.peak, there.peak]

    with bodies_process(served.town.axis.settings_file, served.town.folder) as bodies:
        await bodies.start()
        sent = await java.send_edoc(letter, sender=office.code, to=[ministry.code])
        assert sent["status"] == "OK", sent
        (row,) = await until(dotnet.get_received_edoc_list, what=there.story, seconds=300)
        fetched = await dotnet.download_edoc(row["docId"])
        decoded = base64.b64decode(str((await dotnet.get_edoc(row["docId"]))["data"]))

    assert fetched == decoded
    assert row["contentSha256"] == hashlib.sha256(fetched).hexdigest()
    assert hashlib.sha256(letter).hexdigest().encode() in fetched
    assert base64.b64encode(drawing) in fetched
    assert list((here.home / "documents" / "uploads").iterdir()) == []
    grown = [after - then for after, then in zip([here.peak, there.peak], before, strict=True)]
    assert max(grown) < FLAT, grown


async def test_what_the_axis_refuses_is_told_and_may_be_sent_anew(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, _ = agencies
    here = await gateways(office).start()
    java = here.java()
    letter = a_letter(office).to("Z99.98.97").unsigned()

    sent = await java.send_edoc(letter, sender=office.code, to=["Z99.98.97"])
    (row,) = await until(lambda: _decided(java, str(sent["DocId"])), what=here.story)
    again = await java.send_edoc(letter, sender=office.code, to=["Z99.98.97"])

    assert row["sendStatus"] == "fail"
    assert "HUB-6001" in row["sendStatusDesc"]
    assert again["status"] == "OK"
    assert again["DocId"] != sent["DocId"]


async def test_systems_that_are_added_may_call_and_mistakes_change_nothing(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, _ = agencies
    here = await gateways(office).start()
    java, new = here.java(), here.java("moi")
    added = f'[[systems]]\nsystemid = "moi"\nsecret = "{SECRET}"\nagency = "{office.code}.99"\n'

    before = await new.get_edoc("1")
    whole = here.settings.read_text("utf-8")
    here.settings.write_text(f"{whole}\n{added}", "utf-8")
    here.hang_up()
    await until(lambda: here.lines("settings.reloaded"), what=here.story)
    after = await new.get_edoc("1")
    here.settings.write_text(f"{whole}\n{added}{added}", "utf-8")
    here.hang_up()
    (refused,) = await until(lambda: here.lines("settings.refused"), what=here.story)

    assert (before["ErrorCode"], after["ErrorCode"]) == ("20", "40")
    assert "moi" in str(refused["reason"])
    assert SECRET not in here.story(whole=True)
    assert (await new.get_edoc("1"))["ErrorCode"] == (await java.get_edoc("1"))["ErrorCode"] == "40"


def vendors(file: bytes, placeholder: str) -> bytes:
    """Return *file* with the signature that a vendor's software writes where it cannot sign."""
    end = b"</edXML:edXMLHeader>"
    assert end in file
    return file.replace(end, placeholder.encode() + end)


async def _decided(sdk: JavaSdk, doc_id: str) -> list[dict[str, str]]:
    return [each for each in await sdk.get_sent_edoc_list(doc_id) if each["sendStatus"] != "initial"]


async def left_alone(call: Awaitable[object]) -> None:
    """Make a call that nobody answers, as its software sees it."""
    try:
        answer = await call
    except GONE:
        return
    raise AssertionError(f"it was answered: {answer}")


async def crashing(gateway: VxpGateway, point: str) -> JavaSdk:
    await gateway.start(crash_at=point)
    return gateway.java()


async def test_what_software_sends_again_goes_out_once_wherever_the_gateway_dies(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, ministry = agencies
    gateway = gateways(office)
    letters = [a_letter(office, ministry).unsigned() for _ in SENDING]
    async with RawAgency.open(ministry) as raw:
        for point, letter in zip(SENDING, letters, strict=True):
            sdk = await crashing(gateway, point)
            await left_alone(sdk.send_edoc(letter, sender=office.code, to=[ministry.code]))
            await gateway.crashed()
        await gateway.start()
        sdk = gateway.java()
        names = [
            (await sdk.send_edoc(each, sender=office.code, to=[ministry.code]))["DocId"] for each in letters
        ]
        arrived = await raw.arrival("document", len(letters))
        rows = [
            row for name in names for row in await until(partial(taken, sdk, str(name)), what=gateway.story)
        ]
        await gateway.stop()

    assert set(Counter(each.document_id for each in arrived).values()) == {1}
    assert {each["receiverDocId"] for each in rows} == {each.delivery_id for each in arrived}


async def taken(sdk: JavaSdk, doc_id: str) -> list[dict[str, str]]:
    return [each for each in await sdk.get_sent_edoc_list(doc_id) if each["sendStatus"] == "done"]


async def test_what_comes_is_fetched_and_reported_once_wherever_the_gateway_dies(
    agencies: tuple[LocalAgency, LocalAgency], gateways: Gateways
) -> None:
    office, ministry = agencies
    gateway = gateways(office)
    async with RawAgency.open(ministry) as raw:
        await raw.submit_signed(a_letter(ministry, office).unsigned())
        await gateway.start(crash_at="after-filed-before-commit")
        await gateway.crashed()
        for point in REPORTING:
            sdk = await crashing(gateway, point)
            (row,) = await until(sdk.get_received_edoc_list, what=gateway.story)
            await left_alone(sdk.update_status(row["docId"], "done"))
            await gateway.crashed()
        await gateway.start()
        sdk = gateway.java()
        assert await sdk.get_received_edoc_list() == []
        assert (await sdk.update_status(row["docId"], "done"))["status"] == "OK"
        statuses = await raw.arrival("status", 1)
        await gateway.stop()

    assert len(statuses) == 1
    assert b"StatusCode>01<" in statuses[0].body
