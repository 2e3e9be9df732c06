"""Step 2 of intake: the signature holds, and its certificate leads to a trust anchor."""

from hub.message.stages import ParsedMessage, VerifiedMessage
from hub.signature.certificates import TrustAnchors, check_certificate
from hub.signature.finding import rejected
from hub.signature.profile import ENVELOPE
from hub.signature.verification import verify_signature


def verify(parsed: ParsedMessage, anchors: TrustAnchors) -> VerifiedMessage:
    """Return what the signature of *parsed* covers, or raise `SignatureRejected`.

    The instant that counts is the one at which the hub received the message.
    """
    content = verify_signature(parsed.tree, location=ENVELOPE)
    at = parsed.received.received_at
    finding = check_certificate(content.certificate, content.chain, anchors, at)
    if finding.violation is not None:
        raise rejected(finding)
    return VerifiedMessage(
        received=parsed.received, signed_tree=content.signed_tree, signed_by=content.signed_by
    )
