"""A time stamp in evidence proves since when a receipt exists, to those who know the authority."""

from dataclasses import replace

import pytest

from hub.evidence.judge import judge
from tests.support.evidence import SHEET, EvidenceBuilder, evidence, key_of, stamped, trust

BODY = evidence().members[SHEET]


def with_stamp(members: dict[str, bytes]) -> bytes:
    return EvidenceBuilder({**evidence().members, **members}).written()


def test_a_stamped_receipt_is_proved_to_have_existed() -> None:
    judgement = judge(with_stamp(stamped(BODY, b"another sheet")), trust())

    assert judgement.faults == []
    assert (SHEET, "existed at 2026-05-30T02:16:04+00:00, by a time stamp") in {
        (each.where, each.en) for each in judgement.facts
    }


def test_whoever_knows_no_authority_is_told_so() -> None:
    judgement = judge(with_stamp(stamped(BODY)), replace(trust(), stamps=()))

    assert judgement.faults == []
    assert any("nobody said which anchors stand behind time stamps" in each.en for each in judgement.open)
    assert not any("time stamp" in each.en for each in judgement.facts)


@pytest.mark.parametrize("suffix", ["txt", "tst"])
def test_half_of_a_stamp_is_a_fault(suffix: str) -> None:
    half = {name: body for name, body in stamped(BODY).items() if name.endswith(suffix)}

    assert [each.en for each in judge(with_stamp(half), trust()).faults] == [
        "the list or its time stamp is missing"
    ]


def test_a_stamp_over_other_receipts_is_a_fault() -> None:
    faults = judge(with_stamp(stamped(b"another sheet")), trust()).faults

    assert [each.en for each in faults] == ["is about no receipt in this file"]


def test_a_stamp_over_another_list_is_a_fault() -> None:
    (name, listed), _ = stamped(BODY).items()
    _, (_, token) = stamped(b"another sheet").items()

    faults = judge(with_stamp({name: listed, name.replace("txt", "tst"): token}), trust()).faults

    assert [each.en for each in faults] == ["the time stamp is for another list"]


def test_a_stamp_by_somebody_who_is_no_authority_is_a_fault() -> None:
    faults = judge(with_stamp(stamped(BODY, by=key_of("G22"))), trust()).faults

    assert [each.en for each in faults] == ["no trusted authority gave the time stamp"]


@pytest.mark.parametrize("place", [5, 200, -20, -1])
def test_a_changed_token_is_a_fault(place: int) -> None:
    members = stamped(BODY)
    name = next(each for each in members if each.endswith("tst"))
    token = bytearray(members[name])
    token[place] ^= 1

    assert judge(with_stamp({**members, name: bytes(token)}), trust()).faults != []
