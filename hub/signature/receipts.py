"""Verifies receipts of the hub, for whoever holds some: agencies, auditors, courts."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from lxml import etree

from hub.errors import MalformedMessage, RejectionCode
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import Fingerprint
from hub.message.receipt import Receipt
from hub.message.receipt_xml import read_receipts
from hub.message.refusal import violation
from hub.signature.certificates import CERTIFICATE_PATH, TrustAnchors, check_certificate, subject_of
from hub.signature.finding import Finding, SubIndication, adverse, rejected
from hub.signature.profile import RECEIPT, RECEIPT_SHEET, Location
from hub.signature.verification import SignedContent, verify_signature

MAX_OCTETS: Final = 2_000_000
"""Far above a sheet of receipts, and a receipt for the largest number of recipients."""


def verify_receipts(
    body: bytes, *, anchors: TrustAnchors, hub_certificates: Collection[Fingerprint], at: datetime
) -> tuple[Receipt, ...]:
    """Return what *body* proves, one receipt or a sheet of them; raises `MessageRejected` where nothing.

    The signature covers all of it, its certificate is one of *hub_certificates* and leads to one of *anchors*
    at *at*; only the signed bytes were read. For receipts from the archive, *at* is when they were received.
    """
    root = _parse(body)
    content = verify_signature(root, location=_location(root))
    if content.signed_by not in hub_certificates:
        raise rejected(_not_the_hub(content))
    finding = check_certificate(content.certificate, content.chain, anchors, at)
    if finding.violation is not None:
        raise rejected(finding)
    return read_receipts(content.signed_tree)


def _location(root: etree._Element) -> Location:
    return RECEIPT_SHEET if root.tag == RECEIPT_SHEET.names[0] else RECEIPT


def _parse(body: bytes) -> etree._Element:
    if len(body) > MAX_OCTETS:
        raise _malformed(RejectionCode.MESSAGE_TOO_LARGE, size=len(body), limit=MAX_OCTETS)
    if b"<!DOCTYPE" in body:
        raise _malformed(RejectionCode.FORBIDDEN_XML, what_vi="DOCTYPE", what_en="a DOCTYPE")
    try:
        return parse_hardened(body)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise _malformed(RejectionCode.NOT_WELL_FORMED, line=line, column=column) from error


def _malformed(code: RejectionCode, **values: object) -> MalformedMessage:
    return MalformedMessage([violation(code, path="/", rule="XML 1.0, without a DTD", **values)])


def _not_the_hub(content: SignedContent) -> Finding:
    return adverse(
        SubIndication.SIG_CONSTRAINTS_FAILURE,
        RejectionCode.CERTIFICATE_NOT_REGISTERED,
        path=CERTIFICATE_PATH,
        clause="a receipt is signed with a known certificate of the hub",
        subject=subject_of(content.certificate),
    )
