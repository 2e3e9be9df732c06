"""A large document goes in by HTTP and comes out by HTTP, and neither adapter ever holds it in memory."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.integration.webhook.conftest import Adapters
from tests.integration.webhook.test_exchange import metadata
from tests.support.bodies_process import BodiesProcess, bodies_process
from tests.support.hook_endpoint import HookEndpoint
from tests.support.served import Served
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
SIZE = 140_000_000
"""187 MB in base64."""
GROWTH = 48_000_000
"""By how much the memory of an adapter may grow."""


@pytest.fixture
def service(served: Served) -> Iterator[BodiesProcess]:
    with bodies_process(served.town.axis.settings_file, served.town.folder) as process:
        yield process


async def test_memory_stays_flat_however_large_a_document_is(
    agencies: tuple[LocalAgency, LocalAgency],
    adapters: Adapters,
    endpoint: HookEndpoint,
    service: BodiesProcess,
    tmp_path: Path,
) -> None:
    await service.start()
    office, ministry = agencies
    drawing = tmp_path / "ban-ve.pdf"
    with drawing.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        for number in range(SIZE // 1_000_000):
            file.write(hashlib.sha256(str(number).encode()).digest() * 31_250)
    sender, recipient = adapters(office, endpoint, max_body_octets=400_000_000), adapters(ministry, endpoint)
    for each in (sender, recipient):
        await (await each.start()).ready()
    before = sender.peak, recipient.peak

    async with sender.client() as program:
        with drawing.open("rb") as file:
            sent = await program.post(
                "/v1/documents",
                headers={"Idempotency-Key": "k"},
                data={"metadata": metadata(office, ministry)},
                files={"file": ("ban-ve.pdf", file)},
                timeout=300,
            )
    assert sent.status_code == 202, sent.text
    (asked,) = await until(lambda: endpoint.documents, what=recipient.story, seconds=300)
    attachment = asked.data["attachments"][0]
    known = hashlib.sha256()
    async with recipient.client() as program, program.stream("GET", attachment["url"]) as reply:
        async for piece in reply.aiter_bytes():
            known.update(piece)

    with drawing.open("rb") as file:
        assert known.hexdigest() == attachment["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    grown = sender.peak - before[0], recipient.peak - before[1]
    assert max(grown) < GROWTH, grown
