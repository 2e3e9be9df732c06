"""What a connection that the network forgot does to the order is excused, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from hub.message.identifiers import AgencyKey
from tests.chaos.checker import judge
from tests.chaos.checker_case import Case
from tests.chaos.checker_mutations import MUTATIONS
from tests.chaos.checker_simulated_axis import Fate, Plan
from tests.chaos.checker_simulation import simulate
from tests.chaos.laws.violation import Law
from tests.chaos.ledger import Disturbed, Effected


def overtaken(*, is_redelivered: bool = True) -> Case:
    """Return a campaign in which two documents of one lane took effect the wrong way round.

    The broker says of the later one that it had handed it out before, where *is_redelivered*.
    """
    axis = simulate([Plan(sender=AgencyKey("G22"), fates=((AgencyKey("H41"), Fate.TAKEN),))] * 2)
    case = Case(entries=tuple(axis.entries), sight=axis.sight())
    change_places = next(each for each in MUTATIONS if each.law is Law.ORDER)
    spoilt = change_places.mutate(case, Random(1))
    late = max(spoilt.all(Effected), key=lambda each: each.ordinal)
    return spoilt.instead(late, replace(late, is_redelivered=is_redelivered))


def forgotten(case: Case, line: str, *, late: bool = False) -> Disturbed:
    """Return that the network forgot *line* before the one that was overtaken, or only after both."""
    effects = [each.at for each in case.all(Effected)]
    at = max(effects) + timedelta(seconds=1) if late else min(effects)
    return Disturbed(what="forget client", target=line, at=at)


def broken(case: Case) -> bool:
    return Law.ORDER in judge(case.entries, case.sight).broken


def consumer(case: Case) -> str:
    return case.all(Effected)[0].consumer


def test_what_was_sent_down_a_forgotten_connection_may_come_later() -> None:
    case = overtaken()
    assert broken(case)

    assert not broken(case.plus(forgotten(case, f"{consumer(case)}>broker")))


def test_a_connection_that_was_forgotten_all_the_time_counts_as_well() -> None:
    case = overtaken()
    line = f"{consumer(case)}>broker"
    begin = Disturbed(what="forget client", target=line, at=min(each.at for each in case.entries))
    end = Disturbed(
        what="end of forget client",
        target=line,
        at=max(each.at for each in case.entries) + timedelta(seconds=1),
    )

    assert not broken(case.plus(begin, end))


def test_what_comes_for_the_first_time_is_excused_by_no_forgotten_connection() -> None:
    case = overtaken(is_redelivered=False)

    assert broken(case.plus(forgotten(case, f"{consumer(case)}>broker")))


@pytest.mark.parametrize("target", ["hub-1", "hub-2>database", "hub-1>broker", "broker", "database"])
def test_what_a_hub_may_have_published_twice_may_come_later_as_well(target: str) -> None:
    case = overtaken(is_redelivered=False)
    struck = forgotten(case, f"{consumer(case)}>broker")

    assert not broken(case.plus(struck, replace(struck, what="crash", target=target)))
    assert broken(case.plus(replace(struck, what="crash", target=target)))


@pytest.mark.parametrize("line", ["hub-1>broker", "K08-1>broker", "hub-1>database"])
def test_another_forgotten_connection_excuses_nothing(line: str) -> None:
    case = overtaken()

    assert broken(case.plus(forgotten(case, line)))


def test_a_connection_that_was_forgotten_afterwards_excuses_nothing() -> None:
    case = overtaken()

    assert broken(case.plus(forgotten(case, f"{consumer(case)}>broker", late=True)))
