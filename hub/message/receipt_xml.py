"""Receipts as XML (`schemas/receipt/1.0/receipt.xsd`): written before signing, read after verifying."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from lxml import etree

from hub.errors import RejectionCode, SchemaViolation, Violation
from hub.message.edxml import XMLDSIG_NAMESPACE
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
_LEAST_ON_A_SHEET: Final = 2
_SIGNATURE: Final = f"{{{XMLDSIG_NAMESPACE}}}Signature"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_AS_IT_IS: Final = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def _written_otherwise() -> Mapping[int, int | str]:
    """Map what canonical XML escapes (§2.3), and what XML cannot carry to what shows it."""
    controls = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
    others = dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)
    escaped = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#xD;"}
    return controls | others | escaped


_WRITTEN_OTHERWISE: Final = _written_otherwise()


def write_receipt(receipt: Receipt) -> bytes:
    """Return *receipt* as XML in exclusive canonical form, without a signature.

    `read_receipt` gives an equal one back, except that a character which XML cannot carry (NUL and other
    control characters) comes back as the picture of it.
    """
    return write_sheet([write_content(receipt)])


def write_content(receipt: Receipt) -> bytes:
    """Return what stands inside the element of *receipt*, in canonical form."""
    return "".join(_content(receipt)).encode()


def write_sheet(contents: Sequence[bytes]) -> bytes:
    """Return the receipts of *contents* as one document in canonical form: one alone is a `Receipt`."""
    if len(contents) == 1:
        return b'<Receipt xmlns="%s">%s</Receipt>' % (RECEIPT_NAMESPACE.encode(), contents[0])
    receipts = b"".join(b"<Receipt>%s</Receipt>" % content for content in contents)
    return b'<Receipts xmlns="%s">%s</Receipts>' % (RECEIPT_NAMESPACE.encode(), receipts)


def read_receipts(root: etree._Element) -> tuple[Receipt, ...]:
    """Return the receipt, or those on the sheet, that *root* is; raises `SchemaViolation` else."""
    if root.tag != _tag("Receipts"):
        return (read_receipt(root),)
    receipts = tuple(read_receipt(child) for child in root if child.tag != _SIGNATURE)
    if len({each.receipt_id for each in receipts}) != len(receipts) or len(receipts) < _LEAST_ON_A_SHEET:
        raise SchemaViolation([_violation("/Receipts", "not a sheet of several receipts")])
    return receipts


def find_receipt(root: etree._Element, receipt_id: ReceiptId) -> Receipt:
    """Return that one receipt out of *root*, without reading the others; raises `LookupError`."""
    for element in root.iter(_tag("Receipt")):
        if _optional(element, "ReceiptId") == str(receipt_id):
            return read_receipt(element)
    raise LookupError(f"receipt {receipt_id} does not stand there")


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


def _content(receipt: Receipt) -> Iterator[str]:
    yield f"<ReceiptId>{receipt.receipt_id}</ReceiptId><Event>{receipt.event.value}</Event>"
    yield f"<IssuedAt>{receipt.issued_at.astimezone(VIETNAM_TIME).isoformat()}</IssuedAt>"
    yield _element("Mailbox", receipt.mailbox)
    yield _element("SubmissionId", receipt.submission_id)
    yield f"<MessageId>{receipt.message_id}</MessageId>"
    yield f'<Digest algorithm="{SHA256}">{receipt.digest.hex()}</Digest>'
    yield _element_if("Sender", receipt.sender)
    yield _element_if("DocumentId", receipt.document_id)
    yield f"<Episode>{receipt.episode}</Episode>"
    yield _element_if("Supersedes", receipt.supersedes)
    yield _element_if("Failure", receipt.failure)
    yield _element_if("Cause", receipt.cause)
    for subject in receipt.subjects:
        yield from _subject_content(subject)
    for broken in receipt.violations:
        yield from _violation_content(broken)


def _subject_content(subject: ReceiptSubject) -> Iterator[str]:
    yield "<Delivery>"
    yield _element("Recipient", subject.recipient)
    yield _element_if("DeliveryId", subject.delivery_id)
    yield _element_if("LaneNumber", subject.lane_number)
    yield _element_if("Attempt", subject.attempt)
    if subject.already_had_it:
        yield "<AlreadyHadIt>true</AlreadyHadIt>"
    yield "</Delivery>"


def _violation_content(broken: Violation) -> Iterator[str]:
    yield f"<Violation>{_element('Code', broken.code)}{_element('Path', broken.path)}"
    yield _element("Rule", broken.rule)
    yield f'<Sentence xml:lang="vi">{escaped(broken.vi)}</Sentence>'
    yield f'<Sentence xml:lang="en">{escaped(broken.en)}</Sentence></Violation>'


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


def _element(name: str, value: object) -> str:
    return f"<{name}>{escaped(value)}</{name}>"


def _element_if(name: str, value: object | None) -> str:
    return "" if value is None else _element(name, value)


def escaped(value: object) -> str:
    """Return *value* as canonical XML writes it in an element."""
    text = str(value)
    return text.translate(_WRITTEN_OTHERWISE) if _NOT_AS_IT_IS.search(text) else text


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
