"""Step 2 of intake: the signature holds, and its certificate is one to be trusted at this instant."""

from collections.abc import Sequence

from cryptography import x509

from hub.message.stages import ParsedMessage, VerifiedMessage
from hub.message.trust import NOTHING_KNOWN, TrustMaterial
from hub.signature.certificates import TrustAnchors
from hub.signature.finding import rejected
from hub.signature.profile import ENVELOPE
from hub.signature.qualified import check_claimed_time
from hub.signature.verdict import CertificateRejected, judge_by
from hub.signature.verification import verify_signature


def verify(
    parsed: ParsedMessage,
    anchors: TrustAnchors,
    stamp_anchors: Sequence[x509.Certificate] = (),
    *,
    material: TrustMaterial = NOTHING_KNOWN,
) -> VerifiedMessage:
    """Return what the signature of *parsed* covers, or raise `SignatureRejected`.

    The instant that counts is the one at which the hub received the message; what is known of the status of
    certificates comes as *material*.
    """
    covered = None if parsed.skimmed is None else parsed.skimmed.covered
    content = verify_signature(parsed.tree, location=ENVELOPE, stamp_anchors=stamp_anchors, covered=covered)
    at = parsed.received.received_at
    judgement = judge_by(anchors).judge(content.presented, at, material)
    if judgement.finding.violation is not None:
        raise CertificateRejected(judgement)
    claim = check_claimed_time(content.facts, content.certificate, at, ENVELOPE.path)
    if claim.violation is not None:
        raise rejected(claim)
    return VerifiedMessage(
        received=parsed.received,
        signed_tree=content.signed_tree,
        signed_by=content.signed_by,
        signature=content.facts,
        validation=judgement.validation,
        skimmed=parsed.skimmed,
    )
