"""How much memory a document of 200 MB takes on its way: as much as one of 20."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from hub.message.body_proof import BODIES_PATH, PART_OCTETS, PART_TYPE, UPLOAD_OFFSET, BodyProof, path_of
from hub.message.claim import ClaimCheck
from hub.message.identifiers import Digest
from hub.message.receipt import ReceiptEvent
from hub.signature.body_proof import sign_proof
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.bodies_process import BodiesProcess, bodies_process
from tests.support.cloakroom import Visitor, some_octets
from tests.support.raw_agency import RawAgency, key_of

pytestmark = pytest.mark.long
MB = 1_000_000
SMALL, LARGE = 15 * MB, 150 * MB
"""Octets of the attachment: 20 and 200 MB in base64."""
SLACK_MB = 60
"""What the larger one may take beyond the smaller: parts in hand, and what allocators keep."""


class Watch:
    """Looks at the resident memory of processes again and again, and keeps the most."""

    def __init__(self, *pids: int) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self.most = [0.0 for _ in pids]

    @asynccontextmanager
    async def looking(self) -> AsyncIterator["Watch"]:
        looking = asyncio.create_task(self._look())
        try:
            yield self
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while True:
            now = [each.memory_info().rss / MB for each in self._processes]
            self.most = [max(pair) for pair in zip(self.most, now, strict=True)]
            await asyncio.sleep(0.05)


async def check_in_file(visitor: Visitor, file: Path, digest: Digest) -> None:
    """Upload a file a part at a time."""
    octets = file.stat().st_size
    begun = await visitor.ask(
        "POST", BODIES_PATH, content=b'{"sha256":"%s","octets":%d}' % (digest.hex().encode(), octets)
    )
    assert begun.status_code == 201
    with file.open("rb") as source:
        while part := await asyncio.to_thread(source.read, PART_OCTETS):
            offset = source.tell() - len(part)
            headers = {UPLOAD_OFFSET: str(offset), "Content-Type": PART_TYPE}
            taken = await visitor.ask("PATCH", path_of(digest), content=part, headers=headers)
            assert taken.status_code == 204


async def redeem_digest(visitor: Visitor, digest: Digest) -> bytes:
    """Download a body, and return the SHA-256 of what came."""
    path, found = path_of(digest), hashlib.sha256()
    proof = sign_proof(BodyProof.of(visitor.mailbox, "GET", path, visitor.clock.now()), visitor.key)
    headers = {"Authorization": f"Bearer {proof}"}
    async with (
        httpx.AsyncClient(base_url=visitor.url, timeout=120) as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        async for piece in answer.aiter_bytes():
            found.update(piece)
    return found.digest()


@pytest.fixture
def service(world: World) -> Iterator[BodiesProcess]:
    with bodies_process(world.axis.settings_file, world.folder) as process:
        yield process


async def test_memory_of_hub_and_service_is_the_same_for_20_and_for_200_mb(
    world: World, service: BodiesProcess, tmp_path: Path
) -> None:
    sender, recipient = await world.connected(2)
    hub, url = await world.hub(), await service.start()
    visitor = Visitor(url=url, mailbox=sender.mailbox, key=key_of(sender))
    reader = Visitor(url=url, mailbox=recipient.mailbox, key=key_of(recipient))
    most: dict[int, list[float]] = {}

    async with RawAgency.open(sender) as raw:
        for size in (SMALL, LARGE):
            letter = a_letter(sender, recipient).without_attachments()
            letter = letter.with_attachment("ban-ve.pdf", b"%PDF-1.7\n" + some_octets(size))
            body = sign_envelope(letter.unsigned(), raw.key)
            file, digest = tmp_path / str(size), Digest(hashlib.sha256(body).digest())
            file.write_bytes(body)
            claim = ClaimCheck(digest=digest, octets=len(body)).as_body()
            del letter, body
            async with Watch(hub.pid, service.pid).looking() as watch:
                await check_in_file(visitor, file, digest)
                submission = await raw.submit(claim)
                await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE, seconds=120)
                assert await redeem_digest(reader, digest) == digest
            most[size] = watch.most

    hub_grew, service_grew = (after - before for after, before in zip(most[LARGE], most[SMALL], strict=True))
    assert hub_grew < SLACK_MB, most
    assert service_grew < SLACK_MB, most
