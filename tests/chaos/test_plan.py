"""The same seed plans the same acts, and no campaign lacks what it must have."""

from itertools import pairwise

import pytest

from adapters.kit.crash import CrashPoint
from hub.crash import POINTS, SEALER_POINTS
from tests.chaos.nemesis import kind_of
from tests.chaos.plan import AGENCIES, BROKER, CASES, DATABASE, HUBS, Deed, schedule

SEEDS = range(25)


def test_the_same_seed_plans_the_same_acts() -> None:
    assert schedule(7, 300) == schedule(7, 300)
    assert schedule(7, 300) != schedule(8, 300)


def test_a_longer_campaign_begins_like_a_shorter_one() -> None:
    shorter, longer = schedule(7, 60), schedule(7, 120)

    assert {(act.at, act.deed, act.target) for act in longer if act.at <= 60} == {
        (act.at, act.deed, act.target) for act in shorter
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_even_the_shortest_campaign_kills_each_part_and_cuts_and_pauses(seed: int) -> None:
    done = {f"{act.deed} {kind_of(act.target)}" for act in schedule(seed, 30)}

    assert {"kill hub", "kill agency", "kill broker", "kill database"} <= done
    assert any(deed.startswith("cut ") for deed in done)
    assert any(deed.startswith("pause ") for deed in done)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_minutes_hold_every_deed_and_every_named_point(seed: int) -> None:
    acts = schedule(seed, 180)

    assert {act.deed for act in acts} == set(Deed)
    points = {act.detail.partition(":")[0] for act in acts if act.deed is Deed.CRASH}
    assert points == {*POINTS, *SEALER_POINTS, *(point.value for point in CrashPoint)}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_target_comes_to_itself_in_between(seed: int) -> None:
    acts = [act for act in schedule(seed, 600) if act.deed is not Deed.REPLAY]

    for target in {act.target for act in acts}:
        own = [act for act in acts if act.target == target]
        assert all(after.at - (act.at + act.seconds) >= 3.9 for act, after in pairwise(own))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_act_has_a_target_that_there_is(seed: int) -> None:
    processes = {*HUBS, *AGENCIES}
    lines = {f"{client}>{BROKER}" for client in processes} | {f"{hub}>{DATABASE}" for hub in HUBS}

    for act in schedule(seed, 600):
        assert act.target in {*processes, *lines, BROKER, DATABASE, CASES}
        assert (act.target in lines) == (
            act.deed in {Deed.CUT, Deed.SILENCE, Deed.SLOW, Deed.FORGET_CLIENT, Deed.FORGET_SERVER}
        )
