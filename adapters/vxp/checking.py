"""Whether a packet is what the call says it is, and what has to be known of it to send it."""

from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from lxml import etree

from adapters.vxp.gateway import Packet, PacketKind
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.uploads import Upload
from hub.errors import MalformedMessage, SignatureRejected
from hub.message.edxml import DocumentHeader, Header, StatusHeader
from hub.message.edxml_elements import outline
from hub.message.edxml_reading import find_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import AgencyCode, AgencyKey, Digest, agency_key, digest_of
from hub.message.skimming import skim
from hub.signature.core_validation import remove_element
from hub.signature.profile import ENVELOPE, SIGNATURE, ds
from hub.signature.skimmed import read_skeleton, verify_skimmed
from hub.signature.verification import verify_signature

_DEEPEST: Final = 60
_MOST_ELEMENTS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPacket:
    """A packet whose envelope agrees with its call."""

    header: Header
    body: bytes = field(default=b"", repr=False)
    """The envelope, without a signature that is none."""
    file: Path | None = None
    """Where it is instead, where it is large."""
    digest: Digest
    """Of the exact bytes that the system handed over."""
    is_signed: bool


def check(packet: Packet) -> CheckedPacket:
    """Return what *packet* is; raises `Refused` where it is no edXML, or another than the call says."""
    if packet.file is not None:
        return _check_large(packet, packet.file)
    root = _read(packet.body)
    header = _header(packet, root)
    is_signed, body = _settle_signature(root, packet.body)
    return CheckedPacket(header=header, body=body, digest=digest_of(packet.body), is_signed=is_signed)


def _check_large(packet: Packet, file: Path) -> CheckedPacket:
    """Check what is in a file by one pass over it, as the axis does."""
    try:
        skimmed = skim(Upload(file=file).pieces())
        root = read_skeleton(skimmed)
    except MalformedMessage as error:
        raise Refused(Reason.NOT_EDXML, detail=str(error)) from error
    header = _header(packet, root)
    is_signed = next(root.iter(SIGNATURE), None) is not None
    try:
        if is_signed:
            verify_skimmed(skimmed)
    except SignatureRejected as error:
        raise Refused(Reason.BROKEN_SIGNATURE, detail=error.violations[0].en) from error
    return CheckedPacket(header=header, file=file, digest=skimmed.digest, is_signed=is_signed)


def _header(packet: Packet, root: etree._Element) -> Header:
    header = find_header(outline(root))
    if header is None:
        raise Refused(Reason.NOT_EDXML, detail="MessageHeader")
    _compare(packet, header)
    return header


def header_of(body: bytes) -> Header:
    """Return the header of an edXML file; raises `Refused` where it is none."""
    header = find_header(outline(_read(body)))
    if header is None:
        raise Refused(Reason.NOT_EDXML, detail="MessageHeader")
    return header


def _read(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body:
        raise Refused(Reason.NOT_EDXML, detail="DOCTYPE")
    try:
        root = parse_hardened(body.removeprefix(BOM_UTF8))
    except etree.XMLSyntaxError as error:
        raise Refused(Reason.NOT_EDXML, detail=error.msg) from error
    if root.tag != ENVELOPE.names[0]:
        raise Refused(Reason.NOT_EDXML, detail=str(root.tag))
    _refuse_too_complex(root)
    return root


def _refuse_too_complex(root: etree._Element) -> None:
    depth = 0
    for count, (event, _) in enumerate(etree.iterwalk(root, events=("start", "end"))):
        depth += 1 if event == "start" else -1
        if depth > _DEEPEST or count > 2 * _MOST_ELEMENTS:
            raise Refused(Reason.NOT_EDXML, detail="too complex")


def _compare(packet: Packet, header: Header) -> None:
    match header:
        case DocumentHeader(recipients=recipients):
            kind = PacketKind.EDOC
        case StatusHeader(original_sender=original_sender):
            kind, recipients = PacketKind.STATUS, (original_sender,)
    _agree("messagetype", packet.kind, kind)
    if agency_key(packet.sender) != agency_key(header.sender):
        raise _disagreeing("from", packet.sender, header.sender)
    if _keys(packet.recipients) != _keys(recipients):
        raise _disagreeing("to", ", ".join(packet.recipients), ", ".join(recipients))


def _agree(name: str, said: str, written: str) -> None:
    if said != written:
        raise _disagreeing(name, said, written)


def _disagreeing(name: str, said: str, written: str) -> Refused:
    return Refused(Reason.DISAGREEING_HEADERS, name=name, said=said, written=written)


def _keys(codes: Iterable[AgencyCode]) -> frozenset[AgencyKey]:
    return frozenset(map(agency_key, codes))


def _settle_signature(root: etree._Element, body: bytes) -> tuple[bool, bytes]:
    """Return whether *body* is signed, and the envelope without what only looks like a signature.

    A signature with a certificate in it is one: it holds, or the packet is refused. One without any that
    can be read, such as samples and old software write, cannot have been made by anybody.
    """
    found = list(root.iter(SIGNATURE))
    if not found:
        return False, body
    if not any(_has_certificate(each) for each in found):
        for each in found:
            remove_element(each)
        return False, etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    try:
        verify_signature(root, location=ENVELOPE)
    except SignatureRejected as error:
        raise Refused(Reason.BROKEN_SIGNATURE, detail=error.violations[0].en) from error
    return True, body


def _has_certificate(signature: etree._Element) -> bool:
    for each in signature.iter(ds("X509Certificate")):
        try:
            x509.load_der_x509_certificate(b64decode("".join((each.text or "").split()), validate=True))
        except ValueError:
            continue
        return True
    return False
