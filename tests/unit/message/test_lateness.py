from datetime import UTC, date, datetime

from hub.message.lateness import Today


def test_a_day_begins_at_midnight_in_vietnam() -> None:
    late_evening = datetime(2026, 1, 15, 16, 59, tzinfo=UTC)
    past_midnight = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)

    assert Today.at(late_evening).date == date(2026, 1, 15)
    assert Today.at(past_midnight).date == date(2026, 1, 16)
    assert Today.at(past_midnight).began_at == past_midnight
