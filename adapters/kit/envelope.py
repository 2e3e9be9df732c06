"""Composes unsigned edXML envelopes in the shape that the vendors' Java (or .NET) software writes."""

import base64
import io
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Literal, TypeAlias
from uuid import uuid4

from adapters.kit.draft import (
    Answered,
    AttachmentDraft,
    DocumentDraft,
    Party,
    ReceiverChange,
    Replaced,
    Signer,
    Staff,
    StatusDraft,
)
from adapters.kit.element import Element, element, group, rendered
from hub.message.content_type import content_type_of
from hub.message.edxml import EDXML_NAMESPACE, BusinessType

__all__ = [
    "Answered",
    "AttachmentDraft",
    "DocumentDraft",
    "Order",
    "Party",
    "ReceiverChange",
    "Replaced",
    "Signer",
    "Staff",
    "StatusDraft",
    "compose_document",
    "compose_pieces",
    "compose_status",
]

Order: TypeAlias = Literal["java", "dotnet"]

_HEAD: Final = 8_192
"""Octets that tell what a file is."""
_PIECE: Final = 3 * 65_536
"""Octets that are encoded at a time: three become four letters, without padding in between."""
_VIETNAM: Final = timezone(timedelta(hours=7))
"""edXML writes local time without a zone."""
_REASONS: Final = {
    BusinessType.NEW: "Văn bản điện tử mới",
    BusinessType.RECALL: "Thu hồi văn bản điện tử",
    BusinessType.UPDATE: "Cập nhật văn bản điện tử",
    BusinessType.REPLACEMENT: "Văn bản thay thế",
}
_DOTNET_HEADER: Final = (
    "From",
    "To",
    "Code",
    "PromulgationInfo",
    "DocumentType",
    "Subject",
    "Content",
    "SignerInfo",
    "DueDate",
    "ToPlaces",
    "OtherInfo",
    "ResponseFor",
    "SteeringType",
    "DocumentId",
)
_DOTNET_BUSINESS: Final = (
    "BussinessDocType",
    "BussinessDocReason",
    "BussinessDocumentInfo",
    "DocumentId",
    "StaffInfo",
    "Paper",
    "ReplacementInfoList",
)


def compose_document(draft: DocumentDraft, *, order: Order = "java") -> bytes:
    """Return *draft* as edXML in UTF-8, without a signature; what it says is escaped, never interpreted.

    Raises `ValueError` for text that XML cannot carry and for instants without a zone.
    """
    header = _document_header(draft)
    trace = group("TraceHeaderList", [_hop(draft), *_business(draft, order)])
    if order == "dotnet":
        header = _in_order(header, _DOTNET_HEADER)
        trace = _as_dotnet(trace)
    files = [_with_id(file, place) for place, file in enumerate(draft.attachments, start=1)]
    manifest = group("edXMLManifest", [_reference(file, order) for file in files], version="1.0")
    placeholder = [element("DigitalSignature", "")] if order == "dotnet" else []
    return _envelope(
        [group("MessageHeader", header), trace, *placeholder], [group("edXMLBody", [manifest])], files
    )


def compose_pieces(draft: DocumentDraft, *, order: Order = "java") -> Iterator[bytes]:
    """Yield what `compose_document` returns, piece by piece: files are read as they are needed.

    Raises `OSError` where a file cannot be read, besides what `compose_document` raises.
    """
    marks = [f"file-{uuid4().hex}" for _ in draft.attachments]
    attachments = tuple(map(_marked, draft.attachments, marks))
    rest = compose_document(replace(draft, attachments=attachments), order=order)
    for file, mark in zip(draft.attachments, marks, strict=True):
        if file.file is not None:
            before, _, rest = rest.partition(base64.b64encode(mark.encode()))
            yield before
            yield from _encoded_file(file)
    yield rest


def compose_status(draft: StatusDraft) -> bytes:
    """Return *draft* as edXML in UTF-8, without a signature."""
    answered = Answered(
        sender=draft.original_sender,
        document_id=draft.document_id,
        code=draft.code,
        promulgated_on=draft.promulgated_on,
    )
    header = [
        _party("From", draft.sender),
        _answered(answered),
        *_staff(draft.staff),
        element("StatusCode", draft.status.value),
        element("Description", draft.description),
        element("Timestamp", _instant(draft.at)),
    ]
    return _envelope([group("MessageHeader", header)], [], [])


def _document_header(draft: DocumentDraft) -> list[Element]:
    return [
        _party("From", draft.sender),
        *(_party("To", recipient) for recipient in draft.recipients),
        element("DocumentId", draft.document_id),
        group(
            "Code", [element("CodeNumber", draft.code_number), element("CodeNotation", draft.code_notation)]
        ),
        group(
            "PromulgationInfo",
            [element("Place", draft.place), element("PromulgationDate", _date(draft.promulgated_on))],
        ),
        group("DocumentType", _present(Type=draft.type_number, TypeDetail=0, TypeName=draft.type_name)),
        element("Subject", draft.subject),
        *_present(Content=draft.content),
        group(
            "SignerInfo",
            _present(
                Competence=draft.signer.competence,
                Position=draft.signer.position,
                FullName=draft.signer.full_name,
            ),
        ),
        *_present(DueDate=_date(draft.due_on) if draft.due_on else None),
        _other_info(draft),
        *(_answered(answered) for answered in draft.answers),
        element("SteeringType", str(draft.steering_type)),
        *_list("ToPlaces", "Place", draft.to_places),
    ]


def _other_info(draft: DocumentDraft) -> Element:
    fields = _present(
        Priority=draft.priority,
        SphereOfPromulgation=draft.sphere,
        PromulgationAmount=draft.copies,
        PageAmount=draft.pages,
    )
    return group("OtherInfo", [*fields, *_list("Appendixes", "Appendix", draft.appendixes)])


def _hop(draft: DocumentDraft) -> Element:
    return group("TraceHeader", _present(OrganId=draft.sender.code, Timestamp=_instant(draft.at)))


def _business(draft: DocumentDraft, order: Order) -> list[Element]:
    if draft.business_type is None:
        return []
    fields = [
        *_present(
            DocumentId=draft.affects,
            BussinessDocType=int(draft.business_type),
            BussinessDocReason=draft.reason or _REASONS[draft.business_type],
            Paper=int(draft.with_paper),
        ),
        *_update(draft),
        *_replacement(draft),
        *_staff(draft.staff),
    ]
    return [group("Bussiness", _in_order(fields, _DOTNET_BUSINESS) if order == "dotnet" else fields)]


def _update(draft: DocumentDraft) -> list[Element]:
    if draft.business_type is not BusinessType.UPDATE:
        return []
    receivers = [
        group("Receiver", _present(OrganId=change.code, ReceiverType=int(change.is_added)))
        for change in draft.receiver_changes
    ]
    fields = _present(DocumentInfo=1, DocumentReceiver=int(bool(receivers)))
    return [
        group("BussinessDocumentInfo", [*fields, *([group("ReceiverList", receivers)] if receivers else [])])
    ]


def _replacement(draft: DocumentDraft) -> list[Element]:
    if not draft.replaces:
        return []
    replaced = [
        group(
            "ReplacementInfo",
            [element("DocumentId", each.document_id), *_list("OrganIdList", "OrganId", each.recipients)],
        )
        for each in draft.replaces
    ]
    return [group("ReplacementInfoList", replaced)]


def _party(role: str, party: Party) -> Element:
    return group(
        role,
        _present(
            OrganId=party.code,
            OrganizationInCharge=party.in_charge,
            OrganName=party.name,
            OrganAdd=party.address,
            Email=party.email,
            Telephone=party.telephone,
            Fax=party.fax,
            Website=party.website,
        ),
    )


def _staff(staff: Staff | None) -> list[Element]:
    if staff is None:
        return []
    fields = _present(Department=staff.department, Staff=staff.name, Email=staff.email, Mobile=staff.mobile)
    return [group("StaffInfo", fields)]


def _answered(answered: Answered) -> Element:
    return group(
        "ResponseFor",
        _present(
            OrganId=answered.sender,
            Code=answered.code,
            PromulgationDate=_date(answered.promulgated_on) if answered.promulgated_on else None,
            DocumentId=answered.document_id,
        ),
    )


def _with_id(file: AttachmentDraft, place: int) -> tuple[str, AttachmentDraft]:
    return f"cid:{file.content_id or place}", file


def _reference(identified: tuple[str, AttachmentDraft], order: Order) -> Element:
    content_id, file = identified
    fields = _present(
        ContentId=content_id,
        ContentType=_content_type(file),
        Description=file.description or file.name,
        AttachmentName=file.name,
    )
    if order == "java":
        return group("Reference", fields)
    return group("Reference", fields, **{"xlink:href": content_id, "xlink:type": "simple"})


def _attachment(identified: tuple[str, AttachmentDraft]) -> Element:
    content_id, file = identified
    content = _content(file)
    return group(
        "Attachment",
        _present(
            ContentId=content_id,
            AttachmentName=file.name,
            Description=file.description or file.name,
            ContentType=_content_type(file),
            ContentTransferEncoded=base64.b64encode(content).decode("ascii"),
        ),
    )


def _content_type(file: AttachmentDraft) -> str:
    if file.content_type is not None:
        return file.content_type
    if file.zipped:
        return "application/zip"
    return content_type_of(file.content if file.file is None else _head(file.file), file.name)


def _content(file: AttachmentDraft) -> bytes:
    if file.zipped:
        packed = io.BytesIO()
        _zip(file, packed)
        return packed.getvalue()
    return file.content if file.file is None else file.file.read_bytes()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _marked(file: AttachmentDraft, mark: str) -> AttachmentDraft:
    """Return *file* with *mark* in the place of what lies on the disk."""
    if file.file is None:
        return file
    return replace(file, content=mark.encode(), file=None, content_type=_content_type(file), zipped=False)


def _encoded_file(file: AttachmentDraft) -> Iterator[bytes]:
    if not file.zipped:
        with _source(file) as source:
            yield from _encoded(source)
        return
    with TemporaryFile() as packed:
        _zip(file, packed)
        packed.seek(0)
        yield from _encoded(packed)


def _encoded(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield base64.b64encode(piece)


def _zip(file: AttachmentDraft, into: IO[bytes]) -> None:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed date, so that the same file gives the same bytes.
        entry = zipfile.ZipInfo(file.name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.file_size = file.octets
        with _source(file) as source, archive.open(entry, "w") as packed:
            shutil.copyfileobj(source, packed, _PIECE)


def _source(file: AttachmentDraft) -> IO[bytes]:
    return io.BytesIO(file.content) if file.file is None else file.file.open("rb")


def _envelope(
    header: Sequence[Element], body: Sequence[Element], files: Sequence[tuple[str, AttachmentDraft]]
) -> bytes:
    envelope = group("edXMLEnvelope", [group("edXMLHeader", header), *body])
    enclosed = [group("AttachmentEncoded", [_attachment(file) for file in files])] if files else []
    return rendered(envelope, enclosed, namespace=EDXML_NAMESPACE)


def _as_dotnet(trace: Element) -> Element:
    attributes = {
        "id": "1",
        "version": "1.0",
        "mustUnderstand": "1",
        "actor": "http://schemas.xmlsoap.org/soap/actor/next",
    }
    return group(trace.name, trace.children, **attributes)


def _in_order(elements: Iterable[Element], names: Sequence[str]) -> list[Element]:
    return sorted(elements, key=lambda each: names.index(each.name))


def _present(**values: object) -> list[Element]:
    return [element(name, str(value)) for name, value in values.items() if value is not None]


def _list(name: str, item: str, values: Sequence[str]) -> list[Element]:
    return [group(name, [element(item, value) for value in values])] if values else []


def _date(day: date) -> str:
    return day.strftime("%Y/%m/%d")


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(_VIETNAM).strftime("%Y/%m/%d %H:%M:%S")
