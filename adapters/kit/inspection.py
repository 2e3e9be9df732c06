"""Decides whether something in the mailbox's queue may be believed; nothing in it is read before."""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lxml import etree

from adapters.kit.broker import Arrived
from adapters.kit.delivery import ArrivedSheet, ArrivedStatus, Consignment, Delivery, ReceivedAttachment
from adapters.kit.error import DeliveryRejected
from adapters.kit.incoming import Rejection
from adapters.kit.octets import InMemory
from hub.errors import SignatureRejected
from hub.message import properties
from hub.message.attachment_reading import read_attachments
from hub.message.edxml import DocumentHeader, Header, MessageKind, StatusHeader
from hub.message.edxml_reading import read_header
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Fingerprint,
    MailboxName,
    MessageId,
    agency_key,
    digest_of,
)
from hub.signature.certificates import TrustAnchors, check_certificate
from hub.signature.profile import ENVELOPE
from hub.signature.receipts import verify_receipts
from hub.signature.verification import SignedContent, verify_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom this mailbox believes."""

    mailbox: MailboxName
    agencies: TrustAnchors
    """Roots of the certificates with which agencies sign."""
    hub: TrustAnchors
    """Roots of the certificate with which the hub signs receipts."""
    hub_certificates: frozenset[Fingerprint]
    """The very certificates with which the hub signs: an agency's, from the same roots, is none of them."""


def inspect(arrived: Arrived, trust: Trust, at: datetime) -> Delivery | ArrivedStatus | ArrivedSheet:
    """Return what arrived, read from verified bytes and equal to what the axis wrote beside them.

    Raises `SignatureRejected` where a signature does not hold, `DeliveryRejected` where the two differ.
    """
    consignment = read_consignment(arrived)
    if arrived.type == MessageKind.RECEIPT:
        return _inspect_receipts(arrived, consignment, trust, at)
    if consignment.message_id is None:
        raise DeliveryRejected(f"the AMQP header {properties.HUB_MESSAGE_ID} is missing")
    signed = _verified(arrived.body, trust.agencies, at)
    tree = signed.signed_tree
    header = read_header(tree)
    compare(header, consignment, arrived.type)
    match header:
        case DocumentHeader():
            return Delivery(
                consignment=consignment,
                header=header,
                attachments=tuple(map(ReceivedAttachment.of, read_attachments(tree))),
                envelope=InMemory(content=arrived.body),
                signature=signed.facts,
            )
        case StatusHeader():
            return ArrivedStatus(consignment=consignment, header=header, body=arrived.body)


def read_rejection(arrived: Arrived) -> Rejection | None:
    """Return what the journal notes about a rejected delivery; None where not even its name can be read."""
    try:
        delivery_id = DeliveryId(UUID(_text(arrived.headers, properties.DELIVERY_ID)))
        attempt = _number(arrived.headers, properties.ATTEMPT)
    except (DeliveryRejected, ValueError):
        return None
    return Rejection(delivery_id=delivery_id, kind=arrived.type or "unknown", attempt=attempt)


def _inspect_receipts(arrived: Arrived, consignment: Consignment, trust: Trust, at: datetime) -> ArrivedSheet:
    receipts = verify_receipts(
        arrived.body, anchors=trust.hub, hub_certificates=trust.hub_certificates, at=at
    )
    for receipt in receipts:
        if receipt.mailbox != trust.mailbox:
            raise DeliveryRejected(f"the receipt is for {receipt.mailbox}")
    return ArrivedSheet(
        consignment=consignment, receipts=receipts, body=arrived.body, digest=digest_of(arrived.body)
    )


def _verified(body: bytes, anchors: TrustAnchors, at: datetime) -> SignedContent:
    if b"<!DOCTYPE" in body:
        raise DeliveryRejected("the envelope has a document type declaration")
    try:
        root = parse_hardened(body.removeprefix(BOM_UTF8))
    except etree.XMLSyntaxError as error:
        raise DeliveryRejected(f"the envelope is not well-formed XML: {error.msg}") from error
    signed = verify_signature(root, location=ENVELOPE)
    refuse_stranger(signed, anchors, at)
    return signed


def refuse_stranger(signed: SignedContent, anchors: TrustAnchors, at: datetime) -> None:
    """Raise `SignatureRejected` where the signer's certificate does not lead to one of *anchors*."""
    finding = check_certificate(signed.certificate, signed.chain, anchors, at)
    if finding.violation is not None:
        raise SignatureRejected([finding.violation])


def compare(header: Header, consignment: Consignment, kind: str | None) -> None:
    """Refuse an envelope under the name of another: the signed bytes and the axis must say the same."""
    expected = MessageKind.DOCUMENT if isinstance(header, DocumentHeader) else MessageKind.STATUS
    if kind != expected:
        raise DeliveryRejected(f"the envelope is a {expected}, the axis says {kind}")
    if agency_key(header.sender) != consignment.sender:
        raise DeliveryRejected(f"the envelope is from {header.sender}, the axis says {consignment.sender}")
    if isinstance(header, DocumentHeader):
        recipients = {agency_key(code) for code in header.recipients}
        if consignment.recipient not in recipients:
            raise DeliveryRejected(f"{consignment.recipient} is not among the document's recipients")


def read_consignment(arrived: Arrived) -> Consignment:
    """Return what the axis wrote beside the bytes; raises `DeliveryRejected` where it is not that."""
    headers = arrived.headers
    sender = headers.get(properties.SENDER)
    try:
        return Consignment(
            delivery_id=DeliveryId(UUID(_text(headers, properties.DELIVERY_ID))),
            attempt=_number(headers, properties.ATTEMPT),
            message_id=_message_id(headers),
            sender=AgencyKey(str(sender)) if sender is not None else None,
            recipient=AgencyKey(_text(headers, properties.RECIPIENT)),
            lane=_text(headers, properties.LANE),
            lane_number=_number(headers, properties.LANE_NUMBER),
            correlation_id=arrived.correlation_id or "",
            is_redelivered=arrived.is_redelivered,
        )
    except ValueError as error:
        raise DeliveryRejected(f"an AMQP header is not what the axis writes: {error}") from error


def _message_id(headers: Mapping[str, object]) -> MessageId | None:
    if headers.get(properties.HUB_MESSAGE_ID) is None:
        return None
    return MessageId(UUID(_text(headers, properties.HUB_MESSAGE_ID)))


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name)
    if not isinstance(value, str):
        raise DeliveryRejected(f"the AMQP header {name} is missing or no text")
    return value


def _number(headers: Mapping[str, object], name: str) -> int:
    value = headers.get(name)
    if not isinstance(value, int):
        raise DeliveryRejected(f"the AMQP header {name} is missing or no number")
    return value
