import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.kit.mailbox import Mailbox
from adapters.kit.outgoing import OutgoingState
from hub.errors import ConfigurationError, MalformedMessage
from hub.message.edxml import MessageKind
from hub.message.receipt import ReceiptEvent
from tests.integration.kit.conftest import LGSP, SENDER, Axis, a_draft, a_signed_document, settings_for
from tests.integration.kit.hub_twin import HubTwin, a_receipt
from tests.support.authority import agency_signing_key
from tests.support.waiting import until


async def accept_nothing(*_: object) -> None:
    raise AssertionError("nothing was sent to this mailbox")


async def test_a_document_reaches_the_intake_signed_and_vouched_for(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox:
        submission = await mailbox.send(a_draft())

        (message,) = await hub.until_submitted(1)
        assert (message.user_id, message.correlation_id, message.type) == (SENDER, submission, "document")
        assert b"SignatureValue" in message.body
        assert await mailbox.state(submission) is OutgoingState.CONFIRMED


async def test_the_outcome_is_the_signed_acceptance(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    hub.accepts_documents = True
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mailbox.run(accept_nothing))
        submission = await mailbox.send(a_draft())

        receipt = await mailbox.outcome(submission)

        assert receipt.event is ReceiptEvent.SUBMISSION_ACCEPTANCE
        assert await mailbox.state(submission) is OutgoingState.ACCEPTED
        running.cancel()


async def test_a_refusal_is_an_outcome_too(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mailbox.run(accept_nothing))
        submission = await mailbox.send(a_draft())
        (message,) = await hub.until_submitted(1)
        await hub.decide(message, ReceiptEvent.SUBMISSION_REJECTION)

        receipt = await mailbox.outcome(submission)

        assert receipt.event is ReceiptEvent.SUBMISSION_REJECTION
        assert await mailbox.state(submission) is OutgoingState.REFUSED
        running.cancel()


@pytest.mark.parametrize("flaw", ["signed by another", "about other content", "for another mailbox"])
async def test_a_forged_receipt_decides_nothing_and_goes_back(
    axis: Axis, hub: HubTwin, tmp_path: Path, flaw: str
) -> None:
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(mailbox.run(accept_nothing))
        submission = await mailbox.send(a_draft())
        (message,) = await hub.until_submitted(1)
        body = b"other" if flaw == "about other content" else message.body
        receipt = a_receipt(SENDER, submission, body, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        forger = agency_signing_key(LGSP if flaw == "signed by another" else "TRUC")
        if flaw == "for another mailbox":
            await hub.send_receipt_to(SENDER, a_receipt(LGSP, submission, body, receipt.event), key=forger)
        else:
            await hub.send_receipt(receipt, key=forger)

        await hub.until_returned(1)

        assert await mailbox.receipts(submission) == []
        assert await mailbox.state(submission) is OutgoingState.CONFIRMED
        running.cancel()


async def test_the_same_receipt_twice_is_stored_once(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with (
            Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox,
            asyncio.TaskGroup() as tasks,
        ):
            running = tasks.create_task(mailbox.run(accept_nothing))
            submission = await mailbox.send(a_draft())
            (message,) = await hub.until_submitted(1)
            receipt = a_receipt(SENDER, submission, message.body, ReceiptEvent.SUBMISSION_ACCEPTANCE)
            await hub.send_receipt(receipt, key=agency_signing_key("TRUC"))
            await hub.send_receipt(receipt, key=agency_signing_key("TRUC"))

            await until(
                lambda: "receipt.dropped" in [each["event"] for each in logs], what="the second receipt's end"
            )

            assert await mailbox.receipts(submission) == [receipt]
            running.cancel()


async def test_many_signed_documents_go_out_side_by_side(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    bodies = [a_signed_document() for _ in range(3)] * 100
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox:
        submissions = await mailbox.send_signed_many(bodies)

        messages = await hub.until_submitted(300, kind=MessageKind.DOCUMENT)
        assert [message.correlation_id for message in messages] == list(submissions)
        assert [message.body for message in messages] == bodies


async def test_what_is_too_large_is_refused_before_it_travels(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    settings = settings_for(axis, SENDER, tmp_path)
    async with Mailbox.open(settings) as mailbox:
        with pytest.raises(MalformedMessage, match="limit"):
            await mailbox.send(a_draft(size=settings.max_octets))


async def test_a_mailbox_goes_to_the_node_that_answers(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    settings = settings_for(axis, SENDER, tmp_path)
    here = f"127.0.0.1:{axis.broker.record.amqp_port}"
    nodes = axis.url(SENDER).replace(here, f"127.0.0.1:9,{here},127.0.0.1:19")
    several = replace(settings, broker=replace(settings.broker, url=nodes))

    for count in range(1, 4):  # each connection begins somewhere else
        async with Mailbox.open(several) as mailbox:
            await mailbox.send(a_draft())

        assert len(await hub.until_submitted(count)) == count


async def test_an_unknown_user_is_the_operators_business(axis: Axis, hub: HubTwin, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="H99"):
        async with Mailbox.open(settings_for(axis, "H99", tmp_path)) as mailbox:
            await mailbox.send(a_draft())


async def test_a_broker_that_dies_between_publish_and_confirm_gets_everything_once_back(
    axis: Axis, hub: HubTwin, tmp_path: Path
) -> None:
    await hub.close()  # the queue shows what survived
    bodies = [a_signed_document()] * 600
    async with Mailbox.open(settings_for(axis, SENDER, tmp_path)) as mailbox:
        sending = asyncio.ensure_future(mailbox.send_signed_many(bodies))
        await some_confirmed(mailbox)
        await asyncio.to_thread(axis.broker.kill)
        await asyncio.to_thread(axis.broker.start)

        submissions = await asyncio.wait_for(sending, 120)

    survivor = await HubTwin.open(axis.url("hub"), agency_signing_key("TRUC"))
    await until_seen(survivor, set(submissions))
    await survivor.close()


async def some_confirmed(mailbox: Mailbox) -> None:
    async with asyncio.timeout(30):
        while True:
            (count,) = await mailbox.journal.write(
                lambda connection: connection.execute(
                    "SELECT count(*) FROM outgoing WHERE state = 'confirmed'"
                ).fetchone()
            )
            if count:
                return
            await asyncio.sleep(0)


async def until_seen(hub: HubTwin, submissions: set[str]) -> None:
    async with asyncio.timeout(60):
        count = len(submissions)
        while submissions - {message.correlation_id for message in hub.submitted}:
            await hub.until_submitted(count)
            count = len(hub.submitted) + 1
