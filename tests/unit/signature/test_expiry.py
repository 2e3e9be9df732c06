from dataclasses import replace
from datetime import timedelta

import pytest

from hub.message.directory import RegisteredCertificate
from hub.message.identifiers import AgencyKey, Fingerprint
from hub.signature.expiry import days_left, due_warnings, is_in_use
from tests.support.authority import AT, SINCE

DAY = timedelta(days=1)


def ending(in_days: float) -> RegisteredCertificate:
    return RegisteredCertificate(
        fingerprint=Fingerprint(b"\x01" * 32),
        agency=AgencyKey("G22"),
        subject="CN=G22",
        not_before=SINCE,
        not_after=AT + timedelta(days=in_days),
    )


@pytest.mark.parametrize(
    ("in_days", "warned_of"),
    [(61, []), (60, []), (59.9, [60]), (30, [60]), (29.9, [30]), (7, [30]), (6.9, [7]), (0.1, [7])],
)
def test_the_nearest_threshold_that_was_passed_is_warned_of(in_days: float, warned_of: list[int]) -> None:
    assert [each.days for each in due_warnings([ending(in_days)], AT)] == warned_of


def test_days_are_counted_to_the_first_end() -> None:
    certificate = ending(100)

    assert days_left(certificate, AT) == 100
    assert days_left(replace(certificate, retired_at=AT + 40 * DAY), AT) == 40
    assert days_left(replace(certificate, revoked_at=AT - DAY), AT) == -1


def test_whose_end_is_planned_nobody_is_warned_of() -> None:
    certificate = ending(5)

    assert is_in_use(certificate, AT)
    assert not is_in_use(replace(certificate, retired_at=AT + DAY), AT)
    assert not is_in_use(replace(certificate, revoked_at=AT), AT)
    assert not is_in_use(certificate, AT + 6 * DAY)
