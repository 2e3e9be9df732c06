"""The clock of an agency process goes wrong and right again as the nemesis says, by a file and no signal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.agency import Clock

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    clock = Clock(tmp_path)
    yield clock
    (tmp_path / "skew").write_text("0", "ascii")
    clock.obey()


def wrong_by(right: datetime) -> timedelta:
    return datetime.now(UTC) - right


def test_a_clock_that_nobody_touched_is_right(clock: Clock) -> None:
    right = datetime.now(UTC)

    clock.obey()

    assert wrong_by(right) < AN_HOUR / 2


def test_a_clock_is_wrong_by_what_the_file_says_however_often_it_looks(clock: Clock, tmp_path: Path) -> None:
    right = datetime.now(UTC)
    (tmp_path / "skew").write_text("3600", "ascii")

    for _ in range(3):
        clock.obey()

    assert AN_HOUR <= wrong_by(right) < 1.5 * AN_HOUR


def test_a_clock_is_right_again_afterwards(clock: Clock, tmp_path: Path) -> None:
    right = datetime.now(UTC)
    for told in ("-3600", "0"):
        (tmp_path / "skew").write_text(told, "ascii")
        clock.obey()

    assert timedelta(0) <= wrong_by(right) < AN_HOUR / 2
