from datetime import UTC, datetime

import pytest

from hub.message.alert import AlertKind, Moment
from hub.message.alert_text import Notice, letter


def a_notice(kind: AlertKind = AlertKind.RECIPIENT_FAILING, moment: Moment = Moment.START) -> Notice:
    return Notice(
        notice_id=1,
        alert_id=1,
        moment=moment,
        kind=kind,
        subject="H41",
        detail={"waiting": 12},
        opened_at=datetime(2026, 1, 15, 2, 30, tzinfo=UTC),
        closed_at=datetime(2026, 1, 15, 3, 0, tzinfo=UTC) if moment is Moment.END else None,
        attempts=0,
    )


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_says_in_both_languages_what_happened_and_what_to_do(kind: AlertKind) -> None:
    lines = letter([a_notice(kind)]).text.splitlines()

    assert lines[0].startswith("BẮT ĐẦU: ")
    assert lines[1].startswith("START: ")
    assert "2026-01-15 09:30:00+07:00" in lines[2]
    assert lines[3] == "  waiting: 12"
    assert len(lines) == 6


def test_an_end_says_until_when_and_asks_for_nothing() -> None:
    text = letter([a_notice(moment=Moment.END)]).text

    assert "Đến / until: 2026-01-15 10:00:00+07:00" in text
    assert "truc queues" not in text


def test_what_comes_together_is_one_letter() -> None:
    together = letter([a_notice(), a_notice(moment=Moment.END)])

    assert together.subject == "[Trục] 2 cảnh báo / alerts"
    assert together.text.count("H41") == 4
