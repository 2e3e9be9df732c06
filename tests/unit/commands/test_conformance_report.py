"""A report's signature holds for the very octets that were signed, and for nobody else's key."""

from datetime import UTC, datetime

import pytest

from hub.commands.conforming.sealing import seal, verify
from hub.errors import OperationRefused
from hub.message.identifiers import AgencyCode
from hub.signature.authority import DevelopmentAuthority
from tests.support.authority import AT, agency_signing_key, session_anchors

REPORT = '{"adapter": "phần mềm của tỉnh"}'.encode() * 20_000
"""Longer than a library's idea of a token."""


def test_a_signature_names_who_signed_and_does_not_repeat_the_report() -> None:
    signature = seal(REPORT, agency_signing_key("TRUC"))

    assert "TRUC" in verify(REPORT, signature, session_anchors(), AT).signed_by
    assert len(signature) < 10_000


@pytest.mark.parametrize(
    ("report", "spoil"),
    [
        (REPORT + b" ", lambda signature: signature),
        (REPORT, lambda signature: signature[:-4] + "AAAA"),
        (REPORT, lambda signature: signature.replace("..", ".e30.")),
        (REPORT, lambda signature: "e30.." + signature.rpartition(".")[2]),
        (REPORT, lambda _: "nothing"),
        (REPORT, lambda _: "!!..!!"),
    ],
    ids=["changed", "other signature", "with a payload", "no certificate", "no JWS", "no base64"],
)
def test_what_was_changed_or_is_no_signature_is_refused(report: bytes, spoil: object) -> None:
    assert callable(spoil)
    signature = spoil(seal(REPORT, agency_signing_key("TRUC")))

    with pytest.raises(OperationRefused):
        verify(report, signature, session_anchors(), AT)


def test_a_stranger_is_not_believed() -> None:
    authority = DevelopmentAuthority.create("Stranger", datetime(2026, 1, 1, tzinfo=UTC))
    key = authority.issue(
        agency_code=AgencyCode("TRUC"), name="Stranger", at=datetime(2026, 1, 1, tzinfo=UTC), key_type="ec"
    )

    with pytest.raises(OperationRefused, match="by a stranger"):
        verify(REPORT, seal(REPORT, key), session_anchors(), AT)
