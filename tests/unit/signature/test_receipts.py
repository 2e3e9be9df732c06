from datetime import timedelta

import pytest

from hub.errors import MessageRejected, RejectionCode
from hub.message.receipt_xml import write_receipt
from hub.signature.receipts import MAX_OCTETS, verify_receipt
from hub.signature.signing import sign_envelope, sign_receipt
from tests.support.authority import AT, LIFETIME, SINCE, agency_signing_key, session_anchors
from tests.support.edxml import envelope
from tests.support.receipts import a_receipt

HUB = agency_signing_key("HUB")


def signed() -> bytes:
    return sign_receipt(write_receipt(a_receipt()), HUB)


def refused(body: bytes) -> RejectionCode:
    with pytest.raises(MessageRejected) as refusal:
        verify_receipt(body, anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=AT)
    return refusal.value.code


def test_a_receipt_says_what_the_hub_signed() -> None:
    receipt = verify_receipt(signed(), anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=AT)

    assert receipt == a_receipt()


def test_a_changed_receipt_proves_nothing() -> None:
    body = signed().replace(b"SubmissionAcceptance", b"ContentHandover")

    assert refused(body) is RejectionCode.HASH_FAILURE


def test_an_unsigned_receipt_proves_nothing() -> None:
    body = signed()
    start, end = body.index(b"<ds:Signature "), body.index(b"</ds:Signature>") + len(b"</ds:Signature>")

    assert refused(body[:start] + body[end:]) is RejectionCode.NO_SIGNATURE


def test_a_receipt_of_somebody_else_proves_nothing() -> None:
    body = sign_receipt(write_receipt(a_receipt()), agency_signing_key("H41"))

    assert refused(body) is RejectionCode.CERTIFICATE_NOT_REGISTERED


def test_a_signed_envelope_is_no_receipt() -> None:
    assert refused(sign_envelope(envelope(), HUB)) is RejectionCode.SIGNATURE_FORMAT_FAILURE


def test_a_receipt_from_the_archive_is_judged_at_its_own_time() -> None:
    late = SINCE + LIFETIME + timedelta(days=1)

    with pytest.raises(MessageRejected, match="expired"):
        verify_receipt(signed(), anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=late)
    assert verify_receipt(
        signed(), anchors=session_anchors(), hub_certificates={HUB.fingerprint}, at=a_receipt().issued_at
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", RejectionCode.NOT_WELL_FORMED),
        (b"<Receipt>", RejectionCode.NOT_WELL_FORMED),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", RejectionCode.FORBIDDEN_XML),
        (b" " * (MAX_OCTETS + 1), RejectionCode.MESSAGE_TOO_LARGE),
    ],
)
def test_what_is_no_xml_is_refused_before_it_is_looked_at(body: bytes, code: RejectionCode) -> None:
    assert refused(body) is code
