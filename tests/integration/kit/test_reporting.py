"""A verb for each status, the receiver's and the sender's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractIncomingMessage

from adapters.kit.delivery import Accepted, Answer, Delivery
from adapters.kit.error import UnfitDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.transaction import Transaction
from hub.message import properties
from hub.message.edxml import MessageKind, StatusCode, StatusHeader
from hub.message.edxml_reading import read_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyKey, DeliveryId, SubmissionId, digest_of
from hub.message.mandate_role import MandateRole
from hub.message.receipt import ReceiptEvent, ReceiptSubject
from hub.signature.profile import ENVELOPE
from hub.signature.verification import verify_signature
from tests.integration.kit.conftest import LGSP, SENDER, UNIT, Axis, a_draft, a_signed_document, settings_for
from tests.integration.kit.hub_twin import HubTwin, a_receipt
from tests.support.authority import agency_signing_key

FIRST, SECOND = DeliveryId(uuid4()), DeliveryId(uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    mailbox: Mailbox
    delivery_id: DeliveryId


@pytest.fixture
async def received(axis: Axis, hub: HubTwin, tmp_path: Path) -> AsyncIterator[Received]:
    """Receive a document, and answer nothing by itself."""
    arrived = asyncio.Event()

    async def take(_delivery: Delivery, _transaction: Transaction) -> Answer:
        arrived.set()
        return Accepted(statuses=())

    async with Mailbox.open(settings_for(axis, LGSP, tmp_path)) as mailbox, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mailbox.run(take))
        delivery_id = await hub.deliver(a_signed_document(), mailbox=LGSP, sender=SENDER)
        async with asyncio.timeout(30):
            await arrived.wait()
        yield Received(mailbox=mailbox, delivery_id=delivery_id)
        running.cancel()


@asynccontextmanager
async def sent_to(
    axis: Axis, hub: HubTwin, folder: Path, first: str, second: str
) -> AsyncIterator[tuple[Mailbox, SubmissionId]]:
    """Send a document to two, and let the axis accept it."""
    subjects = [
        ReceiptSubject(recipient=AgencyKey(code), delivery_id=name)
        for code, name in ((first, FIRST), (second, SECOND))
    ]
    async with Mailbox.open(settings_for(axis, SENDER, folder)) as mailbox, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mailbox.run(take_nothing))
        submission = await mailbox.send(a_draft(to=(first, second)))
        (message,) = await hub.until_submitted(1)
        receipt = a_receipt(SENDER, submission, message.body, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await hub.send_receipt(replace(receipt, subjects=tuple(subjects)), key=agency_signing_key("TRUC"))
        await mailbox.outcome(submission)
        yield mailbox, submission
        running.cancel()


async def take_nothing(*_: object) -> Answer:
    raise AssertionError("nothing was sent to this mailbox")


def read(message: AbstractIncomingMessage) -> StatusHeader:
    header = read_header(parse_hardened(message.body))
    assert isinstance(header, StatusHeader)
    return header


async def test_every_verb_of_a_recipient_is_its_status(received: Received, hub: HubTwin) -> None:
    mailbox, delivery_id = received.mailbox, received.delivery_id

    await mailbox.register(delivery_id)
    await mailbox.assign(delivery_id, "Phòng Tổng hợp")
    await mailbox.process(delivery_id)
    await mailbox.finish(delivery_id)
    await mailbox.agree(delivery_id)
    await mailbox.disagree(delivery_id, "đã xử lý xong")
    await mailbox.refuse(delivery_id, "gửi nhầm nơi nhận")

    sent = await hub.until_submitted(7)
    told = {read(each).status: read(each).description for each in sent}
    assert sorted(told) == ["02", "03", "04", "05", "06", "15", "16"]
    assert told[StatusCode.REFUSED] == "gửi nhầm nơi nhận"
    assert told[StatusCode.ASSIGNED] == "Phòng Tổng hợp"
    assert all(told.values()), "a status without words gets those of its code"
    assert {each.headers[properties.DELIVERY_ID] for each in sent} == {str(delivery_id)}


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1001], ids=["none", "blank", "too long"])
async def test_a_refusal_owes_a_reason(received: Received, hub: HubTwin, reason: str) -> None:
    with pytest.raises(UnfitDraft, match="a reason has 1 to 1000 characters"):
        await received.mailbox.refuse(received.delivery_id, reason)
    with pytest.raises(UnfitDraft, match="a reason has 1 to 1000 characters"):
        await received.mailbox.disagree(received.delivery_id, reason)

    assert hub.submitted == []


async def test_nothing_can_be_reported_about_what_never_came(received: Received) -> None:
    with pytest.raises(UnfitDraft, match="has received no document"):
        await received.mailbox.finish(DeliveryId(uuid4()))


async def test_a_report_may_have_a_name_and_a_role_of_its_own(received: Received, hub: HubTwin) -> None:
    role = MandateRole(system="VNPT.1", digest=digest_of(b"updateStatus"))
    name = SubmissionId("of-my-own")

    await received.mailbox.post_report(received.delivery_id, StatusCode.FINISHED, submission=name, role=role)

    (status,) = await hub.until_submitted(1)
    signed = verify_signature(parse_hardened(status.body), location=ENVELOPE)
    assert (status.correlation_id, signed.facts.mandate) == (name, role)


async def test_a_recall_asks_every_recipient_that_the_axis_accepted_it_for(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    async with sent_to(axis, hub, tmp_path, LGSP, UNIT) as (mailbox, submission):
        await mailbox.recall(submission, "sai phụ lục")

        recalls = await hub.until_submitted(2, kind=MessageKind.STATUS)
        told = {each.headers[properties.DELIVERY_ID]: read(each) for each in recalls}
        assert {name: header.original_sender for name, header in told.items()} == {
            str(FIRST): LGSP,
            str(SECOND): UNIT,
        }
        assert {(each.sender, each.status, each.description) for each in told.values()} == {
            (SENDER, StatusCode.RECALL_REQUESTED, "sai phụ lục")
        }
        header = await mailbox.sent_header(submission)
        assert {each.document_id for each in told.values()} == {header.document_id}


async def test_a_recall_asks_the_recipients_it_is_told_to(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    async with sent_to(axis, hub, tmp_path, LGSP, UNIT) as (mailbox, submission):
        await mailbox.recall(submission, "gửi nhầm", recipients=[f"000.00.00.{LGSP}"])

        (recall,) = await hub.until_submitted(1, kind=MessageKind.STATUS)
        assert recall.headers[properties.DELIVERY_ID] == str(FIRST)
        with pytest.raises(UnfitDraft, match="for H99"):
            await mailbox.recall(submission, "gửi nhầm", recipients=[LGSP, "H99"])
        assert len(hub.submitted) == 2


async def test_what_was_not_accepted_cannot_be_recalled_yet(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox:
        submission = await mailbox.send(a_draft())

        with pytest.raises(UnfitDraft, match="has not accepted"):
            await mailbox.recall(submission, "gửi nhầm")
        with pytest.raises(UnfitDraft, match="has sent no document"):
            await mailbox.recall(SubmissionId("another"), "gửi nhầm")
