"""Reads documents, statuses and receipts, only ever out of what a signature covers."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from hub.evidence.signed_xml import Unproved

_EDXML: Final = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"
_OVERLAY: Final = "{urn:vn:truc:route-overlay:1.0}"
_RECEIPT: Final = "{urn:vn:truc:receipt:1.0}"
_LEVEL_ONE: Final = re.compile(r"[A-Z][0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Header of a document or of a status, as its sender signed it."""

    sender: str
    document_id: str
    status: str | None = None
    answered: str | None = None
    """Of a status: the agency whose document it is about; with 13, the recipient's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the hub attests."""

    receipt_id: str
    event: str
    issued_at: datetime
    message_id: str
    digest: bytes
    recipients: tuple[str, ...]
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A route that an operator of the hub changed."""

    message_id: str
    recipient: str
    from_mailbox: str
    to_mailbox: str
    operator: str
    reason: str
    at: datetime


def read_overlay(root: etree._Element, about: frozenset[str]) -> Overlay:
    """Return the changed route that *root* is, of a message named in *about*; raises `Unproved` else."""
    fields = {str(each.tag).removeprefix(_OVERLAY): each.text or "" for each in root}
    try:
        at = datetime.fromisoformat(fields["At"])
        overlay = Overlay(
            message_id=fields["MessageId"],
            recipient=fields["Recipient"],
            from_mailbox=fields["FromMailbox"],
            to_mailbox=fields["ToMailbox"],
            operator=fields["Operator"],
            reason=fields["Reason"],
            at=at,
        )
    except (LookupError, ValueError) as error:
        raise Unproved("không đọc được", f"cannot be read ({error})") from error
    if root.tag != f"{_OVERLAY}RouteOverlay" or at.tzinfo is None:
        raise Unproved("không phải thay đổi tuyến", "not a changed route")
    if overlay.message_id not in about:
        raise Unproved("nói về văn bản khác", "is about another document")
    return overlay


def read_letter(root: etree._Element) -> Letter:
    """Return the header of the document or status *root*; raises `Unproved` where there is none."""
    fields = root.find(f"{_EDXML}edXMLEnvelope/{_EDXML}edXMLHeader/{_EDXML}MessageHeader")
    if root.tag != f"{_EDXML}edXML" or fields is None:
        raise Unproved("không phải gói tin edXML", "not an edXML message")
    status = _text(fields, f"{_EDXML}StatusCode")
    about = f"{_EDXML}ResponseFor/" if status else ""
    letter = Letter(
        sender=_text(fields, f"{_EDXML}From/{_EDXML}OrganId"),
        document_id=_text(fields, f"{about}{_EDXML}DocumentId"),
        status=status or None,
        answered=_text(fields, f"{about}{_EDXML}OrganId") if status else None,
    )
    if not letter.sender or not letter.document_id:
        raise Unproved("thiếu nơi gửi hoặc mã văn bản", "it lacks sender or DocumentId")
    return letter


def read_receipts(root: etree._Element) -> list[Receipt]:
    """Return the receipt, or those on the sheet, that *root* is; raises `Unproved` else."""
    elements = [root] if root.tag == f"{_RECEIPT}Receipt" else list(root)
    if root.tag not in {f"{_RECEIPT}Receipt", f"{_RECEIPT}Receipts"} or not elements:
        raise Unproved("không phải biên nhận", "not a receipt")
    try:
        return [_receipt(each) for each in elements]
    except ValueError as error:
        raise Unproved("biên nhận không đọc được", f"the receipt cannot be read ({error})") from error


def same_agency(one: str, other: str) -> bool:
    """Whether two codes name the same agency: they are written from left to right, or reversed and padded."""
    return _key(one) == _key(other)


def _key(code: str) -> list[str]:
    groups = code.strip().upper().split(".")
    if not _LEVEL_ONE.fullmatch(groups[0]) and _LEVEL_ONE.fullmatch(groups[-1]):
        groups.reverse()
    while len(groups) > 1 and not groups[-1].strip("0"):
        groups.pop()
    return groups


def _receipt(root: etree._Element) -> Receipt:
    if root.tag != f"{_RECEIPT}Receipt":
        raise ValueError(f"{root.tag} on a sheet of receipts")
    at = datetime.fromisoformat(_needed(root, "IssuedAt"))
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return Receipt(
        receipt_id=_needed(root, "ReceiptId"),
        event=_needed(root, "Event"),
        issued_at=at,
        message_id=_needed(root, "MessageId"),
        digest=bytes.fromhex(_needed(root, "Digest")),
        recipients=tuple(
            _text(each, f"{_RECEIPT}Recipient") for each in root.iterfind(f"{_RECEIPT}Delivery")
        ),
        failure=_text(root, f"{_RECEIPT}Failure") or None,
    )


def _needed(parent: etree._Element, name: str) -> str:
    text = _text(parent, f"{_RECEIPT}{name}")
    if not text:
        raise ValueError(f"{name} is missing")
    return text


def _text(parent: etree._Element, path: str) -> str:
    """Return the text of the first element at *path*; no comment can interrupt it, those were refused."""
    return " ".join((parent.findtext(path) or "").split())
