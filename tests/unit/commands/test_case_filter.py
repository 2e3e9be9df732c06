from datetime import datetime

import pytest
from typer import BadParameter

from hub.commands.case_acts import case_filter
from hub.commands.shown import VIETNAM


def test_an_act_on_everything_has_to_be_asked_for() -> None:
    with pytest.raises(BadParameter, match="--all"):
        case_filter(must_narrow=True)

    assert case_filter(is_all=True, must_narrow=True).is_open


@pytest.mark.parametrize(
    "narrowed", [{"mailbox": "H14"}, {"cause": "limit"}, {"sender": "G22"}, {"case_ids": [3]}]
)
def test_what_narrows_is_enough(narrowed: dict[str, object]) -> None:
    case_filter(must_narrow=True, **narrowed)


def test_a_moment_without_a_zone_is_vietnam_time() -> None:
    wanted = case_filter(since=datetime(2026, 1, 15))  # noqa: DTZ001 - as typed

    assert wanted.since == datetime(2026, 1, 15, tzinfo=VIETNAM)


def test_a_sender_may_be_named_in_any_form_of_its_code() -> None:
    assert case_filter(sender="000.00.00.H41").sender == "H41"
