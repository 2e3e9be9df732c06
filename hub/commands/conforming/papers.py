"""Golden documents and statuses: what a partner's software really sends."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer, StatusDraft
from adapters.kit.envelope import Order, compose_document, compose_status
from hub.commands.conforming.place import NAMES, OWN, PARTNER, THIRD, UNIT, Place
from hub.message.edxml import StatusCode
from hub.message.identifiers import AgencyCode, DocumentId
from hub.signature.signing import sign_envelope

A_PDF: Final = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
LARGE: Final = 3_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document that is ready to be delivered."""

    document_id: DocumentId
    recipient: AgencyCode
    body: bytes


def a_draft(number: int = 1) -> DocumentDraft:
    """Return a new document of the partner's to the agency under test, with one file."""
    return DocumentDraft(
        sender=Party(code=PARTNER, name=NAMES[PARTNER], email="vanthu@example.vn"),
        recipients=(Party(code=OWN, name=NAMES[OWN]),),
        document_id=DocumentId(f"{PARTNER},{datetime.now(UTC):%Y/%m/%d},{uuid4()}"),
        code_number=str(number),
        code_notation="BTN-VP",
        promulgated_on=datetime.now(UTC).date(),
        subject="V/v kiểm tra phần mềm kết nối: thử nghiệm, không có giá trị pháp lý",
        signer=Signer(full_name="Trần Thị Thử", position="Chánh Văn phòng", competence="TL."),
        at=datetime.now(UTC),
        attachments=(AttachmentDraft(name="công văn số 1.pdf", content=A_PDF),),
    )


def signed(place: Place, draft: DocumentDraft, *, order: Order = "java", to: AgencyCode = OWN) -> Paper:
    """Sign *draft* as the partner does; *to* is the recipient whom the delivery is for."""
    body = sign_envelope(compose_document(draft, order=order), place.key_of(PARTNER))
    return Paper(document_id=draft.document_id, recipient=to, body=body)


def plain(place: Place) -> Paper:
    """Return an ordinary document as the vendors' Java software writes it."""
    return signed(place, a_draft())


def from_dotnet(place: Place) -> Paper:
    """Return one in the order in which the vendors' .NET software writes."""
    return signed(place, a_draft(), order="dotnet")


def to_several(place: Place) -> Paper:
    """Return one to three, of whom a unit behind the mailbox is the last."""
    recipients = tuple(Party(code=code, name=NAMES[code]) for code in (THIRD, OWN, UNIT))
    return signed(place, replace(a_draft(), recipients=recipients), to=UNIT)


def with_attachments(place: Place) -> Paper:
    """Return one with files of several kinds, one of them wrapped and one of them of three megabytes."""
    files = (
        AttachmentDraft(name="Tờ trình (bản ký).pdf", content=A_PDF),
        AttachmentDraft(name="phụ lục.pdf", content=A_PDF, zipped=True),
        AttachmentDraft(name="ghi chú.txt", content="Xin kiểm tra dấu tiếng Việt: ẵ ợ ự".encode()),
        AttachmentDraft(name="bản đồ.pdf", content=A_PDF + b"x" * LARGE),
    )
    return signed(place, replace(a_draft(), attachments=files))


def urgent(place: Place) -> Paper:
    """Return one that is hỏa tốc."""
    return signed(place, replace(a_draft(), priority=3))


def a_status(place: Place, status: StatusCode = StatusCode.ACCEPTED) -> Paper:
    """Return what the partner reports about a document that the agency under test may have sent."""
    document_id = DocumentId(f"{OWN},{datetime.now(UTC):%Y/%m/%d},{uuid4()}")
    draft = StatusDraft(
        sender=Party(code=PARTNER, name=NAMES[PARTNER]),
        original_sender=OWN,
        document_id=document_id,
        code="1/UBND-VP",
        promulgated_on=datetime.now(UTC).date(),
        status=status,
        description="Đã tiếp nhận, vào sổ văn bản đến",
        at=datetime.now(UTC),
    )
    body = sign_envelope(compose_status(draft), place.key_of(PARTNER))
    return Paper(document_id=document_id, recipient=OWN, body=body)
