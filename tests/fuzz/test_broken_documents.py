"""Whole documents pass; with one thing broken they are refused, and the hub itself never fails."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.intake.line import IntakeLine
from hub.message.decision import Admit, Refuse
from hub.message.directory import Directory
from tests.fuzz.documents import BREAKS, broken, documents, signed, statuses
from tests.fuzz.line import DIRECTORY, LINE, received

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def decide(body: bytes, mailbox: str = "G22", line: IntakeLine = LINE, at: Directory = DIRECTORY) -> object:
    return line.examine(received(body, mailbox), at)


@SOME
@given(documents())
def test_a_valid_document_is_admitted(body: bytes) -> None:
    assert isinstance(decide(signed(body)), Admit)


@SOME
@given(statuses())
def test_a_valid_status_is_admitted(body: bytes) -> None:
    assert isinstance(decide(signed(body, "H41"), "H41"), Admit)


@pytest.mark.parametrize("what", BREAKS, ids=lambda what: what.name)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=documents(), place=st.integers(0, 200))
def test_one_thing_broken_after_signing_is_refused(what: object, body: bytes, place: int) -> None:
    assert what in BREAKS

    result = decide(broken(signed(body), what, place))

    assert isinstance(result, Refuse), result


@SOME
@given(
    body=documents(), start=st.integers(0, 20_000), length=st.integers(1, 40), filling=st.binary(max_size=8)
)
def test_bytes_that_were_replaced_are_refused_or_change_nothing(
    body: bytes, start: int, length: int, filling: bytes
) -> None:
    good = signed(body)
    start %= len(good)
    admitted = decide(good)
    assert isinstance(admitted, Admit)

    result = decide(good[:start] + filling + good[start + length :])

    assert isinstance(result, Admit | Refuse), result
    if isinstance(result, Admit):
        assert result.authorized.valid.content_digest == admitted.authorized.valid.content_digest
