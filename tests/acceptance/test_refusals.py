"""What the hub refuses: each kind through real AMQP, answered by a signed receipt in both languages."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiormq.exceptions
import asyncpg
import pytest

from hub.commands.local_axis import LocalAgency
from hub.message.identifiers import digest_of
from hub.message.receipt import ReceiptEvent
from hub.signature.authority import DevelopmentAuthority
from hub.signature.signing import SigningKey, sign_envelope
from tests.acceptance.speaking import a_letter, codes
from tests.support.axis import World, new_agency
from tests.support.edxml import DUMMY_SIGNATURE
from tests.support.envelopes import DocumentBuilder, a_status
from tests.support.raw_agency import RawAgency
from tests.support.waiting import until

REJECTION = ReceiptEvent.SUBMISSION_REJECTION
LARGEST = 12_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Who is in the registry of this module."""

    ministry: LocalAgency
    agency: LocalAgency
    closed: LocalAgency
    successor: LocalAgency
    unconnected: LocalAgency
    unregistered_key: SigningKey
    foreign_key: SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The country with its open mailboxes."""

    country: Country
    sender: RawAgency
    recipient: RawAgency

    def letter(self) -> DocumentBuilder:
        return a_letter(self.country.ministry, self.country.agency)

    def signed(self, unsigned: bytes) -> bytes:
        return sign_envelope(unsigned, self.sender.key)


@pytest.fixture(scope="module")
def country(town: World) -> Country:
    return asyncio.run(_settle(town))


async def _settle(town: World) -> Country:
    ministry, agency, closed, successor, unconnected = await town.add(
        *(new_agency() for _ in range(4)), new_agency(is_connected=False)
    )
    async with town.axis.registry() as registry:
        await registry.close(closed.code, successor=successor.code)
    await town.hub()
    elsewhere = DevelopmentAuthority.create("Another CA", _some_time_ago())
    return Country(
        ministry=ministry,
        agency=agency,
        closed=closed,
        successor=successor,
        unconnected=unconnected,
        unregistered_key=_issued(town.axis.keys.authority, ministry),
        foreign_key=_issued(elsewhere, ministry),
    )


def _issued(authority: DevelopmentAuthority, agency: LocalAgency) -> SigningKey:
    return authority.issue(agency_code=agency.code, name="Bộ thử nghiệm", at=_some_time_ago(), key_type="ec")


def _some_time_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture
async def scene(country: Country) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(RawAgency.open(country.ministry))
        recipient = await stack.enter_async_context(RawAgency.open(country.agency))
        yield Scene(country=country, sender=sender, recipient=recipient)
        assert recipient.of_kind("document") == [], "a refused document reaches nobody"


Spoil = Callable[[Scene], bytes]


def changed(old: str, new: str) -> Spoil:
    """Write something else before signing."""

    def spoil(scene: Scene) -> bytes:
        unsigned = scene.letter().unsigned().decode()
        assert old in unsigned
        return scene.signed(unsigned.replace(old, new).encode())

    return spoil


def changed_after_signing(scene: Scene) -> bytes:
    return scene.signed(scene.letter().about("Trước khi sửa").unsigned()).replace(
        b"Tr\xc6\xb0\xe1\xbb\x9bc", b"Sau"
    )


def signed_with(choose: Callable[[Country], SigningKey]) -> Spoil:
    return lambda scene: sign_envelope(scene.letter().unsigned(), choose(scene.country))


def addressed_to(choose: Callable[[Country], tuple[str, ...]]) -> Spoil:
    return lambda scene: scene.signed(scene.letter().to(*choose(scene.country)).unsigned())


def with_placeholder(scene: Scene) -> bytes:
    header_end = b"</edXML:edXMLHeader>"
    return scene.letter().unsigned().replace(header_end, DUMMY_SIGNATURE.encode() + header_end)


def with_everything_wrong(scene: Scene) -> bytes:
    country = scene.country
    letter = scene.letter().to("Z99", country.closed.code, country.unconnected.code, "Z99", "Z98")
    return scene.signed(letter.without_attachments().with_(sphere="TỐI MẬT").unsigned())


KINDS: dict[str, tuple[Spoil, list[str]]] = {
    "empty": (lambda _: b" \n", ["HUB-1001"]),
    "too large": (
        lambda scene: scene.signed(scene.letter().of_size(LARGEST + 400_000).unsigned()),
        ["HUB-1002"],
    ),
    "not XML": (lambda scene: scene.letter().unsigned()[:-20], ["HUB-1003"]),
    "with a DOCTYPE": (
        lambda scene: scene.letter().unsigned().replace(b"?>", b"?><!DOCTYPE edXML>", 1),
        ["HUB-1004"],
    ),
    "another root": (lambda _: b"<letter/>", ["HUB-1005"]),
    "another encoding": (lambda scene: scene.letter().unsigned().decode().encode("utf-16"), ["HUB-1007"]),
    "unsigned": (lambda scene: scene.letter().unsigned(), ["HUB-2001"]),
    "a vendor's dummy signature": (with_placeholder, ["HUB-2001"]),
    "altered": (changed_after_signing, ["HUB-2003"]),
    "another authority's certificate": (signed_with(lambda country: country.foreign_key), ["HUB-2007"]),
    "an unregistered certificate": (signed_with(lambda country: country.unregistered_key), ["HUB-2011"]),
    "another agency's certificate": (
        lambda scene: sign_envelope(scene.letter().unsigned(), scene.recipient.key),
        ["HUB-2012"],
    ),
    "no subject": (changed("edXML:Subject>", "edXML:Betreff>"), ["HUB-3001"]),
    "no recipient": (addressed_to(lambda _: ()), ["HUB-3002"]),
    "one recipient twice": (
        addressed_to(lambda country: (country.agency.code, f"000.00.00.{country.agency.code}")),
        ["HUB-3003"],
    ),
    "no attachment": (
        lambda scene: scene.signed(scene.letter().without_attachments().unsigned()),
        ["HUB-3004"],
    ),
    "a file that is not enclosed": (
        changed(
            "</edXML:edXMLManifest>",
            "<edXML:Reference><edXML:ContentId>cid:9</edXML:ContentId>"
            "<edXML:AttachmentName>x.pdf</edXML:AttachmentName></edXML:Reference></edXML:edXMLManifest>",
        ),
        ["HUB-3005"],
    ),
    "a file that the manifest does not name": (
        changed("<edXML:ContentId>cid:1</edXML:ContentId>", "<edXML:ContentId>cid:2</edXML:ContentId>"),
        ["HUB-3005", "HUB-3006"],
    ),
    "bad base64": (changed("JVBERi0", "JVB?Ri0"), ["HUB-3007"]),
    "an empty file": (
        lambda scene: scene.signed(
            scene.letter().without_attachments().with_attachment("rong.pdf", b"").unsigned()
        ),
        ["HUB-3009"],
    ),
    "MẬT": (lambda scene: scene.signed(scene.letter().with_(sphere="Mật").unsigned()), ["HUB-3011"]),
    "an unknown recipient": (addressed_to(lambda country: (country.agency.code, "Z99")), ["HUB-6001"]),
    "a closed recipient": (addressed_to(lambda country: (country.closed.code,)), ["HUB-6002"]),
    "a recipient behind no mailbox": (
        addressed_to(lambda country: (country.unconnected.code,)),
        ["HUB-6003"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_it_refuses_for_the_right_reason_in_both_languages(scene: Scene, kind: str) -> None:
    spoil, expected = KINDS[kind]
    body = spoil(scene)

    submission = await scene.sender.submit(body)

    refusal = await scene.sender.receipt(submission, REJECTION)
    assert sorted(set(codes(refusal))) == expected
    assert (refusal.digest, refusal.mailbox) == (digest_of(body), scene.country.ministry.mailbox)
    for each in refusal.violations:
        assert each.path
        assert each.rule
        assert each.vi != each.en
        assert not re.search(r"\{\w*\}", each.vi + each.en), "a placeholder that nobody filled"
    assert scene.sender.receipts(submission) == [refusal]


async def test_it_lists_all_that_is_wrong_at_once(scene: Scene) -> None:
    submission = await scene.sender.submit(with_everything_wrong(scene))

    refusal = await scene.sender.receipt(submission, REJECTION)
    assert sorted(codes(refusal)) == [
        "HUB-3003", "HUB-3004", "HUB-3011", "HUB-6001", "HUB-6001", "HUB-6001", "HUB-6002", "HUB-6003",
    ]  # fmt: skip
    assert any(scene.country.successor.code in each.en for each in refusal.violations)


async def test_a_mailbox_cannot_speak_for_another_agency_even_with_its_signature(scene: Scene) -> None:
    async with RawAgency.open(scene.country.successor) as thief:
        submission = await thief.submit(scene.signed(scene.letter().unsigned()))

        assert "HUB-4002" in codes(await thief.receipt(submission, REJECTION))


async def test_a_status_with_an_unknown_code_is_refused(scene: Scene) -> None:
    said = a_status().from_(scene.country.ministry.code).for_("x", sent_by=scene.country.agency.code)
    unsigned = said.unsigned().replace(b"StatusCode>01<", b"StatusCode>07<")

    submission = await scene.sender.submit(scene.signed(unsigned), kind="status")

    assert "HUB-3012" in codes(await scene.sender.receipt(submission, REJECTION))


async def test_a_corrected_submission_is_not_answered_with_the_old_refusal(town: World) -> None:
    sender, recipient = await town.connected(2)
    async with RawAgency.open(sender) as raw, RawAgency.open(recipient) as other:
        letter = a_letter(sender, recipient)
        submission = await raw.submit(letter.unsigned())
        await raw.receipt(submission, REJECTION)

        await raw.submit_signed(letter.unsigned(), submission)

        await raw.receipt(submission, ReceiptEvent.SUBMISSION_ACCEPTANCE)
        await other.arrival("document")


async def test_what_nobody_vouches_for_is_kept_and_answered_by_nothing(scene: Scene, town: World) -> None:
    body = scene.signed(scene.letter().unsigned())

    submission = await scene.sender.submit(body, is_vouched_for=False)

    query = "select claimed_by, times from invalid_messages where digest = $1"

    async def kept() -> list[asyncpg.Record]:
        return await town.rows(query, digest_of(body))

    assert [tuple(row) for row in await until(kept, what="the invalid message")] == [(None, 1)]
    assert scene.sender.receipts(submission) == []


async def test_the_broker_refuses_a_forged_user(country: Country) -> None:
    async with RawAgency.open(country.successor, consumes=False) as forger:
        with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
            await forger.submit(b"<edXML/>", user_id=country.ministry.mailbox)


async def test_the_broker_refuses_a_forged_routing_key(country: Country) -> None:
    async with RawAgency.open(country.successor, consumes=False) as forger:
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await forger.submit(b"<edXML/>", routing_key=country.ministry.mailbox)


async def test_the_broker_keeps_strangers_out_of_a_mailbox(country: Country) -> None:
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        async with RawAgency.open(country.successor, consumes=False) as thief:
            await thief.read_from(country.agency.mailbox)
