from dataclasses import replace
from datetime import UTC, datetime

from hub.message.alert import AlertKind, Moment
from hub.message.alert_text import MOST_TOLD, Notice, letter

NOTICE = Notice(
    notice_id=1,
    alert_id=1,
    moment=Moment.START,
    kind=AlertKind.RECIPIENT_FAILING,
    subject="H41",
    detail={},
    opened_at=datetime(2026, 1, 15, 2, 30, tzinfo=UTC),
    closed_at=None,
    attempts=0,
)


def test_a_letter_of_thousands_tells_how_many_there_are_and_the_first_of_them() -> None:
    many = [replace(NOTICE, notice_id=each, subject=f"H{each}") for each in range(5000)]

    written = letter(many)

    assert "5000 cảnh báo" in written.subject
    assert written.text.count("START: ") == MOST_TOLD
    assert f"{5000 - MOST_TOLD} more" in written.text
    assert len(written.text) < 100_000
