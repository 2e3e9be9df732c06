"""An answer is believed where it stamps what was asked about, now, by an authority below the anchors."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from asn1crypto import tsp
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from hub.message.signature_facts import StampVerdict
from hub.signature.signing import SigningKey
from hub.signature.stamp_asking import StampInquiry, StampRefused, StampTrouble, Token
from hub.signature.stamp_issuing import answer_stamp_request
from hub.signature.status_authority import StatusAuthority
from hub.signature.time_stamp import judge_stamp
from tests.support.authority import AT, SINCE
from tests.support.status_authority import status_authority

SUBJECT = b"the digests of some sheets"
OTHERS = StatusAuthority.create("Trục other CA", "http://127.0.0.1:8302", SINCE)


def answered(request: bytes, *, at: datetime = AT, key: SigningKey | None = None) -> bytes:
    return answer_stamp_request(request, key or status_authority().stamper, at, 1)


def read(inquiry: StampInquiry, answer: bytes) -> Token:
    return inquiry.read(answer, [status_authority().root.certificate], AT)


def changed(request: bytes, **parts: object) -> bytes:
    asked = tsp.TimeStampReq.load(request)
    for name, value in parts.items():
        asked[name] = value
    return bytes(asked.dump(force=True))


def without_nonce(_: bytes) -> bytes:
    builder = TimestampRequestBuilder().data(SUBJECT).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=False).cert_request(cert_request=True).build().as_bytes()


def with_sha512(request: bytes) -> bytes:
    builder = TimestampRequestBuilder().data(SUBJECT).hash_algorithm(HashAlgorithm.SHA512)
    other = tsp.TimeStampReq.load(builder.build().as_bytes())
    return changed(request, message_imprint=other["message_imprint"])


def test_an_answer_to_the_question_is_a_stamp() -> None:
    inquiry = StampInquiry.about(SUBJECT)

    token = read(inquiry, answered(inquiry.octets))

    assert token.at == AT.replace(microsecond=0)
    stamp = judge_stamp(token.octets, SUBJECT, [status_authority().root.certificate], "/")
    assert stamp.verdict is StampVerdict.PASSED


def test_every_question_has_a_nonce_of_its_own_and_asks_for_the_certificate() -> None:
    asked = [tsp.TimeStampReq.load(StampInquiry.about(SUBJECT).octets) for _ in range(2)]

    assert asked[0]["nonce"].native != asked[1]["nonce"].native
    assert all(each["cert_req"].native for each in asked)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (lambda request: answered(changed(request, nonce=7)), StampTrouble.OTHER_NONCE),
        (lambda request: answered(without_nonce(request)), StampTrouble.OTHER_NONCE),
        (lambda _: answered(StampInquiry.about(b"something else").octets), StampTrouble.OTHER_DIGEST),
        (lambda request: answered(with_sha512(request)), StampTrouble.OTHER_DIGEST),
        (lambda request: answered(request, at=AT - timedelta(hours=1)), StampTrouble.OTHER_TIME),
        (lambda request: answered(request, at=AT + timedelta(hours=1)), StampTrouble.OTHER_TIME),
        (lambda request: answered(request, key=OTHERS.stamper), StampTrouble.UNTRUSTED),
        (lambda request: answered(request, key=status_authority().responder), StampTrouble.UNTRUSTED),
        (lambda request: answered(changed(request, cert_req=False)), StampTrouble.UNTRUSTED),
        (lambda _: answered(b"nonsense"), StampTrouble.NOT_GRANTED),
        (lambda request: answered(request)[:-40], StampTrouble.UNREADABLE),
        (lambda _: b"", StampTrouble.UNREADABLE),
        (lambda _: b"<html>", StampTrouble.UNREADABLE),
    ],
    ids=[
        "other nonce", "no nonce", "other digest", "SHA-512", "an hour ago", "in an hour", "other authority",
        "a certificate for something else", "no certificate", "refusal", "cut off", "nothing", "a web page",
    ],
)  # fmt: skip
def test_what_is_not_an_answer_to_the_question_is_refused_with_its_code(
    answer: Callable[[bytes], bytes], trouble: StampTrouble
) -> None:
    inquiry = StampInquiry.about(SUBJECT)

    with pytest.raises(StampRefused) as refused:
        read(inquiry, answer(inquiry.octets))

    assert refused.value.trouble is trouble


def test_a_signature_that_was_altered_is_refused() -> None:
    inquiry = StampInquiry.about(SUBJECT)
    answer = bytearray(answered(inquiry.octets))
    answer[-1] ^= 1

    with pytest.raises(StampRefused) as refused:
        read(inquiry, bytes(answer))

    assert refused.value.trouble is StampTrouble.UNTRUSTED
