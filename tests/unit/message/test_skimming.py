"""Skimming: one pass over a large envelope that agrees with what lxml makes of it as a whole."""

import hashlib
import io
import tracemalloc
from base64 import b64encode
from codecs import BOM_UTF8
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from hub.errors import MalformedMessage, RejectionCode
from hub.message.attachment_reading import decode, encoded_attachments
from hub.message.edxml import EDXML_NAMESPACE
from hub.message.edxml_elements import outline
from hub.message.hardened_xml import parse_hardened
from hub.message.skimming import (
    KEPT_LETTERS,
    SkimLimits,
    Skimmed,
    SkimmedAttachment,
    Skimmer,
    decoded_pieces,
    skim,
)
from hub.message.xml_stream import StreamLimits
from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document
from tests.support.xml_strategies import documents

SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
DS = "http://www.w3.org/2000/09/xmldsig#"
FILE = bytes(range(256)) * 400


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def canonical(body: bytes) -> bytes:
    tree = parse_hardened(body.removeprefix(BOM_UTF8)).getroottree()
    return etree.tostring(tree, method="c14n", exclusive=True, with_comments=False)


def canonical_if_any(body: bytes) -> bytes | None:
    """Return None where libxml2 refuses *body*, as the skeleton is refused when intake parses it."""
    try:
        return canonical(body)
    except (etree.XMLSyntaxError, etree.C14NError):  # a namespace that is no absolute URI, for instance
        return None


def an_envelope(content: str, *, before: str = "") -> bytes:
    return (
        f'<edXML xmlns="{EDXML_NAMESPACE}">{before}<AttachmentEncoded><Attachment><ContentId>1</ContentId>'
        f"<ContentTransferEncoded>{content}</ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>"
    ).encode()


def only_attachment(skimmed: Skimmed) -> SkimmedAttachment:
    (attachment,) = skimmed.attachments
    assert attachment is not None
    return attachment


@given(documents(), st.integers(1, 400))
@example(b'<a xmlns="urn:x"><b xmlns=""><c xmlns="urn:x" d="&#9;&#10;&#13;&quot;"/></b></a>', 7)
@example(b'<p:a xmlns:p="urn:x"><b xmlns:q="urn:x" q:z="1" p:y="2" xml:lang="vi"/></p:a>', 1)
def test_the_digest_is_that_of_the_canonical_form_which_lxml_makes(body: bytes, size: int) -> None:
    skimmed = skim(pieces(body, size))

    assert skimmed.covered[SHA256] == hashlib.sha256(canonical(body)).digest()
    assert skimmed.digest == hashlib.sha256(body).digest()
    assert skimmed.octets == len(body)


@given(documents())
def test_the_skeleton_of_what_has_no_attachments_says_the_same_as_the_document(body: bytes) -> None:
    skeleton = skim([body]).skeleton

    assert canonical(skeleton) == canonical(body)
    assert skim([skeleton]).skeleton == skeleton


@pytest.mark.parametrize("sender", ["G22", "H41"])
def test_a_signed_envelope_has_the_digest_that_its_signature_names(sender: str) -> None:
    body = sign_envelope(a_document().with_attachment("b.bin", FILE).unsigned(), agency_signing_key(sender))
    tree = etree.fromstring(body)
    named = tree.findtext(f".//{{{DS}}}DigestValue")

    skimmed = skim(pieces(body, 1000))

    assert b64encode(skimmed.covered[SHA256]).decode() == named
    assert set(skimmed.covered) == {SHA256}


@pytest.mark.parametrize(
    "line", [0, 60, 64, 76], ids=["in one line", "lines of 60", "lines of 64", "lines of 76"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "&#13;\n", "\t "], ids=["LF", "CRLF", "reference", "spaces"])
def test_an_attachment_is_known_by_its_length_and_digest(line: int, end: str) -> None:
    letters = b64encode(FILE).decode()
    written = end.join(letters[at : at + line] for at in range(0, len(letters), line)) if line else letters
    body = an_envelope(written)

    skimmed = skim(pieces(body, 999))

    attachment = only_attachment(skimmed)
    assert (attachment.octets, attachment.digest) == (len(FILE), hashlib.sha256(FILE).digest())
    assert attachment.is_base64
    assert not attachment.is_whole
    read = b"".join(decoded_pieces(pieces(body[attachment.start : attachment.end], 1000)))
    assert read == FILE


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["=", "==", "A", "AA==", "QUJD", " ", "\n", "\t", "é", "&#65;", "-", "<!--x-->", "B"]
            ),
            st.text("ABCab01+/=", max_size=9),
            st.sampled_from(["<x/>", "<x>QUJD</x>", "<![CDATA[QUJD]]>"]),
        ),
        max_size=12,
    ),
    st.integers(1, 50),
)
def test_base64_is_what_the_ordinary_reading_takes_for_it(parts: list[str], size: int) -> None:
    body = an_envelope("".join(parts))
    (encoded,) = encoded_attachments(outline(parse_hardened(body)))
    expected = decode(encoded)

    attachment = only_attachment(skim(pieces(body, size)))

    assert attachment.is_base64 == (expected is not None)
    if expected is not None:
        assert (attachment.octets, attachment.digest) == (len(expected), hashlib.sha256(expected).digest())
        inside = pieces(body[attachment.start : attachment.end], size)
        assert b"".join(decoded_pieces(inside)) == expected


def test_the_skeleton_keeps_the_head_of_an_attachment_as_whole_groups() -> None:
    skimmed = skim([an_envelope(b64encode(FILE).decode())])

    (encoded,) = encoded_attachments(outline(parse_hardened(skimmed.skeleton)))
    assert decode(encoded) == FILE[: KEPT_LETTERS // 4 * 3]
    assert len(skimmed.skeleton) < KEPT_LETTERS + 1_000


def test_a_small_attachment_is_whole_in_the_skeleton() -> None:
    skimmed = skim([an_envelope("QUJD")])

    assert only_attachment(skimmed).is_whole
    assert b">QUJD<" in skimmed.skeleton


def test_attachments_stand_in_the_order_in_which_the_skeleton_has_them() -> None:
    n = EDXML_NAMESPACE
    body = (
        f'<edXML xmlns="{n}"><Other><Attachment><ContentTransferEncoded>QQ==</ContentTransferEncoded>'
        "</Attachment></Other><AttachmentEncoded><Attachment><ContentId>1</ContentId></Attachment><Attachment>"
        "<ContentTransferEncoded>QUI=</ContentTransferEncoded>"
        "<ContentTransferEncoded>QUJD</ContentTransferEncoded></Attachment>"
        "<Other><ContentTransferEncoded>QQ==</ContentTransferEncoded></Other>"
        '<Attachment xmlns="urn:other"/></AttachmentEncoded>'
        "<AttachmentEncoded><Attachment><ContentTransferEncoded>QUJD</ContentTransferEncoded></Attachment>"
        "</AttachmentEncoded></edXML>"
    ).encode()

    skimmed = skim([body])

    assert [each and each.octets for each in skimmed.attachments] == [None, 2]
    assert len(encoded_attachments(outline(parse_hardened(skimmed.skeleton)))) == 2


def test_a_byte_order_mark_does_not_move_what_is_found_in_the_file() -> None:
    body = BOM_UTF8 + an_envelope("QUJD")

    attachment = only_attachment(skim([body]))

    assert b"".join(decoded_pieces([body[attachment.start : attachment.end]])) == b"ABC"


def test_what_a_signature_covers_does_not_depend_on_where_the_signature_stands() -> None:
    signature = f'<s:Signature xmlns:s="{DS}"><s:SignedInfo><s:X/></s:SignedInfo>text</s:Signature>'

    plain, signed = skim([an_envelope("QUJD")]), skim([an_envelope("QUJD", before=signature)])

    assert set(signed.covered) == set()
    assert b"<s:SignedInfo>" in signed.skeleton
    assert set(plain.covered) > {SHA256}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", RejectionCode.NOT_WELL_FORMED),
        (b"   ", RejectionCode.NOT_WELL_FORMED),
        (b"<a>", RejectionCode.NOT_WELL_FORMED),
        (b"<a/><b/>", RejectionCode.NOT_WELL_FORMED),
        (b"<a><p:b/></a>", RejectionCode.NOT_WELL_FORMED),
        (b'<a b="1" b="2"/>', RejectionCode.NOT_WELL_FORMED),
        (b'<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>', RejectionCode.NOT_WELL_FORMED),
        (b"<a>&unknown;</a>", RejectionCode.NOT_WELL_FORMED),
        (b'<?xml version="2.0"?><a/>', RejectionCode.NOT_WELL_FORMED),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', RejectionCode.FORBIDDEN_XML),
        (b"<a><!-- <!DOCTYPE --></a>", RejectionCode.FORBIDDEN_XML),
        (b"<a><![CDATA[<!ENTITY]]></a>", RejectionCode.FORBIDDEN_XML),
        (b'<a xmlns="urn:x?a&amp;b"/>', RejectionCode.FORBIDDEN_XML),
        (b"<a>\x00</a>", RejectionCode.FORBIDDEN_XML),
        (b"<a>\xff</a>", RejectionCode.WRONG_ENCODING),
        (b"<a>\xc0\x80</a>", RejectionCode.WRONG_ENCODING),
        ("<a/>".encode("utf-16"), RejectionCode.WRONG_ENCODING),
        (b'<?xml version="1.0" encoding="windows-1258"?><a/>', RejectionCode.WRONG_ENCODING),
        (b"<a>" * 40 + b"</a>" * 40, RejectionCode.TOO_COMPLEX),
        (b"<a>" + b"<b/>" * 10_001 + b"</a>", RejectionCode.TOO_COMPLEX),
        (b'<a b="' + b"x" * 5_000 + b'"/>', RejectionCode.TOO_COMPLEX),
        (b'<a xmlns="urn:' + b"x" * 5_000 + b'"/>', RejectionCode.TOO_COMPLEX),
        (b"<a " + b" ".join(b'b%d=""' % n for n in range(50_001)) + b"/>", RejectionCode.TOO_COMPLEX),
        (b"<a " + b" ".join(b'xmlns:b%d="c"' % n for n in range(5_001)) + b"/>", RejectionCode.TOO_COMPLEX),
        (b"<a><!--" + b"x" * 3_000_000, RejectionCode.TOO_COMPLEX),
        (b"<a " + b"x" * 3_000_000, RejectionCode.TOO_COMPLEX),
        (b"<a>" + b"x" * 13_000_000 + b"</a>", RejectionCode.TOO_COMPLEX),
    ],
    ids=range(27),
)
@pytest.mark.parametrize("size", [997, 10**9], ids=["in pieces", "at once"])
def test_what_the_ordinary_checks_would_refuse_is_refused(
    body: bytes, code: RejectionCode, size: int
) -> None:
    with pytest.raises(MalformedMessage) as refusal:
        skim(pieces(body, size))

    assert refusal.value.violations[0].code is code


def test_more_than_the_limit_is_refused_before_its_end_is_seen() -> None:
    skimmer = Skimmer(SkimLimits(xml=StreamLimits(octets=1_000_000)))
    skimmer.feed(b"<a>" + b" " * 900_000)

    with pytest.raises(MalformedMessage) as refusal:
        skimmer.feed(b" " * 400_000)

    assert refusal.value.violations[0].code is RejectionCode.MESSAGE_TOO_LARGE


@given(st.binary(max_size=300), st.integers(1, 50))
def test_octets_of_a_stranger_are_skimmed_or_refused_and_nothing_else(octets: bytes, size: int) -> None:
    for body in (octets, an_envelope("") + octets, b"<a>" + octets + b"</a>"):
        try:
            skimmed = skim(pieces(body, size))
        except MalformedMessage:
            continue
        assert canonical_if_any(skimmed.skeleton) == canonical_if_any(body)


@pytest.mark.parametrize("name", [" ", "a b", "%", "đ", "x"])
def test_a_namespace_that_no_envelope_may_have_is_left_for_the_parser_of_the_skeleton(name: str) -> None:
    body = f'<a xmlns="{name}"/>'.encode()

    skeleton = skim(pieces(body, 7)).skeleton

    assert canonical_if_any(skeleton) is canonical_if_any(body) is None


def test_memory_stays_flat_however_large_the_attachment() -> None:
    line = b64encode(bytes(57)) + b"\n"
    block = line * 4_000
    skimmer = Skimmer()
    head, _, tail = an_envelope("@").partition(b"@")
    tracemalloc.start()

    for octets in (head, *[block] * 100, tail):
        skimmer.feed(octets)
    skimmed = skimmer.close()

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert only_attachment(skimmed).octets == 57 * 4_000 * 100
    assert peak < 6_000_000
    assert io.BytesIO(skimmed.skeleton).getbuffer().nbytes < KEPT_LETTERS + 1_000
