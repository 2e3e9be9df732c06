"""Whatever is done to a signed envelope, verification answers with a refusal or with what was signed."""

import copy
import random
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.errors import MessageRejected
from hub.message.hardened_xml import parse_hardened
from hub.signature.certificates import check_certificate
from hub.signature.profile import ENVELOPE
from hub.signature.signing import sign_envelope
from hub.signature.verification import verify_signature
from tests.support.authority import AT, agency_signing_key, session_anchors
from tests.support.crafted_signature import Craft, craft
from tests.support.edxml import envelope

ROUNDS = 400
DIGIT_SOUP = b'<>/="&;#x \n\x01\xff:0Aa'


def signed() -> bytes:
    return sign_envelope(envelope(), agency_signing_key("H41.07"))


def with_other_bytes(body: bytes, chance: random.Random) -> bytes:
    octets = bytearray(body)
    for _ in range(chance.choice((1, 1, 3))):
        octets[chance.randrange(len(octets))] = chance.choice(DIGIT_SOUP)
    return bytes(octets)


def with_other_elements(body: bytes, chance: random.Random) -> bytes:
    root = etree.fromstring(body)
    one, other = chance.choice(list(root.iter())), chance.choice(list(root.iter()))
    match chance.randrange(5):
        case 0:
            one.text = chance.choice(["", None, "ÿ", "===", "1" * 30])
        case 1:
            one.tail = "x"
        case 2:
            other.append(copy.deepcopy(one))
        case 3:
            one.tag = other.tag
        case _:
            one.set(chance.choice(["Id", "Algorithm", "URI", "{x}relative"]), "#a")
    return etree.tostring(root)


def spoiled(seed: int) -> Iterator[etree._Element]:
    chance, body = random.Random(seed), signed()
    for _ in range(ROUNDS):
        spoil = chance.choice((with_other_bytes, with_other_elements))
        try:
            yield parse_hardened(spoil(body, chance))
        except etree.XMLSyntaxError:
            continue


@pytest.mark.parametrize("seed", range(5))
def test_a_spoiled_envelope_is_refused_or_reads_as_it_was_signed(seed: int) -> None:
    octets = verify_signature(parse_hardened(signed()), location=ENVELOPE).octets

    for root in spoiled(seed):
        try:
            content = verify_signature(root, location=ENVELOPE)
        except MessageRejected:
            continue
        assert content.octets == octets


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("seed", range(5))
def test_a_spoiled_certificate_is_refused(seed: int) -> None:
    chance, key = random.Random(seed), agency_signing_key("H41.07")
    encoded = key.certificate.public_bytes(Encoding.DER)

    for _ in range(ROUNDS):
        position = chance.randrange(len(encoded))
        octets = bytearray(encoded)
        octets[position] ^= chance.randrange(1, 256)
        how = Craft(encoded=[bytes(octets), *(each.public_bytes(Encoding.DER) for each in key.chain)])
        with pytest.raises(MessageRejected):
            trust(craft(envelope(), key, how))


def trust(body: bytes) -> None:
    content = verify_signature(parse_hardened(body), location=ENVELOPE)
    finding = check_certificate(content.certificate, content.chain, session_anchors(), AT)
    if finding.violation is not None:
        raise MessageRejected([finding.violation])


def test_a_relative_namespace_has_no_canonical_form_and_is_refused() -> None:
    body = signed().replace(b"<edXML:TraceHeaderList ", b'<edXML:TraceHeaderList xmlns:r="relative" r:a="1" ')

    with pytest.raises(MessageRejected, match="no canonical form"):
        verify_signature(parse_hardened(body), location=ENVELOPE)
