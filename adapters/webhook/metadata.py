"""What a program says about files that are to become a document."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from hub.message.identifiers import DocumentId, SubmissionId

_NUMBER: Final = r"^[^/\s]+/\S.*$"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
_Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class File(Protocol):
    """A file that is to be enclosed."""

    @property
    def name(self) -> str:
        """What recipients call it."""
        ...

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...


class DocumentMetadata(BaseModel):
    """The document that files are sent with."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sender: _Code = Field(alias="from", description="The sending agency; its key signs.")
    sender_name: _Text | None = Field(default=None, alias="from_name")
    recipients: list[_Code] = Field(alias="to", min_length=1, max_length=1_000)
    number: Annotated[str, StringConstraints(pattern=_NUMBER, max_length=200)] = Field(
        description="Number and notation, as in 12/TB-VP."
    )
    promulgated_on: date = Field(alias="date")
    subject: _Text
    signer: _Text = Field(description="Who signed the document itself.")
    position: _Text | None = None
    place: _Text = "Hà Nội"
    type_number: Annotated[int, Field(ge=0, le=999)] = Field(default=2, alias="type")
    type_name: _Text = "Công văn"
    priority: Annotated[int, Field(ge=0, le=4)] = 0
    due_on: date | None = Field(default=None, alias="due")
    content: _Text | None = None
    document_id: _Code | None = Field(default=None, description="Made up where nothing is said.")

    def draft(self, submission: SubmissionId, files: Sequence[File], at: datetime) -> DocumentDraft:
        """Return the document; its id is the submission's where it has none of its own."""
        number, notation = re.split(r"\s*/\s*", self.number.strip(), maxsplit=1)
        made_up = f"{self.sender},{self.promulgated_on:%Y/%m/%d},{submission}"
        return DocumentDraft(
            sender=Party(code=self.sender, name=self.sender_name),
            recipients=tuple(Party(code=code) for code in self.recipients),
            document_id=DocumentId(self.document_id or made_up),
            code_number=number,
            code_notation=notation,
            promulgated_on=self.promulgated_on,
            subject=self.subject,
            signer=Signer(full_name=self.signer, position=self.position),
            at=at,
            attachments=tuple(AttachmentDraft(name=each.name, file=each.path) for each in files),
            place=self.place,
            type_number=self.type_number,
            type_name=self.type_name,
            content=self.content,
            due_on=self.due_on,
            priority=self.priority,
        )
