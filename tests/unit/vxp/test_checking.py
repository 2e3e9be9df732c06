"""A packet is sent when its envelope agrees with its call; what only looks like a signature gives way."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.vxp.checking import check
from adapters.vxp.gateway import Packet, PacketKind
from adapters.vxp.refusals import Reason, Refused
from hub.message.edxml import XMLDSIG_NAMESPACE
from hub.message.identifiers import AgencyCode, digest_of
from hub.signature.signing import sign_envelope
from tests.support.authority import agency_signing_key
from tests.support.envelopes import a_document, a_status

FILE = a_document().from_("000.00.00.H41").to("H17", "000.00.00.G22").unsigned()
SIGNED = sign_envelope(FILE, agency_signing_key("H41"))
STATUS = a_status().from_("H41").for_("H17,1", sent_by="H17").unsigned()
DUMMY = (
    f'<Signature xmlns="{XMLDSIG_NAMESPACE}"><SignatureValue>GbVb8n9</SignatureValue><KeyInfo><X509Data>'
    "<X509SubjectName>CN=user05</X509SubjectName><X509Certificate>{certificate}</X509Certificate></X509Data>"
    "</KeyInfo></Signature></edXML:edXMLHeader>"
)


def packet(body: bytes, *to: str, sender: str = "H41", kind: PacketKind = PacketKind.EDOC) -> Packet:
    recipients = tuple(map(AgencyCode, to or ("H17", "G22")))
    return Packet(kind=kind, sender=AgencyCode(sender), recipients=recipients, body=body)


def with_dummy(certificate: str) -> bytes:
    dummy = DUMMY.replace("{certificate}", certificate)
    assert b"</edXML:edXMLHeader>" in FILE
    return FILE.replace(b"</edXML:edXMLHeader>", dummy.encode())


def in_file(packet: Packet, folder: Path) -> Packet:
    path = folder / "packet"
    path.write_bytes(packet.body)
    return replace(packet, body=b"", file=path)


def refusal(refused: Packet) -> Reason:
    with pytest.raises(Refused) as told:
        check(refused)
    return told.value.reason


def test_codes_agree_in_whatever_form_they_are_written() -> None:
    checked = check(packet(FILE, "000.00.00.H17", "G22", sender="000.00.00.H41"))

    assert checked.header.sender == "000.00.00.H41"
    assert checked.digest == digest_of(FILE)
    assert checked.body == FILE
    assert not checked.is_signed


@pytest.mark.parametrize(
    "certificate", ["MIIFqTCCBJG", "", "@@@", "bm8gY2VydGlmaWNhdGU="], ids=["cut", "empty", "odd", "text"]
)
def test_a_signature_that_nobody_can_have_made_gives_way(certificate: str) -> None:
    checked = check(packet(with_dummy(certificate)))

    assert not checked.is_signed
    assert XMLDSIG_NAMESPACE.encode() not in checked.body
    assert checked.digest == digest_of(with_dummy(certificate))


def test_what_is_signed_stays_as_it_is() -> None:
    signed = sign_envelope(FILE, agency_signing_key("H41"))

    checked = check(packet(signed))

    assert checked.is_signed
    assert checked.body == signed


def test_what_was_changed_after_it_was_signed_is_refused_and_never_signed_anew() -> None:
    signed = sign_envelope(FILE, agency_signing_key("H41"))

    assert refusal(packet(signed.replace(b"H17", b"H18"), "H18", "G22")) is Reason.BROKEN_SIGNATURE


def test_a_status_goes_to_the_sender_of_its_document() -> None:
    checked = check(packet(STATUS, "000.00.00.H17", kind=PacketKind.STATUS))

    assert checked.body == STATUS


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (packet(FILE, sender="H18"), Reason.DISAGREEING_HEADERS),
        (packet(FILE, "H17"), Reason.DISAGREEING_HEADERS),
        (packet(FILE, "H17", "G22", "G23"), Reason.DISAGREEING_HEADERS),
        (packet(FILE, kind=PacketKind.STATUS), Reason.DISAGREEING_HEADERS),
        (packet(STATUS, "H18", kind=PacketKind.STATUS), Reason.DISAGREEING_HEADERS),
        (packet(b"no XML"), Reason.NOT_EDXML),
        (packet(b"<a/>"), Reason.NOT_EDXML),
        (packet(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'), Reason.NOT_EDXML),
        (packet(b"\xef\xbb\xbf" + FILE.replace(b"MessageHeader", b"Header")), Reason.NOT_EDXML),
        (
            packet(FILE.replace(b"<edXML:Subject>", b"<a>" * 99).replace(b"</edXML:Subject>", b"</a>" * 99)),
            Reason.NOT_EDXML,
        ),
    ],
    ids=["from", "to-less", "to-more", "kind", "status-to", "text", "other", "doctype", "no-header", "deep"],
)
def test_what_is_no_edxml_or_another_than_the_call_says_is_refused(wrong: Packet, reason: Reason) -> None:
    assert refusal(wrong) is reason


@pytest.mark.parametrize("is_signed", [True, False])
def test_what_is_large_is_checked_where_it_lies(tmp_path: Path, *, is_signed: bool) -> None:
    body = sign_envelope(FILE, agency_signing_key("H41")) if is_signed else FILE
    large = in_file(packet(body), tmp_path)

    checked = check(large)

    assert (checked.file, checked.body) == (large.file, b"")
    assert checked.is_signed is is_signed
    assert checked.digest == digest_of(body)
    assert checked.header == check(packet(body)).header


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (packet(FILE, sender="H18"), Reason.DISAGREEING_HEADERS),
        (packet(b"no XML"), Reason.NOT_EDXML),
        (packet(b"<a/>"), Reason.NOT_EDXML),
        (packet(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'), Reason.NOT_EDXML),
        (packet(SIGNED.replace(b"H17", b"H18"), "H18", "G22"), Reason.BROKEN_SIGNATURE),
        (packet(with_dummy("MIIFqTCCBJG")), Reason.BROKEN_SIGNATURE),
    ],
    ids=["from", "text", "other", "doctype", "changed", "dummy"],
)
def test_what_is_wrong_with_a_large_packet_is_told_too(tmp_path: Path, wrong: Packet, reason: Reason) -> None:
    assert refusal(in_file(wrong, tmp_path)) is reason
