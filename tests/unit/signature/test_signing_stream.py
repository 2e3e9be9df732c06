"""Signing a large envelope in a file: what comes out holds, and says what went in."""

import io

import pytest

from hub.errors import MalformedMessage, RejectionCode
from hub.message.attachment_reading import read_attachments
from hub.message.edxml_reading import read_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import digest_of
from hub.message.mandate_role import MandateRole
from hub.message.skimming import skim
from hub.signature.profile import ENVELOPE
from hub.signature.role_claim import RoleClaim
from hub.signature.signing import SigningKey, sign_envelope
from hub.signature.signing_stream import Drafted, draft_envelope, sign_draft
from hub.signature.skimmed import verify_skimmed
from hub.signature.verification import verify_signature
from tests.support.authority import AT, agency_signing_key
from tests.support.envelopes import a_document

FILE = bytes(range(256)) * 4_000
KEY = agency_signing_key("G22")
BODY = a_document().with_attachment("a.bin", FILE).unsigned()


def drafted(body: bytes) -> tuple[Drafted, io.BytesIO]:
    draft = io.BytesIO()
    return draft_envelope((body[at : at + 70_000] for at in range(0, len(body), 70_000)), draft), draft


def signed(body: bytes, key: SigningKey = KEY, claim: RoleClaim | None = None) -> bytes:
    facts, draft = drafted(body)
    into = io.BytesIO()
    sign_draft(facts, draft, into, key, claim=claim)
    return into.getvalue()


@pytest.mark.parametrize("sender", ["G22", "H41", "H41.07"])
def test_what_was_signed_in_a_file_holds_for_whoever_reads_it_as_a_whole(sender: str) -> None:
    body = signed(BODY, agency_signing_key(sender))

    content = verify_signature(parse_hardened(body), location=ENVELOPE)
    original = parse_hardened(BODY)
    assert read_header(content.signed_tree) == read_header(original)
    assert read_attachments(content.signed_tree) == read_attachments(original)
    assert verify_skimmed(skim([body])).signed_by == content.signed_by


def test_it_says_the_same_as_what_is_signed_in_memory() -> None:
    in_memory = verify_signature(parse_hardened(sign_envelope(BODY, KEY)), location=ENVELOPE)

    in_a_file = verify_signature(parse_hardened(signed(BODY)), location=ENVELOPE)

    assert in_a_file.octets == in_memory.octets


def test_a_signature_under_mandate_says_for_whom() -> None:
    role = MandateRole(system="S-1", digest=digest_of(b"x"))

    body = signed(BODY, claim=RoleClaim(role=role, at=AT))

    assert verify_skimmed(skim([body])).facts.mandate == role


def test_comments_and_a_vendors_placeholder_give_way() -> None:
    body = (
        BODY.replace(b"<edXML:MessageHeader>", b"<!-- a --><edXML:MessageHeader>")
        .replace(
            b"</edXML:edXMLHeader>", b"<edXML:Signature><x>dummy</x></edXML:Signature></edXML:edXMLHeader>"
        )
        .replace(b"</edXML>", b"<!-- b --></edXML>")
    )

    result = signed(body)

    assert b"<!--" not in result
    assert b"dummy" not in result
    assert verify_signature(parse_hardened(result), location=ENVELOPE).signed_by == KEY.fingerprint


def test_the_sender_is_read_for_whoever_chooses_the_key() -> None:
    assert drafted(BODY)[0].sender == "G22"


def test_one_that_is_signed_already_says_so() -> None:
    assert drafted(sign_envelope(BODY, KEY))[0].is_signed
    assert not drafted(BODY)[0].is_signed


def test_what_is_no_envelope_is_refused() -> None:
    with pytest.raises(MalformedMessage) as refusal:
        drafted(b"<edXML/>")

    assert refusal.value.violations[0].code is RejectionCode.NOT_AN_ENVELOPE
