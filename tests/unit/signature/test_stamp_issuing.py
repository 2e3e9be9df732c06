import pytest
from rfc3161_client import (
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from hub.signature.stamp_issuing import answer_stamp_request
from tests.support.authority import AT
from tests.support.status_authority import status_authority

DATA = b"a receipt"
REJECTION = 2
"""PKIStatus (RFC 3161 §2.4.2)."""


def verify(answer: bytes, data: bytes) -> None:
    verifier = VerifierBuilder(roots=[status_authority().root.certificate]).build()
    verifier.verify_message(decode_timestamp_response(answer), data)


def test_an_independent_verifier_takes_the_stamp_for_what_was_stamped_and_nothing_else() -> None:
    request = TimestampRequestBuilder().data(DATA).build()

    answer = answer_stamp_request(request.as_bytes(), status_authority().stamper, AT, 7)

    response = decode_timestamp_response(answer)
    verify(answer, DATA)
    with pytest.raises(VerificationError):
        verify(answer, b"another receipt")
    assert response.tst_info.gen_time.replace(tzinfo=AT.tzinfo) == AT
    assert response.tst_info.nonce == request.nonce


@pytest.mark.parametrize("request_", [b"", b"hallo", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_request_is_refused_in_an_answer(request_: bytes) -> None:
    answer = answer_stamp_request(request_, status_authority().stamper, AT, 7)

    assert decode_timestamp_response(answer).status == REJECTION
