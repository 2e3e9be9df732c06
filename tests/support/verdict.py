"""What step 2 of intake says about an envelope."""

from datetime import datetime

from hub.errors import MessageRejected
from hub.intake.verify import verify
from hub.message.hardened_xml import parse_hardened
from hub.message.identifiers import MailboxName, SubmissionId, digest_of
from hub.message.stages import ParsedMessage, ReceivedMessage, VerifiedMessage
from hub.signature.certificates import TrustAnchors
from tests.support.authority import AT, session_anchors


def parsed(body: bytes, at: datetime = AT, *, mailbox: str = "H41") -> ParsedMessage:
    """Return *body* as step 1 hands it on, received at *at*."""
    received = ReceivedMessage(
        body=body,
        digest=digest_of(body),
        mailbox=MailboxName(mailbox),
        submission_id=SubmissionId("s-1"),
        transport_id="",
        reported_delivery=None,
        received_at=at,
    )
    return ParsedMessage(received=received, tree=parse_hardened(body))


def verified(body: bytes, at: datetime = AT, anchors: TrustAnchors | None = None) -> VerifiedMessage:
    """Return what step 2 makes of *body*, or raise what it raises."""
    return verify(parsed(body, at), anchors or session_anchors())


def refusal(body: bytes, at: datetime = AT, anchors: TrustAnchors | None = None) -> list[str]:
    """Return the names of the codes that *body* is refused with; none where it is accepted."""
    try:
        verified(body, at, anchors)
    except MessageRejected as error:
        return [violation.code.name for violation in error.violations]
    return []
