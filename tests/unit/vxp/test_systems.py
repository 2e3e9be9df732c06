"""Every agency has one system at most that speaks for it, and each system its own share of calls."""

import pytest

from adapters.vxp.limits import Limits
from adapters.vxp.refusals import Reason, Refused
from adapters.vxp.systems import System, Systems
from hub.message.identifiers import AgencyCode, agency_key

PROVINCE = System(systemid="tinh", secret="s", agency=AgencyCode("000.00.00.H41"), with_subordinates=True)
OFFICE = System(systemid="so", secret="s", agency=AgencyCode("H41.02"), units=(AgencyCode("H41.09.01"),))
SYSTEMS = Systems([PROVINCE, OFFICE])


@pytest.mark.parametrize(
    ("agency", "system"),
    [
        ("000.00.00.H41", PROVINCE),
        ("000.00.02.H41", OFFICE),
        ("H41.09.01", OFFICE),
        ("H41.09", PROVINCE),
        ("H41.09.01.01", PROVINCE),
        ("H41.02.07", PROVINCE),
        ("H410", None),
        ("H17", None),
    ],
)
def test_the_nearest_system_speaks_for_an_agency(agency: str, system: System | None) -> None:
    assert SYSTEMS.serving(agency_key(agency)) is system


def test_a_system_does_not_speak_for_those_who_have_their_own() -> None:
    assert not SYSTEMS.speaks_for(PROVINCE, AgencyCode("H41.02"))
    assert SYSTEMS.speaks_for(OFFICE, AgencyCode("000.00.02.H41"))


def test_what_is_more_than_a_minutes_worth_waits_for_its_share_of_the_next() -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    busy = System(systemid="a", secret="s", agency=AgencyCode("H41"), documents_per_minute=3)
    for _ in range(3):
        limits.document(busy)

    with pytest.raises(Refused) as refused:
        limits.document(busy)
    limits.request(busy)
    limits.document(OFFICE)
    now[0] += 20
    limits.document(busy)

    assert refused.value.reason is Reason.TOO_MANY_REQUESTS
    assert "20" in refused.value.en


def test_who_was_quiet_for_long_has_one_minutes_worth_and_no_more() -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    busy = System(systemid="a", secret="s", agency=AgencyCode("H41"), requests_per_minute=2)
    limits.request(busy)
    now[0] += 10_000

    limits.request(busy)
    limits.request(busy)
    with pytest.raises(Refused):
        limits.request(busy)
