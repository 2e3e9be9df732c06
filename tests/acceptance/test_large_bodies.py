"""Large envelopes travel as claim checks: checked in, claimed, examined, delivered, redeemed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from hub.commands.evidence_acts import export_to
from hub.commands.local_axis import LocalAgency
from hub.evidence.__main__ import read_trust
from hub.evidence.container import read
from hub.evidence.judge import judge
from hub.evidence.members import DOCUMENT
from hub.message.body_proof import PART_OCTETS
from hub.message.claim import CLAIM_TYPE, ClaimCheck, read_claim
from hub.message.identifiers import Digest, digest_of
from hub.message.receipt import Receipt, ReceiptEvent
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter, codes
from tests.support.axis import World
from tests.support.bodies_process import BodiesProcess, bodies_process
from tests.support.cloakroom import Visitor, some_octets
from tests.support.hub_process import HubProcess
from tests.support.raw_agency import Arrived, RawAgency, key_of
from tests.support.waiting import until

ACCEPTANCE, REJECTION = ReceiptEvent.SUBMISSION_ACCEPTANCE, ReceiptEvent.SUBMISSION_REJECTION
PDF = b"%PDF-1.7\n" + some_octets(18_000_000)
"""24 MB in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who takes part in this module, and where they check in."""

    world: World
    sender: LocalAgency
    recipient: LocalAgency
    stranger: LocalAgency
    hub: HubProcess
    url: str


@pytest.fixture(scope="module")
def service(town: World) -> Iterator[BodiesProcess]:
    with bodies_process(town.axis.settings_file, town.folder) as process:
        yield process


@pytest.fixture(scope="module")
def cast(town: World, service: BodiesProcess) -> Cast:
    return asyncio.run(_settle(town, service))


async def _settle(town: World, service: BodiesProcess) -> Cast:
    sender, recipient, stranger = await town.connected(3)
    hub = await town.hub(HUB_BODIES_PATIENCE="PT1S")
    url = await service.start()
    return Cast(world=town, sender=sender, recipient=recipient, stranger=stranger, hub=hub, url=url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The cast with open mailboxes."""

    cast: Cast
    sender: RawAgency
    recipient: RawAgency

    def visitor(self, agency: LocalAgency) -> Visitor:
        return Visitor(url=self.cast.url, mailbox=agency.mailbox, key=key_of(agency))

    def signed(self, content: bytes = PDF) -> bytes:
        letter = a_letter(self.cast.sender, self.cast.recipient).without_attachments()
        return sign_envelope(letter.with_attachment("ban-ve.pdf", content).unsigned(), self.sender.key)

    async def check_in(self, body: bytes) -> None:
        await self.visitor(self.cast.sender).check_in(body)

    async def claim(self, body: bytes, submission_id: str | None = None) -> str:
        return await self.sender.submit(claim_of(body).as_body(), submission_id)

    async def document(self, accepted: Receipt) -> Arrived:
        """Return what arrived of an accepted submission."""
        (delivery_id,) = [str(each.delivery_id) for each in accepted.subjects]
        return await until(
            lambda: next(
                (each for each in self.recipient.of_kind("document") if each.delivery_id == delivery_id), None
            ),
            what=f"delivery {delivery_id}",
        )

    async def refusal(self, submission: str) -> list[str]:
        return codes(await self.sender.receipt(submission, REJECTION))


@pytest.fixture
async def scene(cast: Cast) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(RawAgency.open(cast.sender))
        recipient = await stack.enter_async_context(RawAgency.open(cast.recipient))
        yield Scene(cast=cast, sender=sender, recipient=recipient)


def claim_of(body: bytes) -> ClaimCheck:
    return ClaimCheck(digest=digest_of(body), octets=len(body))


async def test_a_large_document_arrives_as_the_bytes_that_were_signed(scene: Scene) -> None:
    body = scene.signed()

    await scene.check_in(body)
    submission = await scene.claim(body)
    accepted = await scene.sender.receipt(submission, ACCEPTANCE)
    arrived = await scene.document(accepted)
    redeemed = await scene.visitor(scene.cast.recipient).redeem(read_claim(arrived.body).digest)

    assert accepted.digest == digest_of(body)
    assert (arrived.content_type, arrived.body) == (CLAIM_TYPE, claim_of(body).as_body())
    assert redeemed.content == body


async def test_its_evidence_holds_the_whole_document(scene: Scene, tmp_path: Path) -> None:
    body = scene.signed()
    axis = scene.cast.world.axis
    await scene.check_in(body)
    submission = await scene.claim(body)
    await scene.document(await scene.sender.receipt(submission, ACCEPTANCE))

    file, _ = await export_to(axis.home, None, submission, tmp_path / "evidence.zip")
    judgement = judge(
        file.read_bytes(), read_trust([axis.keys.anchors_file], [axis.keys.hub_certificate_file])
    )

    assert judgement.faults == []
    assert read(file.read_bytes())[0][DOCUMENT] == body


async def test_only_the_parties_to_a_document_redeem_it(scene: Scene) -> None:
    body = scene.signed(PDF[:2_000_000])
    await scene.check_in(body)
    recipient, stranger = scene.visitor(scene.cast.recipient), scene.visitor(scene.cast.stranger)
    before = await recipient.redeem(digest_of(body))

    submission = await scene.claim(body)
    await scene.document(await scene.sender.receipt(submission, ACCEPTANCE))

    assert before.status_code == 404
    assert (await recipient.redeem(digest_of(body))).status_code == 200
    assert (await stranger.redeem(digest_of(body))).status_code == 404


async def test_a_claim_and_its_envelope_are_the_same_submission(scene: Scene) -> None:
    body = scene.signed(PDF[:10_000])
    first = await scene.sender.submit(body)
    accepted = await scene.sender.receipt(first, ACCEPTANCE)

    await scene.check_in(body)
    second = await scene.claim(body)
    again = await scene.sender.receipt(second, ACCEPTANCE)

    assert again.receipt_id == accepted.receipt_id


async def test_a_claim_for_what_is_not_there_is_refused(scene: Scene) -> None:
    body = scene.signed(PDF[:2_000_000])
    await scene.visitor(scene.cast.stranger).check_in(body)

    submission = await scene.claim(body)

    assert await scene.refusal(submission) == ["HUB-1009"]


async def test_a_claim_waits_a_moment_for_its_body(scene: Scene) -> None:
    body = scene.signed(PDF[:10_000])

    submission = await scene.claim(body)
    await scene.check_in(body)

    assert await scene.sender.receipt(submission, ACCEPTANCE)


@pytest.mark.parametrize(
    ("claim", "refused"),
    [
        (b"{}", "HUB-1008"),
        (b'{"claim":2}', "HUB-1008"),
        (ClaimCheck(digest=Digest(b"x" * 32), octets=250_000_001).as_body(), "HUB-1002"),
    ],
)
async def test_a_wrong_claim_is_refused(scene: Scene, claim: bytes, refused: str) -> None:
    submission = await scene.sender.submit(claim)

    assert await scene.refusal(submission) == [refused]


async def test_a_claim_with_another_length_is_refused(scene: Scene) -> None:
    body = scene.signed(PDF[:10_000])
    await scene.check_in(body)

    submission = await scene.sender.submit(ClaimCheck(digest=digest_of(body), octets=len(body) + 1).as_body())

    assert await scene.refusal(submission) == ["HUB-1008"]


async def test_what_was_altered_after_it_was_signed_is_refused(scene: Scene) -> None:
    body = scene.signed()
    place = 12_000_000
    altered = body[:place] + (b"B" if body[place : place + 1] != b"B" else b"C") + body[place + 1 :]

    await scene.check_in(altered)
    submission = await scene.claim(altered)

    assert await scene.refusal(submission) == ["HUB-2003"]


async def test_a_program_in_a_large_archive_is_refused(scene: Scene) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("anh.bin", some_octets(6_000_000))
        archive.writestr("chay.bin", b"MZ\x00" + some_octets(5_000_000))
    body = scene.signed(packed.getvalue())

    await scene.check_in(body)
    submission = await scene.claim(body)

    assert await scene.refusal(submission) == ["HUB-3014"]


async def test_a_service_that_is_killed_in_the_middle_goes_on_where_it_was(
    scene: Scene, service: BodiesProcess
) -> None:
    body, visitor = scene.signed(), scene.visitor(scene.cast.sender)
    digest = digest_of(body)
    await visitor.announce(digest, len(body))
    await visitor.bring(digest, 0, body[:PART_OCTETS])

    service.kill()
    await service.start()
    begun_again = await visitor.announce(digest, len(body))
    await scene.check_in(body)
    submission = await scene.claim(body)

    assert begun_again.json()["offset"] == PART_OCTETS
    assert await scene.sender.receipt(submission, ACCEPTANCE)


async def test_a_hub_that_is_killed_over_a_large_document_takes_it_once(scene: Scene) -> None:
    """The last test of the module: the hub of all the others ends here."""
    world = scene.cast.world
    body = scene.signed(PDF + b"2")
    await scene.check_in(body)
    assert await scene.cast.hub.stop() == 0

    victim = await world.hub(HUB_CRASH_AT="intake.after_commit_before_ack")
    submission = await scene.claim(body)
    await victim.ended()
    await world.hub()
    accepted = await scene.sender.receipt(submission, ACCEPTANCE)
    await scene.document(accepted)
    await until(lambda: len(scene.sender.receipts(submission, ACCEPTANCE)) > 1, what="the answer once more")

    assert {each.receipt_id for each in scene.sender.receipts(submission, ACCEPTANCE)} == {
        accepted.receipt_id
    }
    assert len({each.delivery_id for each in scene.recipient.of_kind("document")}) == 1
