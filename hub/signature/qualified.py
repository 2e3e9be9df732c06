"""What a XAdES signature says once its properties are known to be the signed ones: signer, time, stamp."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import RejectionCode
from hub.message.receipt_xml import VIETNAM_TIME
from hub.message.refusal import Sentence
from hub.message.signature_facts import PLAIN, SignatureFacts, SignatureProfile
from hub.signature.core_validation import canonical, digest_of
from hub.signature.finding import PASSED, Finding, SubIndication, adverse, rejected
from hub.signature.structure import SignatureParts
from hub.signature.time_stamp import judge_stamp

CLOCK_TOLERANCE: Final = timedelta(hours=1)
"""How far a signer's clock may be ahead of the hub's, or behind the beginning of its own certificate."""
_CLAUSE: Final = "ETSI EN 319 132-1 §5.2.1"


def qualify(
    parts: SignatureParts,
    certificate: x509.Certificate,
    path: str,
    stamp_anchors: Sequence[x509.Certificate],
) -> SignatureFacts:
    """Return what the signature of *parts*, by *certificate*, is.

    Raises `SignatureRejected` where its properties name another certificate, or its stamp is not for it.
    """
    qualification = parts.qualification
    if qualification is None:
        return PLAIN
    named = digest_of(certificate.public_bytes(Encoding.DER), qualification.digest_method)
    if not compare_digest(named, qualification.certificate_digest):
        raise rejected(_mismatch(path))
    facts = SignatureFacts(
        profile=SignatureProfile.XADES_BES,
        claimed_at=qualification.claimed_at,
        claimed_roles=qualification.claimed_roles,
    )
    if qualification.stamp is None:
        return facts
    subject = canonical(parts.value, is_exclusive=qualification.stamp.is_exclusive)
    stamp = judge_stamp(qualification.stamp.token, subject, stamp_anchors, path)
    return replace(facts, profile=SignatureProfile.XADES_T, stamp=stamp)


def check_claimed_time(
    facts: SignatureFacts, certificate: x509.Certificate, at: datetime, path: str
) -> Finding:
    """Return whether the signer's clock can be believed: no signature from the future, or before its key."""
    claimed = facts.claimed_at
    if claimed is None:
        return PASSED
    if claimed > at + CLOCK_TOLERANCE:
        return _implausible(claimed, path, Sentence("ở tương lai", "lies in the future"))
    if claimed < certificate.not_valid_before_utc - CLOCK_TOLERANCE:
        reason = Sentence("trước khi chứng thư có hiệu lực", "lies before the certificate is valid")
        return _implausible(claimed, path, reason)
    return PASSED


def _mismatch(path: str) -> Finding:
    return adverse(
        SubIndication.SIG_CONSTRAINTS_FAILURE,
        RejectionCode.SIGNING_CERTIFICATE_MISMATCH,
        path=f"{path}/Object",
        clause="ETSI EN 319 132-1 §5.2.2",
    )


def _implausible(claimed: datetime, path: str, reason: Sentence) -> Finding:
    return adverse(
        SubIndication.SIG_CONSTRAINTS_FAILURE,
        RejectionCode.SIGNING_TIME_IMPLAUSIBLE,
        path=f"{path}/Object",
        clause=_CLAUSE,
        at=claimed.astimezone(VIETNAM_TIME).isoformat(),
        reason_vi=reason.vi,
        reason_en=reason.en,
    )
