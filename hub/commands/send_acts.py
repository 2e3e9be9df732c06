"""What `truc send` does, with the kit and nothing else, as any agency's software would."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import KitSettings, read_settings
from hub.commands.mailbox_file import kit_file_of
from hub.commands.shown import VIETNAM
from hub.errors import TemporaryFailure
from hub.message.identifiers import DocumentId, SubmissionId

CONFIRM_SECONDS: Final = 20.0
"""So long the broker may take; what it has not confirmed stays in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be sent, as the command line says it."""

    file: Path
    sender: str
    recipients: tuple[str, ...]
    number: str
    subject: str
    document_id: str | None
    priority: int
    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the broker has confirmed, and what the axis decided where that was waited for."""

    submission_id: SubmissionId
    decision: str | None = None


async def send_file(
    home: Path | None, kit: Path | None, letter: Letter, *, wait: float, patience: float = CONFIRM_SECONDS
) -> Sent:
    """Submit *letter*; raises `typer.BadParameter` where it cannot be made."""
    settings = await _settings(home, kit, letter.sender)
    async with Mailbox.open(settings) as mailbox:
        submission = await _confirmed(mailbox, letter, patience)
        if wait <= 0:
            return Sent(submission_id=submission)
        decision = None
        with suppress(TimeoutError):
            decision = (await asyncio.wait_for(mailbox.outcome(submission), wait)).event.value
    return Sent(submission_id=submission, decision=decision)


async def _confirmed(mailbox: Mailbox, letter: Letter, patience: float) -> SubmissionId:
    draft = _draft(letter, datetime.now(UTC))
    try:
        return await asyncio.wait_for(mailbox.send(draft), patience)
    except TimeoutError as error:
        raise TemporaryFailure(
            f"the broker has not confirmed within {patience:.0f} seconds; do not send it again: it is "
            f"signed and in the journal, and goes out with the next `truc inbox {letter.sender}`"
        ) from error


def _draft(letter: Letter, at: datetime) -> DocumentDraft | bytes:
    content = letter.file.read_bytes()
    if letter.file.suffix.lower() in {".edxml", ".xml"} and not letter.recipients:
        return content
    if not letter.recipients:
        raise typer.BadParameter(f"{letter.file.name} is no .edxml: say with --to who shall receive it")
    day = at.astimezone(VIETNAM).date()
    number, _, notation = letter.number.partition("/")
    made_up = f"{letter.sender},{day:%Y/%m/%d},{letter.number},{secrets.token_hex(4)}"
    return DocumentDraft(
        sender=Party(code=letter.sender, name=letter.sender),
        recipients=tuple(Party(code=code, name=code) for code in letter.recipients),
        document_id=DocumentId(letter.document_id or made_up),
        code_number=number,
        code_notation=notation or "CV",
        promulgated_on=day,
        subject=letter.subject,
        signer=Signer(full_name=letter.signer),
        at=at,
        priority=letter.priority,
        attachments=(AttachmentDraft(name=letter.file.name, content=content),),
    )


async def _settings(home: Path | None, kit: Path | None, code: str) -> KitSettings:
    return read_settings(kit or await kit_file_of(home, code))
