"""Builds unsigned edXML in the style `a_document().from_("G22").to("H41", "H14").unsigned()`."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Self

from adapters.kit.envelope import (
    Answered,
    AttachmentDraft,
    DocumentDraft,
    Order,
    Party,
    Replaced,
    Signer,
    StatusDraft,
    compose_document,
    compose_status,
)
from hub.message.edxml import BusinessType, StatusCode
from hub.message.identifiers import AgencyCode, DocumentId

A_PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
A_MOMENT = datetime(2026, 3, 9, 8, 30, tzinfo=timezone(timedelta(hours=7)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBuilder:
    """A document in the making; every step returns a new one."""

    draft: DocumentDraft
    order: Order = "java"

    def with_(self, **fields: object) -> Self:
        """Set any field of the draft by its name."""
        return replace(self, draft=replace(self.draft, **fields))

    def from_(self, code: str, name: str | None = "Cơ quan gửi") -> Self:
        return self.with_(sender=Party(code=code, name=name))

    def to(self, *codes: str) -> Self:
        return self.with_(recipients=tuple(Party(code=code, name=f"Cơ quan {code}") for code in codes))

    def identified_by(self, document_id: str) -> Self:
        return self.with_(document_id=DocumentId(document_id))

    def about(self, subject: str) -> Self:
        return self.with_(subject=subject)

    def with_priority(self, priority: int) -> Self:
        return self.with_(priority=priority)

    def with_attachment(
        self, name: str = "cong-van.pdf", content: bytes = A_PDF, *, zipped: bool = False
    ) -> Self:
        file = AttachmentDraft(name=name, content=content, zipped=zipped)
        return self.with_(attachments=(*self.draft.attachments, file))

    def without_attachments(self) -> Self:
        return self.with_(attachments=())

    def of_size(self, octets: int) -> Self:
        """Enclose one file such that the envelope has about *octets*."""
        content = A_PDF + b"x" * max(0, octets * 3 // 4 - 3_500)
        return self.without_attachments().with_attachment(content=content)

    def recalling(self, document_id: str) -> Self:
        return self.with_(business_type=BusinessType.RECALL, affects=DocumentId(document_id))

    def updating(self, document_id: str) -> Self:
        return self.with_(business_type=BusinessType.UPDATE, affects=DocumentId(document_id))

    def replacing(self, *document_ids: str) -> Self:
        replaced = tuple(Replaced(document_id=DocumentId(each)) for each in document_ids)
        return self.with_(business_type=BusinessType.REPLACEMENT, replaces=replaced)

    def answering(self, document_id: str, sender: str) -> Self:
        answered = Answered(sender=AgencyCode(sender), document_id=DocumentId(document_id))
        return self.with_(answers=(*self.draft.answers, answered))

    def in_dotnet_order(self) -> Self:
        return replace(self, order="dotnet")

    def unsigned(self) -> bytes:
        return compose_document(self.draft, order=self.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusBuilder:
    """A status in the making."""

    draft: StatusDraft

    def with_(self, **fields: object) -> Self:
        """Set any field of the draft by its name."""
        return replace(self, draft=replace(self.draft, **fields))

    def from_(self, code: str) -> Self:
        return self.with_(sender=Party(code=code, name="Cơ quan nhận"))

    def for_(self, document_id: str, *, sent_by: str) -> Self:
        return self.with_(document_id=DocumentId(document_id), original_sender=AgencyCode(sent_by))

    def saying(self, status: StatusCode, description: str = "Văn thư đã xem") -> Self:
        return self.with_(status=status, description=description)

    def unsigned(self) -> bytes:
        return compose_status(self.draft)


def a_document() -> DocumentBuilder:
    """Return a new document from G22 to H41 with one PDF."""
    draft = DocumentDraft(
        sender=Party(code="G22", name="Văn phòng thử nghiệm", email="vanthu@example.vn"),
        recipients=(Party(code="H41", name="UBND tỉnh thử nghiệm"),),
        document_id=DocumentId("G22,2026/03/09,101/VPTN-TH"),
        code_number="101",
        code_notation="VPTN-TH",
        promulgated_on=date(2026, 3, 9),
        subject="V/v kiểm tra đường truyền văn bản",
        signer=Signer(full_name="Trần Thử Nghiệm", position="Chánh Văn phòng", competence="TL."),
        at=A_MOMENT,
        attachments=(AttachmentDraft(name="cong-van-101.pdf", content=A_PDF),),
    )
    return DocumentBuilder(draft=draft)


def a_status(status: StatusCode = StatusCode.ARRIVED) -> StatusBuilder:
    """Return a status from H41 about the document of `a_document`."""
    draft = StatusDraft(
        sender=Party(code="H41", name="UBND tỉnh thử nghiệm"),
        original_sender=AgencyCode("G22"),
        document_id=DocumentId("G22,2026/03/09,101/VPTN-TH"),
        code="101/VPTN-TH",
        promulgated_on=date(2026, 3, 9),
        status=status,
        description="Văn bản đã đến phần mềm quản lý văn bản",
        at=A_MOMENT,
    )
    return StatusBuilder(draft=draft)
