"""Large documents through the kit: from a file of the sender's to a file of the recipient's."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.kit.delivery import Accepted, Answer, Delivery
from adapters.kit.draft import AttachmentDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings, read_settings
from adapters.kit.spool import Spool
from adapters.kit.transaction import Transaction
from hub.commands.local_axis import LocalAgency
from hub.message.identifiers import SubmissionId, digest_of
from hub.message.receipt import ReceiptEvent
from tests.acceptance.speaking import a_letter
from tests.support.axis import World
from tests.support.bodies_process import BodiesProcess, bodies_process
from tests.support.cloakroom import some_octets
from tests.support.ledger import ACCEPTANCE, HANDOVER, AgencyProcess
from tests.support.waiting import until

SIZE = 18_000_000
"""24 MB in base64."""
LARGE = 24_000_000
VERY_LARGE = 200_000_000
GROWTH = 32_000_000
"""By how much the memory of a process may grow over any large document."""
LATER = pytest.mark.long
SENDING = [
    "after-part-before-next",
    pytest.param("after-spooled-before-journal", marks=LATER),
    pytest.param("after-part-before-next:2", marks=LATER),
    pytest.param("after-checked-in-before-mark", marks=LATER),
    pytest.param("after-journal-before-publish", marks=LATER),
    pytest.param("after-publish-before-confirm-mark", marks=LATER),
]
RECEIVING = [
    "after-piece-before-whole:20",
    pytest.param("after-redeemed-before-received", marks=LATER),
    pytest.param("after-received", marks=LATER),
    pytest.param("after-handler-before-commit", marks=LATER),
    pytest.param("after-commit-before-ack", marks=LATER),
    pytest.param("after-ack-before-status", marks=LATER),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who takes part in a test, and where they check in."""

    world: World
    sender: LocalAgency
    recipient: LocalAgency
    service: BodiesProcess

    def software(
        self, agency: LocalAgency, folder: Path, *, sends: int = 0, size: int = 0, crash_at: str = ""
    ) -> AgencyProcess:
        """Start the agency's software."""
        process = AgencyProcess(
            agency,
            folder,
            sends=sends,
            to=[self.recipient.code],
            size=size,
            environment={"TRUC_CRASH_AT": crash_at},
        )
        self.world.processes.append(process)
        return process

    def settings(self, agency: LocalAgency, folder: Path) -> KitSettings:
        return replace(
            read_settings(agency.kit_file),
            journal=folder / f"{agency.mailbox}.journal",
        )


@pytest.fixture(scope="module")
def service(town: World) -> Iterator[BodiesProcess]:
    with bodies_process(town.axis.settings_file, town.folder) as process:
        yield process


@pytest.fixture(scope="module")
def casts(request: pytest.FixtureRequest, town: World, service: BodiesProcess) -> Iterator[Cast]:
    """Two agencies for each test of this module that runs, all connected at once."""
    tests = sum(item.path == request.path for item in request.session.items)
    return iter(asyncio.run(_settle(town, service, tests)))


async def _settle(town: World, service: BodiesProcess, tests: int) -> list[Cast]:
    agencies = await town.connected(2 * tests)
    await town.hub(HUB_BODIES_PATIENCE="PT1S")
    await service.start()
    pairs = zip(agencies[::2], agencies[1::2], strict=True)
    return [Cast(world=town, sender=each, recipient=other, service=service) for each, other in pairs]


@pytest.fixture
def cast(casts: Iterator[Cast]) -> Cast:
    """Return agencies to which no receipt of another test comes."""
    return next(casts)


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
        await until(lambda: office.envelopes, what="the document to arrive", seconds=120)
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


async def until_handed_over(mailbox: Mailbox, submission: SubmissionId) -> bool:
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


@pytest.mark.parametrize("point", SENDING)
async def test_a_sender_killed_over_a_large_document_sends_it_once(
    cast: Cast, tmp_path: Path, point: str
) -> None:
    recipient = cast.software(cast.recipient, tmp_path / "recipient")
    sender = cast.software(cast.sender, tmp_path / "sender", sends=1, size=LARGE, crash_at=point)
    await until(lambda: sender.exit_code == -signal.SIGKILL, what="the sender to be killed", seconds=120)

    if point == "after-spooled-before-journal":  # nothing was promised: whoever called sends anew
        (tmp_path / "sender" / "ledger.jsonl").unlink()
        sender = cast.software(cast.sender, tmp_path / "again", sends=1, size=LARGE)
    else:
        sender.restart()

    await arrived_once(sender, recipient)
    stop(sender, recipient)


@pytest.mark.parametrize("point", RECEIVING)
async def test_a_recipient_killed_over_a_large_document_has_it_once(
    cast: Cast, tmp_path: Path, point: str
) -> None:
    sender = cast.software(cast.sender, tmp_path / "sender", sends=1, size=LARGE)
    recipient = cast.software(cast.recipient, tmp_path / "recipient", crash_at=point)
    await until(
        lambda: recipient.exit_code == -signal.SIGKILL, what="the recipient to be killed", seconds=120
    )

    recipient.restart()

    await arrived_once(sender, recipient)
    (received,) = recipient.effects()
    if point.startswith("after-piece"):
        starts = [line["start"] for line in cast.service.lines("body.redeemed")]
        assert max(map(int, map(str, starts))) > 0, "it was fetched from its beginning"
    fetched = tmp_path / "recipient" / "journal.db.bodies" / "fetched"
    await until(lambda: not list(fetched.iterdir()), what="the fetched envelope to be gone")
    assert received["digest"] == sender.receipts(ACCEPTANCE)[0]["digest"]
    stop(sender, recipient)


@pytest.mark.parametrize("size", [LARGE, pytest.param(VERY_LARGE, marks=LATER)], ids=["24 MB", "200 MB"])
async def test_memory_stays_flat_on_both_sides(cast: Cast, tmp_path: Path, size: int) -> None:
    recipient = await cast.software(cast.recipient, tmp_path / "recipient").ready()
    before = peak_of(recipient)

    sender = await cast.software(cast.sender, tmp_path / "sender", sends=1, size=size).ready()
    await arrived_once(sender, recipient, seconds=120 + size / 1_000_000)

    peaks = peak_of(sender), peak_of(recipient)
    stop(sender, recipient)
    assert max(peaks) < before + GROWTH


async def arrived_once(sender: AgencyProcess, recipient: AgencyProcess, seconds: float = 120.0) -> None:
    """Wait until the one document is handed over, and the sender knows; then count."""
    await until(lambda: sender.receipts(HANDOVER), what="the receipt of the hand-over", seconds=seconds)
    assert len(recipient.effects()) == 1
    assert len({line["submission_id"] for line in sender.receipts(ACCEPTANCE)}) == 1


def stop(*processes: AgencyProcess) -> None:
    for each in processes:
        each.stop()


def peak_of(process: AgencyProcess) -> int:
    """Return the most octets of memory that *process* has had so far."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
