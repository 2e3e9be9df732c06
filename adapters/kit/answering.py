"""What a mailbox reports about documents that it received or sent, as drafts ready to be signed."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from adapters.kit.draft import Party, StatusDraft
from adapters.kit.incoming import ReportedDocument
from hub.message.edxml import DocumentHeader, StatusCode
from hub.message.identifiers import AgencyCode

DESCRIPTIONS: Final[Mapping[StatusCode, str]] = MappingProxyType(
    {
        StatusCode.ARRIVED: "Đã đến: phần mềm đã nhận, văn thư chưa xử lý",
        StatusCode.REFUSED: "Từ chối tiếp nhận văn bản",
        StatusCode.ACCEPTED: "Đã tiếp nhận, vào sổ văn bản đến",
        StatusCode.ASSIGNED: "Đã phân công xử lý",
        StatusCode.PROCESSING: "Đang xử lý",
        StatusCode.FINISHED: "Đã hoàn thành xử lý",
        StatusCode.RECALL_REQUESTED: "Yêu cầu lấy lại văn bản",
        StatusCode.CHANGE_ACCEPTED: "Đồng ý cập nhật hoặc lấy lại văn bản",
        StatusCode.CHANGE_REFUSED: "Từ chối cập nhật hoặc lấy lại văn bản",
    }
)
"""What a status says where the adapter says nothing."""


def compose_report(
    document: ReportedDocument, status: StatusCode, description: str, at: datetime
) -> StatusDraft:
    """Return the status of *document*, from the unit that it was for to the agency that sent it."""
    return StatusDraft(
        sender=Party(code=document.recipient),
        original_sender=document.sender,
        document_id=document.document_id,
        code=document.document_code,
        promulgated_on=document.promulgated_on,
        status=status,
        description=description or DESCRIPTIONS[status],
        at=at,
    )


def compose_recall(document: DocumentHeader, recipient: AgencyCode, reason: str, at: datetime) -> StatusDraft:
    """Return the request of *document*'s sender that *recipient* give it back (13)."""
    return StatusDraft(
        sender=Party(code=document.sender),
        original_sender=recipient,
        document_id=document.document_id,
        code=f"{document.code_number}/{document.code_notation}",
        promulgated_on=document.promulgated_on,
        status=StatusCode.RECALL_REQUESTED,
        description=reason,
        at=at,
    )
