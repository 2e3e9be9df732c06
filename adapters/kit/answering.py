"""What a mailbox reports about a document it has received, as a draft that is ready to be signed."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from adapters.kit.draft import Party, StatusDraft
from adapters.kit.incoming import ReportedDocument
from hub.message.edxml import StatusCode

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
