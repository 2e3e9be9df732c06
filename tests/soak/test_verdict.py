"""The soak can fail: what grows, slows down or goes wrong is named, and what only wavers is not."""

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.sampling import Sample, Spell, Usage
from tests.soak.trend import floor_of, second_half, trend_of
from tests.soak.verdict import EVENTS, judge

EVERY = 5.0
COUNT = 300


def a_usage(private_mb: float) -> Usage:
    return Usage(
        private_mb=private_mb, resident_mb=private_mb + 50, files=40, threads=5, processor_seconds=1.0
    )


def samples(
    *,
    grows_mb_per_hour: float = 0.0,
    slows_by: float = 1.0,
    files_per_hour: float = 0.0,
    of: str = "hub 1",
) -> list[Sample]:
    """Make up a soak whose hub wavers by a megabyte."""
    chance = random.Random(7)
    found = []
    for number in range(COUNT):
        hours = number * EVERY / 3600
        part = number / COUNT
        spell = Spell(count=100, median_ms=40 * (1 + (slows_by - 1) * part), p99_ms=90)
        usage = a_usage(110 + grows_mb_per_hour * hours + chance.uniform(-1, 1))
        found.append(
            Sample(
                seconds=number * EVERY,
                usage={of: replace(usage, files=int(40 + files_per_hour * hours))},
                tasks={"hub 1": 20},
                queues={"hub.intake": chance.randrange(3)},
                database_octets=10_000_000 + 20_000 * number,
                waiting=0,
                cases=0,
                invalid=0,
                journal_octets={"sender": 1_000 * number},
                spells=dict.fromkeys(EVENTS, spell),
                counts={"posted": 100 * number, **dict.fromkeys(EVENTS, 100 * number)},
            )
        )
    return [*found, replace(found[-1], queues={"hub.intake": 0})]


def test_what_only_wavers_is_flat() -> None:
    verdict = judge(samples(), log_errors=[])

    assert verdict.complaints == ()
    assert abs(verdict.memory_mb_per_hour["hub 1"].per_hour) < 3
    assert verdict.database_octets_per_document == 200


def test_a_leak_of_twenty_megabytes_an_hour_is_found_in_half_an_hour() -> None:
    (complaint,) = judge(samples(grows_mb_per_hour=20), log_errors=[]).complaints

    assert complaint.startswith("hub 1 grows by")
    assert "MB of private memory an hour, more than 6" in complaint


def test_files_that_stay_open_are_found() -> None:
    (complaint,) = judge(samples(files_per_hour=120), log_errors=[]).complaints

    assert "open files" in complaint


def test_files_that_the_database_keeps_open_are_its_own_affair() -> None:
    assert judge(samples(files_per_hour=120, of="database"), log_errors=[]).complaints == ()


def test_getting_slower_is_found() -> None:
    complaints = judge(samples(slows_by=3.0), log_errors=[]).complaints

    assert len(complaints) == len(EVENTS)
    assert "ms at last" in complaints[0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cases": 1}, "1 cases"),
        ({"waiting": 4}, "4 entries wait"),
        ({"queues": {"agency.H41": 2}}, "agency.H41"),
    ],
)
def test_what_is_left_at_rest_is_named(wrong: dict[str, Any], told: str) -> None:
    *running, last = samples()

    (complaint,) = judge([*running, replace(last, **wrong)], log_errors=[]).complaints

    assert told in complaint


def test_a_lost_and_a_doubled_document_are_named() -> None:
    *running, last = samples()
    counts = {
        **last.counts,
        "arrived": last.counts["posted"] + 1,
        "ContentHandover": last.counts["posted"] - 1,
    }

    complaints = judge([*running, replace(last, counts=counts)], log_errors=[]).complaints

    assert len(complaints) == 2


def test_a_warning_in_the_log_is_a_complaint() -> None:
    (complaint,) = judge(samples(), log_errors=['{"event": "broker.lost"}']).complaints

    assert "broker.lost" in complaint


def test_the_slope_of_a_line_is_found_without_an_error() -> None:
    trend = trend_of([(float(seconds), 5 + seconds / 36) for seconds in range(0, 360, 5)])

    assert trend.per_hour == pytest.approx(100)
    assert trend.error == pytest.approx(0, abs=1e-6)


def test_the_second_half_is_that_of_the_time() -> None:
    assert second_half([(0, 1), (1, 1), (6, 1), (10, 1)]) == [(6, 1), (10, 1)]


def test_a_buffer_that_fills_and_empties_does_not_grow() -> None:
    sawtooth = [(float(seconds), 100 + seconds % 300 / 6) for seconds in range(0, 1140, 5)]

    assert trend_of(sawtooth).per_hour > 20
    assert trend_of(floor_of(sawtooth)).per_hour == pytest.approx(0, abs=15)
    assert len(floor_of(sawtooth)) == 4


def test_a_floor_that_rises_is_found_below_a_buffer() -> None:
    rising = [(float(seconds), 100 + seconds / 36 + seconds % 300 / 6) for seconds in range(0, 1350, 5)]

    assert trend_of(floor_of(rising)).per_hour == pytest.approx(100, rel=0.2)
