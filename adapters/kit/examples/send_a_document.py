"""Send a document, and wait for the axis's signed decision on it.

    python -m adapters.kit.examples.send_a_document kit.toml H41 H26 cong-van.pdf "V/v họp giao ban"

The decision comes through the mailbox's queue: one of the receiving examples has to run beside this one.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from adapters.kit.draft import AttachmentDraft, DocumentDraft, Party, Signer
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from hub.message.identifiers import DocumentId


def draft_of(sender: str, recipient: str, file: str, subject: str) -> DocumentDraft:
    """Return what to send; the kit composes and signs it."""
    now = datetime.now(UTC)
    return DocumentDraft(
        sender=Party(code=sender),
        recipients=(Party(code=recipient),),
        document_id=DocumentId(f"{sender},{now:%Y/%m/%d},{uuid4()}"),
        code_number="12",
        code_notation="TB-VP",
        promulgated_on=now.date(),
        subject=subject,
        signer=Signer(full_name="Trần Thị Thử"),
        at=now,
        attachments=(AttachmentDraft(name=Path(file).name, file=Path(file)),),  # however large
    )


async def main(settings: str, draft: DocumentDraft) -> None:
    """Send *draft*; what is journalled goes out even where this process is killed the moment after."""
    async with Mailbox.open(read_settings(Path(settings))) as mailbox:
        submission = await mailbox.send(draft)
        print("submission:", submission, flush=True)
        receipt = await mailbox.outcome(submission)
        print("decision:", receipt.event, *(f"{each.code} {each.vi}" for each in receipt.violations))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], draft_of(*sys.argv[2:])))
