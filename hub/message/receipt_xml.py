"""Receipts as XML (`schemas/receipt/1.0/receipt.xsd`): written before signing, read after verifying."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from lxml import etree

from hub.errors import RejectionCode, SchemaViolation, Violation
from hub.message.identifiers import (
    AgencyKey,
    DeliveryId,
    Digest,
    DocumentId,
    MailboxName,
    MessageId,
    ReceiptId,
    SubmissionId,
)
from hub.message.receipt import FailureKind, Receipt, ReceiptEvent, ReceiptSubject
from hub.message.refusal import violation

RECEIPT_NAMESPACE: Final = "urn:vn:truc:receipt:1.0"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
VIETNAM_TIME: Final = timezone(timedelta(hours=7))
_EMPTY: Final = f'<Receipt xmlns="{RECEIPT_NAMESPACE}"/>'
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def _visible_characters() -> Mapping[int, int]:
    """Map each character that XML cannot carry to one that shows it (control pictures, U+FFFD)."""
    controls = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
    others = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)
    return controls | others


_VISIBLE: Final = _visible_characters()


def write_receipt(receipt: Receipt) -> etree._Element:
    """Return *receipt* as XML, without a signature.

    `read_receipt` gives an equal one back, except that a character which XML cannot carry (NUL and other
    control characters) comes back as the picture of it.
    """
    root = etree.fromstring(_EMPTY)
    _add(root, "ReceiptId", receipt.receipt_id)
    _add(root, "Event", receipt.event)
    _add(root, "IssuedAt", receipt.issued_at.astimezone(VIETNAM_TIME).isoformat())
    _add(root, "Mailbox", receipt.mailbox)
    _add(root, "SubmissionId", receipt.submission_id)
    _add(root, "MessageId", receipt.message_id)
    _add(root, "Digest", receipt.digest.hex()).set("algorithm", SHA256)
    _add_if(root, "Sender", receipt.sender)
    _add_if(root, "DocumentId", receipt.document_id)
    _add(root, "Episode", receipt.episode)
    _add_if(root, "Supersedes", receipt.supersedes)
    _add_if(root, "Failure", receipt.failure)
    _add_if(root, "Cause", receipt.cause)
    for subject in receipt.subjects:
        _add_subject(root, subject)
    for broken in receipt.violations:
        _add_violation(root, broken)
    return root


def read_receipt(root: etree._Element) -> Receipt:
    """Return the receipt that *root* says; raises `SchemaViolation` where it is not one of version 1.0."""
    if root.tag != _tag("Receipt"):
        raise SchemaViolation([_violation("/", f"{root.tag} is not a receipt of version 1.0")])
    try:
        return _receipt(root)
    except (ValueError, LookupError) as error:
        raise SchemaViolation([_violation("/Receipt", f"not a receipt of version 1.0 ({error})")]) from error


def _receipt(root: etree._Element) -> Receipt:
    sender, document_id = _optional(root, "Sender"), _optional(root, "DocumentId")
    failure, supersedes = _optional(root, "Failure"), _optional(root, "Supersedes")
    return Receipt(
        receipt_id=ReceiptId(UUID(_text(root, "ReceiptId"))),
        event=ReceiptEvent(_text(root, "Event")),
        issued_at=datetime.fromisoformat(_text(root, "IssuedAt")).astimezone(UTC),
        mailbox=MailboxName(_text(root, "Mailbox")),
        submission_id=SubmissionId(_text(root, "SubmissionId")),
        message_id=MessageId(UUID(_text(root, "MessageId"))),
        digest=Digest(bytes.fromhex(_text(root, "Digest"))),
        sender=None if sender is None else AgencyKey(sender),
        document_id=None if document_id is None else DocumentId(document_id),
        subjects=tuple(map(_subject, root.iterfind(_tag("Delivery")))),
        violations=tuple(map(_read_violation, root.iterfind(_tag("Violation")))),
        failure=None if failure is None else FailureKind(failure),
        cause=_optional(root, "Cause"),
        episode=int(_text(root, "Episode")),
        supersedes=None if supersedes is None else ReceiptId(UUID(supersedes)),
    )


def _add_subject(root: etree._Element, subject: ReceiptSubject) -> None:
    element = etree.SubElement(root, _tag("Delivery"))
    _add(element, "Recipient", subject.recipient)
    _add_if(element, "DeliveryId", subject.delivery_id)
    _add_if(element, "LaneNumber", subject.lane_number)
    _add_if(element, "Attempt", subject.attempt)
    if subject.already_had_it:
        _add(element, "AlreadyHadIt", "true")


def _subject(element: etree._Element) -> ReceiptSubject:
    delivery_id = _optional(element, "DeliveryId")
    lane_number, attempt = _optional(element, "LaneNumber"), _optional(element, "Attempt")
    return ReceiptSubject(
        recipient=AgencyKey(_text(element, "Recipient")),
        delivery_id=None if delivery_id is None else DeliveryId(UUID(delivery_id)),
        lane_number=None if lane_number is None else int(lane_number),
        attempt=None if attempt is None else int(attempt),
        already_had_it=_optional(element, "AlreadyHadIt") in {"true", "1"},
    )


def _add_violation(root: etree._Element, broken: Violation) -> None:
    element = etree.SubElement(root, _tag("Violation"))
    _add(element, "Code", broken.code)
    _add(element, "Path", broken.path)
    _add(element, "Rule", broken.rule)
    _add(element, "Sentence", broken.vi).set(_LANGUAGE, "vi")
    _add(element, "Sentence", broken.en).set(_LANGUAGE, "en")


def _read_violation(element: etree._Element) -> Violation:
    sentences = {each.get(_LANGUAGE): each.text or "" for each in element.iterfind(_tag("Sentence"))}
    return Violation(
        code=RejectionCode(_text(element, "Code")),
        path=_text(element, "Path"),
        rule=_text(element, "Rule"),
        vi=sentences["vi"],
        en=sentences["en"],
    )


def _tag(name: str) -> str:
    return f"{{{RECEIPT_NAMESPACE}}}{name}"


def _add(parent: etree._Element, name: str, value: object) -> etree._Element:
    element = etree.SubElement(parent, _tag(name))
    element.text = str(value).translate(_VISIBLE)
    return element


def _add_if(parent: etree._Element, name: str, value: object | None) -> None:
    if value is not None:
        _add(parent, name, value)


def _text(element: etree._Element, name: str) -> str:
    text = _optional(element, name)
    if text is None:
        raise LookupError(f"{name} is missing")
    return text


def _optional(element: etree._Element, name: str) -> str | None:
    return element.findtext(_tag(name))


def _violation(path: str, reason: str) -> Violation:
    rule = f"schema of {RECEIPT_NAMESPACE}"
    return violation(RejectionCode.SCHEMA_VIOLATION, path=path, rule=rule, reason_vi=reason, reason_en=reason)
