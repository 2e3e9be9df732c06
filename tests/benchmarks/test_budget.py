"""The budget says of each figure whether it is met, missed or was not measured."""

import pytest

from tests.benchmarks.budget import Goal, compared, goals


def test_every_goal_has_one_limit() -> None:
    assert goals()
    assert all((goal.at_least is None) != (goal.at_most is None) for goal in goals())


@pytest.mark.parametrize(("value", "is_met"), [(1.9, True), (2.0, True), (2.1, False)])
def test_a_limit_may_be_reached_and_not_passed(value: float, is_met: bool) -> None:  # noqa: FBT001
    assert Goal(what="w", figure="f", at_most=2.0).is_met_by(value) is is_met
    assert Goal(what="w", figure="f", at_least=-2.0).is_met_by(-value) is is_met


def test_what_a_bench_left_out_is_no_figure() -> None:
    found = dict(compared({"ratio": 0.4, "axis": {"p99_ms": 50}, "large": None}))

    by_figure = {goal.figure: value for goal, value in found.items()}
    assert by_figure["ratio"] == 0.4
    assert by_figure["axis.p99_ms"] == 50
    assert by_figure["large.checks_for_signature_and_xsd"] is None
