"""Documents in the shapes that real software writes, once signed properly, are accepted and delivered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from adapters.kit.draft import AttachmentDraft, Party
from hub.commands.local_axis import LocalAgency
from hub.message.receipt import ReceiptEvent
from hub.signature.signing import sign_envelope
from tests.acceptance.speaking import a_letter
from tests.support.axis import World, new_agency
from tests.support.edxml import DUMMY_SIGNATURE
from tests.support.envelopes import A_PDF, DocumentBuilder
from tests.support.raw_agency import RawAgency

Pair = tuple[RawAgency, RawAgency]


@pytest.fixture(scope="module")
def neighbours(town: World) -> tuple[LocalAgency, ...]:
    async def prepare() -> tuple[LocalAgency, ...]:
        added = await town.add(new_agency(), new_agency())
        await town.hub()
        return added

    return asyncio.run(prepare())


@pytest.fixture
async def pair(neighbours: tuple[LocalAgency, ...]) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        sender, recipient = [await stack.enter_async_context(RawAgency.open(each)) for each in neighbours]
        yield sender, recipient


def container_of_another_type(letter: DocumentBuilder) -> bytes:
    file = AttachmentDraft(name="cong-van.pdf", content=A_PDF, content_type="application/pdf", zipped=True)
    return letter.with_(attachments=(file,)).unsigned()


def minimal_of_2025(letter: DocumentBuilder) -> bytes:
    """No `Bussiness`, no names, a hop of the organ `null`: what test axes were seen to carry in 2025."""
    bare = letter.with_(
        business_type=None, sender=Party(code=letter.draft.sender.code), type_name=None, place=""
    )
    hop = f"<edXML:TraceHeader>\n          <edXML:OrganId>{letter.draft.sender.code}<"
    unsigned = bare.unsigned().decode()
    assert hop in unsigned
    return unsigned.replace(hop, hop.replace(letter.draft.sender.code, "null")).encode()


def old_form_of_codes(letter: DocumentBuilder) -> bytes:
    sender, (recipient,) = letter.draft.sender.code, letter.draft.recipients
    return letter.from_(f"000.00.00.{sender}").to(f"00.00.{recipient.code}").unsigned()


def with_placeholder(letter: DocumentBuilder) -> bytes:
    end = b"</edXML:edXMLHeader>"
    return letter.unsigned().replace(end, DUMMY_SIGNATURE.encode() + end)


SHAPES: dict[str, Callable[[DocumentBuilder], bytes]] = {
    "Java order": lambda letter: letter.unsigned(),
    ".NET order with an empty DigitalSignature": lambda letter: letter.in_dotnet_order().unsigned(),
    "a dummy signature that signing replaces": with_placeholder,
    "a ZIP container called a PDF": container_of_another_type,
    "an update with receivers": lambda letter: letter.updating("earlier,2026/01/01,1").unsigned(),
    "a recall with its document named": lambda letter: letter.recalling("earlier,2026/01/01,1").unsigned(),
    "a replacement": lambda letter: letter.replacing("earlier,2026/01/01,1").unsigned(),
    "an answer": lambda letter: letter.answering("theirs,2026/01/01,1", "Z10").unsigned(),
    "the minimum of 2025": minimal_of_2025,
    "codes in the form of QCVN 102:2016": old_form_of_codes,
    "a byte order mark": lambda letter: b"\xef\xbb\xbf" + letter.unsigned(),
    "a large file": lambda letter: letter.of_size(5_000_000).unsigned(),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_it_accepts_and_delivers(pair: Pair, shape: str) -> None:
    sender, recipient = pair
    body = sign_envelope(SHAPES[shape](a_letter(sender.agency, recipient.agency)), sender.key)

    submission = await sender.submit(body)

    accepted = await sender.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
    assert [each.recipient for each in accepted.subjects] == [recipient.agency.key]
    assert [each.body for each in await recipient.arrival("document")] == [body]
    assert sender.receipts(submission, ReceiptEvent.SUBMISSION_REJECTION) == []
