"""A hub has its receipts stamped by an authority outside, and exports the stamp with them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from hub.commands.ca_folder import AuthorityFolder
from hub.commands.ca_server import server
from hub.commands.evidence_acts import judge_file
from hub.message.receipt import ReceiptEvent
from hub.signature.status_authority import TIME_STAMPS
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[AuthorityFolder]:
    """Serve a time stamp authority that is not the axis's own."""
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    folder = AuthorityFolder.create(tmp_path / "ca", name="Stamping CA", address=address)
    serving, listener = server(folder)
    task = asyncio.create_task(serving.serve(sockets=[listener]))
    await until(lambda: serving.started, what="the authority")
    yield folder
    serving.should_exit = True
    await task


async def test_receipts_are_stamped_and_the_evidence_says_since_when_they_exist(
    world: World, authority: AuthorityFolder, tmp_path: Path
) -> None:
    sender, recipient = await world.connected(2)
    hub = await world.hub(
        HUB_TIME_STAMP_AUTHORITY=authority.read().address + TIME_STAMPS,
        HUB_TIME_STAMP_ANCHORS=str(authority.anchor_file),
        HUB_TIME_STAMP_INTERVAL="PT0.5S",
    )
    async with RawAgency.open(sender) as raw:
        submission = await raw.submit_signed(a_letter(sender, recipient).unsigned())
        receipt = await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await raw.receipt(submission, ReceiptEvent.CONTENT_CONSIGNMENT)
    await until(lambda: _all_stamped(world), what="stamps for all sheets")

    file, name = tmp_path / "evidence.zip", str(receipt.message_id)
    code, said = await world.truc("evidence", "export", name, "--into", str(file))
    assert code == 0, said
    judgement = judge_file(file, [sender.anchors_file], [], [authority.anchor_file])
    assert judgement.faults == []
    assert sum("by a time stamp" in each.en for each in judgement.facts) >= 2
    _, traced = await world.truc("trace", name)
    assert "stamped" in traced
    metrics = await hub.get("/metrics")
    assert metrics is not None
    assert 'hub_time_stamps_total{result="kept"}' in metrics.text
    assert await hub.stop() == 0


async def _all_stamped(world: World) -> bool:
    query = "select (select count(*) from receipt_sheets), (select count(*) from stamped_sheets)"
    ((sheets, stamped),) = await world.rows(query)
    return bool(stamped and sheets == stamped)
