"""Messages at each step of intake, made from bytes without going through the steps before."""

from datetime import UTC, datetime

from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import Fingerprint, MailboxName, SubmissionId, digest_of
from hub.message.stages import ReceivedMessage, VerifiedMessage

NOW = datetime(2026, 3, 9, 2, 0, tzinfo=UTC)
SIGNER = Fingerprint(b"\x01" * 32)


def received(body: bytes, *, mailbox: str = "G22") -> ReceivedMessage:
    return ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId("s-1"),
        transport_id="t-1",
        reported_delivery=None,
        received_at=NOW,
    )


def verified(body: bytes, *, mailbox: str = "G22", signed_by: Fingerprint = SIGNER) -> VerifiedMessage:
    """As if a signature over all of *body* had been verified."""
    return VerifiedMessage(
        received=received(body, mailbox=mailbox), signed_tree=parse_hardened(body), signed_by=signed_by
    )
