"""The line that is fuzzed: intake as it is, over three agencies."""

import asyncio

from hub.message.identifiers import MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage
from tests.support.authority import AT
from tests.support.memory_hub import a_line, a_registry

LINE = a_line()
DIRECTORY = asyncio.run(a_registry().directory())


def received(body: bytes, mailbox: str = "G22") -> ReceivedMessage:
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId("s-1"),
        transport_id="t-1",
        reported_delivery=None,
        received_at=AT,
    )
