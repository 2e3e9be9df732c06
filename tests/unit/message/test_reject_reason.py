import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.identifiers import DeliveryId
from hub.message.reject_reason import LONGEST, RejectReason

DELIVERY = DeliveryId(UUID(int=7))
GOOD = {"delivery_id": str(DELIVERY), "attempt": 1, "reason": "no room"}


@given(st.text(), st.integers(1, 2**31 - 1))
def test_whatever_is_said_arrives_as_one_short_line(reason: str, attempt: int) -> None:
    told = RejectReason.of(DELIVERY, attempt, reason)

    assert RejectReason.read(told.write()) == told
    assert 1 <= len(told.reason) <= LONGEST
    assert "\n" not in told.reason
    assert "\x00" not in told.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 8_000,
        b"<edXML/>",
        b"null",
        b'"reason"',
        json.dumps({**GOOD, "attempt": 0}).encode(),
        json.dumps({**GOOD, "attempt": True}).encode(),
        json.dumps({**GOOD, "attempt": 2**31}).encode(),
        json.dumps({**GOOD, "attempt": "1"}).encode(),
        json.dumps({**GOOD, "delivery_id": "H41"}).encode(),
        json.dumps({**GOOD, "delivery_id": None}).encode(),
        json.dumps({**GOOD, "reason": ["no room"]}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
        json.dumps({**GOOD, "reason": "x" * 9_000}).encode(),
    ],
    ids=range(15),
)
def test_anything_else_is_no_reason(body: bytes) -> None:
    assert RejectReason.read(body) is None


def test_what_a_stranger_wrote_is_cut_and_cleaned_again() -> None:
    told = RejectReason.read(json.dumps({**GOOD, "reason": "a\u202eb\u0000\n" + "x" * 2_000}).encode())

    assert told is not None
    assert told.reason.startswith("a b x")
    assert len(told.reason) == LONGEST
