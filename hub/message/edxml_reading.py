"""Reads the header out of the tree that a signature covers, in whatever order its elements stand."""

from datetime import date
from types import MappingProxyType
from typing import Final

from lxml import etree

from hub.errors import RejectionCode, SchemaViolation
from hub.message.edxml import (
    BusinessType,
    DocumentHeader,
    Header,
    StatusCode,
    StatusHeader,
)
from hub.message.edxml_elements import (
    Field,
    business,
    child,
    children,
    message_header,
    outline,
    text,
)
from hub.message.identifiers import AgencyCode, DocumentId
from hub.message.refusal import violation
from hub.message.secrecy import secrecy_of

_HEADER_PATH: Final = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader"
_BUSINESS_TYPES: Final = MappingProxyType(
    {"": BusinessType.NEW, **{str(int(each)): each for each in BusinessType}}
)
_PRIORITIES: Final = MappingProxyType({"": 0, **{str(each): each for each in range(5)}})
"""By what is written: nothing means the first of each, and anything else has no meaning."""


def read_header(signed_tree: etree._Element) -> Header:
    """Return the header of a valid message; raises `SchemaViolation` where there is none to read."""
    header = find_header(outline(signed_tree))
    if header is None:
        raise SchemaViolation(
            [
                violation(
                    RejectionCode.SCHEMA_VIOLATION,
                    path=_HEADER_PATH,
                    rule="QCVN 102:2016, 1",
                    reason_vi="không đọc được phần đầu của gói tin.",
                    reason_en="the header cannot be read.",
                )
            ]
        )
    return header


def find_header(message: Field) -> Header | None:
    """Return the header, of an invalid message too; None where it lacks what a header cannot do without."""
    fields = message_header(message)
    sender = AgencyCode(text(fields, "From", "OrganId"))
    if fields is None or not sender:
        return None
    if child(fields, "StatusCode") is not None:
        return _status_header(fields, sender)
    return _document_header(fields, sender, message)


def recipients(fields: Field | None) -> tuple[AgencyCode, ...]:
    """Return the codes of all `To`, in their order, empty where one has none."""
    return tuple([AgencyCode(text(to, "OrganId")) for to in children(fields, "To")])


def _document_header(fields: Field, sender: AgencyCode, message: Field) -> DocumentHeader | None:
    packet = business(message)
    business_type = _BUSINESS_TYPES.get(text(packet, "BussinessDocType"))
    priority = _PRIORITIES.get(text(fields, "OtherInfo", "Priority"))
    document_id = text(fields, "DocumentId")
    if business_type is None or priority is None or not document_id:
        return None
    return DocumentHeader(
        sender=sender,
        recipients=recipients(fields),
        document_id=DocumentId(document_id),
        code_number=text(fields, "Code", "CodeNumber"),
        code_notation=text(fields, "Code", "CodeNotation"),
        promulgated_on=_date(text(fields, "PromulgationInfo", "PromulgationDate")),
        subject=text(fields, "Subject"),
        business_type=business_type,
        priority=priority,
        due_on=_date(text(fields, "DueDate")),
        secrecy=secrecy_of(message.element),
        affects=_affected(business_type, fields, packet),
    )


def _status_header(fields: Field, sender: AgencyCode) -> StatusHeader | None:
    answered = child(fields, "ResponseFor")
    status = text(fields, "StatusCode")
    if status not in set(StatusCode) or not text(answered, "OrganId") or not text(answered, "DocumentId"):
        return None
    return StatusHeader(
        sender=sender,
        original_sender=AgencyCode(text(answered, "OrganId")),
        document_id=DocumentId(text(answered, "DocumentId")),
        status=StatusCode(status),
        description=text(fields, "Description"),
    )


def _affected(business_type: BusinessType, fields: Field, packet: Field | None) -> tuple[DocumentId, ...]:
    """Return the documents meant; vendors name the recalled one in `Bussiness` or in `ResponseFor`."""
    match business_type:
        case BusinessType.NEW:
            return ()
        case BusinessType.RECALL:
            named = [
                text(packet, "DocumentId"),
                *(text(e, "DocumentId") for e in children(fields, "ResponseFor")),
            ]
        case BusinessType.UPDATE:
            named = [text(packet, "DocumentId")]
        case BusinessType.REPLACEMENT:
            replaced = children(child(packet, "ReplacementInfoList"), "ReplacementInfo")
            named = [text(packet, "DocumentId"), *(text(e, "DocumentId") for e in replaced)]
    return tuple(DocumentId(name) for name in dict.fromkeys(named) if name)


def _date(written: str) -> date | None:
    """Return the date; None where there is none, or one that no calendar has (such as 2014/02/30)."""
    if not written:
        return None
    try:
        return date.fromisoformat(written.replace("/", "-"))
    except ValueError:
        return None
