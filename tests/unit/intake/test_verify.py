from datetime import timedelta

import pytest

from hub.errors import RejectionCode, SignatureRejected
from hub.intake.verify import verify
from hub.signature.signing import sign_envelope
from tests.support.authority import AT, LIFETIME, SINCE, agency_signing_key, session_anchors
from tests.support.edxml import envelope
from tests.support.verdict import parsed, verified


def test_what_is_handed_on_is_what_was_signed() -> None:
    body = sign_envelope(envelope(subject="Thông báo"), agency_signing_key("H41.07"))

    message = verified(body)

    assert message.received.body == body
    assert message.signed_by == agency_signing_key("H41.07").fingerprint
    assert message.signed_tree.findtext(".//{*}Subject") == "Thông báo"
    assert not message.signed_tree.xpath("//*[local-name() = 'Signature']")


def test_a_vendors_placeholder_is_no_signature() -> None:
    with pytest.raises(SignatureRejected) as refusal:
        verified(envelope(in_header="<edXML:DigitalSignature/>"))

    assert refusal.value.code is RejectionCode.NO_SIGNATURE
    assert refusal.value.violations[0].path == "/edXML/edXMLEnvelope/edXMLHeader/Signature"


def test_the_time_that_counts_is_the_one_of_receipt() -> None:
    body = sign_envelope(envelope(), agency_signing_key("H41.07"))

    assert verified(body, at=AT)
    with pytest.raises(SignatureRejected, match="expired"):
        verified(body, at=SINCE + LIFETIME + timedelta(days=1))


def test_verifying_uses_the_parsed_tree_up() -> None:
    message = parsed(sign_envelope(envelope(), agency_signing_key("H41.07")))
    verify(message, session_anchors())

    with pytest.raises(SignatureRejected) as refusal:
        verify(message, session_anchors())

    assert refusal.value.code is RejectionCode.NO_SIGNATURE
