"""The claim check that stands for a large envelope."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.message.claim import CLAIM_TYPE, ClaimCheck, is_claim, read_claim
from hub.message.identifiers import Digest, digest_of

A_CLAIM = ClaimCheck(digest=digest_of(b"an envelope"), octets=11)


def test_a_claim_check_is_json_that_names_the_digest_and_the_length() -> None:
    assert json.loads(A_CLAIM.as_body()) == {
        "claim": 1,
        "sha256": digest_of(b"an envelope").hex(),
        "octets": 11,
    }


@given(st.binary(min_size=32, max_size=32), st.integers(1, 10**15 - 1))
def test_what_was_written_is_read_back(digest: bytes, octets: int) -> None:
    claim = ClaimCheck(digest=Digest(digest), octets=octets)

    assert read_claim(claim.as_body()) == claim


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<edXML/>",
        A_CLAIM.as_body() + b"\n",
        b" " + A_CLAIM.as_body(),
        A_CLAIM.as_body().upper(),
        A_CLAIM.as_body().replace(b":1,", b":2,"),
        A_CLAIM.as_body().replace(b":11}", b":0}"),
        A_CLAIM.as_body().replace(b":11}", b":-1}"),
        A_CLAIM.as_body().replace(b":11}", b":011}"),
        A_CLAIM.as_body().replace(b":11}", b":1e3}"),
        A_CLAIM.as_body().replace(b":11}", b":9999999999999999}"),
        A_CLAIM.as_body().replace(b":11}", b':11,"octets":12}'),
        A_CLAIM.as_body().replace(b",", b", "),
    ],
    ids=range(13),
)
def test_what_is_written_in_another_way_is_no_claim_check(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a claim check"):
        read_claim(body)


def test_the_content_type_alone_tells_a_claim_check_from_an_envelope() -> None:
    assert is_claim(CLAIM_TYPE)
    assert not is_claim("application/xml")
    assert not is_claim(None)
