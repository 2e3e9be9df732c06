"""Ask every recipient of a document to give it back (13).

    python -m adapters.kit.examples.recall_a_document kit.toml SUBMISSION "Sai phụ lục"

The recipients answer with 15 (`mailbox.agree`) or 16 (`mailbox.disagree`), which a receiving example enters
among its answers.
"""

import asyncio
import sys
from pathlib import Path

from adapters.kit.error import UnfitDraft
from adapters.kit.mailbox import Mailbox
from adapters.kit.settings import read_settings
from hub.message.identifiers import SubmissionId


async def main(settings: str, submission: str, reason: str) -> None:
    """Ask, once the axis has accepted the document: before that nobody has it."""
    async with Mailbox.open(read_settings(Path(settings))) as mailbox:
        try:
            asked = await mailbox.recall(SubmissionId(submission), reason)
        except UnfitDraft as error:
            sys.exit(str(error))
        for each in asked:
            await mailbox.confirmed(each)
            print("asked:", each)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
