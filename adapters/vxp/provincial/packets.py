"""Packets as this face takes and gives them: what a file says of itself, and its attachments unpacked."""

from pathlib import Path
from typing import Final

import pybase64
from lxml import etree

from adapters.vxp.catalogue.catalogue import Catalogue
from adapters.vxp.checking import header_of
from adapters.vxp.gateway import Packet, PacketKind, Received
from adapters.vxp.provincial.shapes import Edoc, Unpacked
from adapters.vxp.refusals import Reason, Refused
from hub.errors import SchemaViolation
from hub.message.attachment_reading import decode, encoded_attachments, open_attachment
from hub.message.edxml import DocumentHeader, StatusHeader
from hub.message.edxml_elements import message_header, outline, text
from hub.message.hardened_xml import parse_hardened
from hub.message.zip_container import Oversized

MOST_UNPACKED: Final = 64 * 1024 * 1024
LARGEST_FILE: Final = 96 * 1024 * 1024
"""This call answers with the file as one piece of JSON; what is larger is fetched by `downloadEdoc`."""


def packet_of(kind: PacketKind, body: bytes) -> Packet:
    """Return the packet that *body* is, a file of *kind*; raises `Refused` where it is no edXML.

    This face names neither sender nor recipients beside the file.
    """
    header = header_of(body)
    match header:
        case DocumentHeader(recipients=recipients):
            pass
        case StatusHeader(original_sender=original_sender):
            recipients = (original_sender,)
    return Packet(kind=kind, sender=header.sender, recipients=recipients, body=body)


def require_recipients(packet: Packet, catalogue: Catalogue | None) -> None:
    """Refuse a packet for somebody whom the catalogue does not know, or knows as closed.

    Without a catalogue, and where it is too old to know somebody, the axis itself refuses.
    """
    if catalogue is None or catalogue.version is None:
        return
    for code in packet.recipients:
        entry = catalogue.find(code)
        if entry is None:
            raise Refused(Reason.UNKNOWN_AGENCY, code=code)
        if not entry.is_open:
            raise Refused(Reason.CLOSED_AGENCY, code=code)


def unpack(found: Received, path: Path) -> Edoc:
    """Return what was received with its attachments unpacked; raises `Refused` where one cannot be."""
    if path.stat().st_size > LARGEST_FILE:
        raise Refused(Reason.TOO_LARGE)
    body = path.read_bytes()
    try:
        root = parse_hardened(body)
        attachments = _attachments(root)
    except (etree.XMLSyntaxError, SchemaViolation) as error:
        raise Refused(Reason.NOT_EDXML, detail=type(error).__name__) from error
    return Edoc(
        doc_id=found.doc_id,
        sender=found.sender,
        sender_name=text(message_header(outline(root)), "From", "OrganName"),
        edoc_code=found.notation,
        edoc_abstract=found.title,
        edxml=pybase64.b64encode_as_string(body),
        attachments=attachments,
    )


def _attachments(root: etree._Element) -> list[Unpacked]:
    unpacked: list[Unpacked] = []
    left = MOST_UNPACKED
    for each in encoded_attachments(outline(root)):
        content = decode(each)
        opened = open_attachment(each, content, limit=left) if content is not None else None
        if opened is None or isinstance(opened, Oversized):
            raise Refused(Reason.NOT_EDXML, detail=each.name)
        left -= len(opened.content)
        if left < 0:
            raise Refused(Reason.TOO_LARGE)
        unpacked.append(
            Unpacked(file_name=each.name, file_content=pybase64.b64encode_as_string(opened.content))
        )
    return unpacked
