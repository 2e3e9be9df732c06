"""Large documents through the kit: from a file of the sender's to a file of the recipient's, by claim check."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.kit.cloakroom import CloakroomAddress
from adapters.kit.delivery import Accepted, Answer, Delivery
from adapters.kit.draft import AttachmentDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings, read_settings
from adapters.kit.spool import Spool
from adapters.kit.transaction import Transaction
from hub.commands.local_axis import LocalAgency
from hub.message.identifiers import digest_of
from hub.message.receipt import ReceiptEvent
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.bodies_process import BodiesProcess, bodies_process
from tests.support.cloakroom import some_octets
from tests.support.waiting import until

SIZE = 18_000_000
"""24 MB in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who takes part in this module, and where they check in."""

    sender: LocalAgency
    recipient: LocalAgency
    service: BodiesProcess
    url: str

    def settings(self, agency: LocalAgency, folder: Path) -> KitSettings:
        return replace(
            read_settings(agency.kit_file),
            journal=folder / f"{agency.mailbox}.journal",
            bodies=CloakroomAddress(url=self.url),
        )


@pytest.fixture(scope="module")
def service(town: World) -> Iterator[BodiesProcess]:
    with bodies_process(town.axis.settings_file, town.folder) as process:
        yield process


@pytest.fixture(scope="module")
def cast(town: World, service: BodiesProcess) -> Cast:
    return asyncio.run(_settle(town, service))


async def _settle(town: World, service: BodiesProcess) -> Cast:
    sender, recipient = await town.connected(2)
    await town.hub(HUB_BODIES_PATIENCE="PT1S")
    return Cast(sender=sender, recipient=recipient, service=service, url=await service.start())


@dataclass(slots=True, kw_only=True)
class Office:
    """The recipient's software: copies what it gets, and counts."""

    folder: Path
    envelopes: list[str] = field(default_factory=list)
    files: list[tuple[str, int, str]] = field(default_factory=list)

    async def handle(self, delivery: Delivery, _: Transaction) -> Answer:
        await asyncio.to_thread(self._take, delivery)
        return Accepted()

    def _take(self, delivery: Delivery) -> None:
        with delivery.open() as envelope:
            digest = hashlib.file_digest(envelope, "sha256").hexdigest()
        for each in delivery.attachments:
            with each.open() as source:
                found = hashlib.file_digest(source, "sha256").hexdigest()
            self.files.append((each.name, each.octets, found))
        self.envelopes.append(digest)


async def take_no_document(delivery: Delivery, _: Transaction) -> Answer:
    raise AssertionError(f"the sender got {delivery.delivery_id}")


@asynccontextmanager
async def at_work(settings: KitSettings, office: Office | None = None) -> AsyncIterator[Mailbox]:
    """Give a mailbox that consumes."""
    async with AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(Mailbox.open(settings))
        running = asyncio.create_task(mailbox.run(office.handle if office else take_no_document))
        await mailbox.consuming.wait()
        yield mailbox
        running.cancel()
        await asyncio.wait([running])


async def test_a_file_arrives_as_a_file(cast: Cast, tmp_path: Path) -> None:
    drawing = tmp_path / "ban-ve.pdf"
    drawing.write_bytes(b"%PDF-1.7\n" + some_octets(SIZE))
    files = (
        AttachmentDraft(name="ban-ve.pdf", file=drawing),
        AttachmentDraft(name="ban-ve-nen.pdf", file=drawing, zipped=True),
        AttachmentDraft(name="nho.txt", content=b"nho"),
    )
    draft = a_letter(cast.sender, cast.recipient).with_(attachments=files).draft
    office = Office(folder=tmp_path)
    mine, theirs = cast.settings(cast.sender, tmp_path), cast.settings(cast.recipient, tmp_path)

    async with at_work(theirs, office), at_work(mine) as sender:
        submission = await sender.send(draft)
        accepted = await sender.outcome(submission)
        await until(lambda: office.envelopes, what="the document to arrive", seconds=60)
        handed_over = await until_handed_over(sender, submission)
        said = await sender.sent_header(submission)

    digest = hashlib.sha256(drawing.read_bytes()).hexdigest()
    size = drawing.stat().st_size
    assert accepted.event is ReceiptEvent.SUBMISSION_ACCEPTANCE
    assert handed_over
    assert office.envelopes == [accepted.digest.hex()]
    assert office.files == [
        ("ban-ve.pdf", size, digest),
        ("ban-ve-nen.pdf", size, digest),
        ("nho.txt", 3, digest_of(b"nho").hex()),
    ]
    assert said.document_id == draft.document_id
    sent = Spool(mine.journal).sent(accepted.digest)
    assert hashlib.sha256(sent.read_bytes()).hexdigest() == accepted.digest.hex()
    assert left_over(theirs) == []


async def until_handed_over(mailbox: Mailbox, submission: str) -> bool:
    for _ in range(300):
        receipts = await mailbox.receipts(submission)
        if any(each.event is ReceiptEvent.CONTENT_HANDOVER for each in receipts):
            return True
        await asyncio.sleep(0.1)
    return False


def left_over(settings: KitSettings) -> list[str]:
    folder = Spool(settings.journal).folder
    return [
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.stat().st_size
    ]
