"""What a mailbox reports about a document it has received, as a draft that is ready to be signed."""

from datetime import datetime

from adapters.kit.envelope import Party, StatusDraft
from adapters.kit.incoming import ReportedDocument
from hub.message.edxml import StatusCode


def compose_report(
    document: ReportedDocument, status: StatusCode, description: str, at: datetime
) -> StatusDraft:
    """Return the status of *document*, from the unit that it was for to the agency that sent it."""
    return StatusDraft(
        sender=Party(code=document.recipient, name=document.recipient),
        original_sender=document.sender,
        document_id=document.document_id,
        code=document.document_code,
        promulgated_on=document.promulgated_on,
        status=status,
        description=description,
        at=at,
    )
