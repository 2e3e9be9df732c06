"""The judge of the failure campaign passes what is right and catches each single thing that is wrong."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.message.identifiers import AgencyKey
from tests.chaos.checker import JUDGES, judge
from tests.chaos.checker_case import Case, Mutation, Unfit
from tests.chaos.checker_mutations import MUTATIONS
from tests.chaos.checker_simulated_axis import Fate, Plan
from tests.chaos.checker_simulation import simulate
from tests.chaos.laws.violation import Law

AGENCIES = tuple(map(AgencyKey, ("G22", "H41", "H41.02", "K08")))
_ONE_OF_EACH = tuple(
    Plan(sender=AgencyKey("G22"), fates=((AgencyKey("H41"), fate), (AgencyKey("K08"), Fate.TAKEN)))
    for fate in Fate
)
EVERYTHING = (
    *_ONE_OF_EACH,
    Plan(sender=AgencyKey("G22"), fates=((AgencyKey("H41"), Fate.TAKEN),), is_valid=False),
    Plan(sender=AgencyKey("K08"), fates=((AgencyKey("H41"), Fate.TAKEN),), is_urgent=True, is_copied=True),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    sender, *others = draw(st.permutations(AGENCIES))
    recipients = others[: draw(st.integers(1, 3))]
    return Plan(
        sender=sender,
        fates=tuple((each, draw(st.sampled_from(Fate))) for each in recipients),
        is_valid=draw(st.integers(0, 9)) > 0,
        is_urgent=draw(st.booleans()),
        is_copied=draw(st.integers(0, 4)) == 0,
    )


def case_of(chosen: "list[Plan] | tuple[Plan, ...]") -> Case:
    axis = simulate(chosen)
    return Case(entries=tuple(axis.entries), sight=axis.sight())


@given(st.lists(plans(), max_size=12))
@settings(max_examples=60, deadline=None)
def test_what_a_correct_axis_does_is_found_correct(chosen: list[Plan]) -> None:
    case = case_of(chosen)

    verdict = judge(case.entries, case.sight)

    assert list(verdict.told()) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_each_single_wrong_is_caught_by_its_law(mutation: Mutation) -> None:
    case = case_of(EVERYTHING)
    assert judge(case.entries, case.sight).is_clean

    for seed in range(8):
        spoilt = mutation.mutate(case, Random(seed))
        verdict = judge(spoilt.entries, spoilt.sight)
        assert mutation.law in verdict.broken, f"seed {seed}"
        assert all(each.story for each in verdict.of(mutation.law)[:1])


@given(
    st.lists(plans(), min_size=2, max_size=8), st.sampled_from(MUTATIONS), st.randoms(use_true_random=False)
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_in_any_campaign_each_single_wrong_is_caught(
    chosen: list[Plan], mutation: Mutation, random: Random
) -> None:
    try:
        spoilt = mutation.mutate(case_of(chosen), random)
    except Unfit:
        return

    verdict = judge(spoilt.entries, spoilt.sight)

    assert mutation.law in verdict.broken


def test_every_law_has_a_judge_and_a_way_to_be_broken() -> None:
    assert set(JUDGES) == set(Law) == {each.law for each in MUTATIONS}


def test_a_violation_is_told_with_everything_that_is_known_about_it() -> None:
    case = case_of(EVERYTHING)
    mutation = next(each for each in MUTATIONS if each.name == "a_delivery_has_a_second_effect")
    spoilt = mutation.mutate(case, Random(1))

    told = "\n".join(judge(spoilt.entries, spoilt.sight).told())

    for what in (
        "[double_effects]",
        "submits",
        "the broker has confirmed",
        "is offered",
        "effect 1000000000",
        "SubmissionAcceptance",
        "ContentConsignment",
        "operators see",
        "delivery.consigned",
    ):
        assert what in told
