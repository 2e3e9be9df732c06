"""The kit passes; an adapter that is wrong in one way fails the rules of that, and no others."""

import json
import sys
from pathlib import Path

import pytest

from hub.commands.conforming.adapter import Commands
from hub.commands.conforming.play import SCENARIOS
from hub.commands.line import main
from tests.integration.conformance.conftest import Conduct, commands_of, failed, names

REFERENCE = ("hub.commands.conforming.reference",)
BROKEN = "tests.support.broken_adapter"
OF_THE_WEATHER = {"weather.broker-killed", "weather.adapter-killed", "weather.cut", "weather.slow"}

FAULTS = {
    "acknowledges-first": ({"weather.adapter-killed", "effects.once"}, set[str]()),
    "doubles": (
        {"repeat.same", "repeat.attempt", "repeat.reconnect", "effects.once"},
        OF_THE_WEATHER,
    ),
    "believes-strangers": (
        {"hostile.stranger", "hostile.expired", "effects.nothing-forged"},
        set[str](),
    ),
    "says-nothing": ({"answer.arrived", "answer.for-unit"}, set[str]()),
    "forgets-its-names": (
        {"send.unconfirmed", "repeat.same", "repeat.attempt", "repeat.reconnect"},
        OF_THE_WEATHER,
    ),
}
"""By fault: what it must fail, and what it may fail beside, as chance will have it."""


def test_the_reference_adapter_keeps_the_rules_that_are_soon_tested(run: Conduct) -> None:
    outcome = run(
        commands_of(*REFERENCE),
        *("receive.java", "receive.sheet", "answer", "repeat.same", "hostile.stranger", "hostile.too-deep"),
        *("receipt.agency", "send.document", "publish", "consume", "effects"),
    )

    assert names(outcome, "fail", "not-tested") == set()
    assert outcome.counts["pass"] == 25


def test_an_adapter_that_believes_strangers_is_found_out_and_told_in_a_signed_report(
    run: Conduct, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(commands_of(BROKEN, "believes-strangers"), "receive.java", "hostile.stranger", "effects")
    report = tmp_path / "report" / "report.json"

    assert failed(outcome) == {"hostile.stranger", "effects.nothing-forged"}
    assert json.loads(report.read_text("utf-8"))["conforms"] is False
    assert "ký bằng chứng thư của một CA lạ" in (tmp_path / "report" / "report.html").read_text("utf-8")
    assert main(["conformance", "verify", str(report), "--home", str(home)]) == 0
    assert "chữ ký đúng" in capsys.readouterr().out


def test_a_report_that_was_changed_or_signed_elsewhere_is_refused(
    run: Conduct, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(commands_of(*REFERENCE), "consume.limited")
    report = tmp_path / "report" / "report.json"
    report.write_text(report.read_text("utf-8").replace("under test", "somebody else's"), "utf-8")

    code = main(["conformance", "verify", str(report), "--home", str(home)])

    assert code == 1
    assert "does not hold" in capsys.readouterr().err


def test_what_cannot_be_tested_is_told_and_fails_nothing(run: Conduct) -> None:
    only = Commands(adapter=commands_of(*REFERENCE).adapter)

    outcome = run(only, "send.document", "effects.once", "publish.user")

    assert names(outcome, "not-tested") == {"send.document", "effects.once", "publish.user"}
    assert not outcome.has_failed


def test_an_adapter_that_does_not_start_is_told_with_the_place_of_its_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["conformance", "run", "--home", str(home), "--adapter", f"{sys.executable} -c exit(3)"])

    assert code == 1
    assert "adapter.log says why" in capsys.readouterr().err


@pytest.mark.long
def test_the_reference_adapter_keeps_every_rule(run: Conduct) -> None:
    outcome = run(commands_of(*REFERENCE))

    assert names(outcome, "fail", "not-tested") == set()
    assert outcome.counts["pass"] == len(SCENARIOS)
    assert outcome.told["conforms"] is True


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_adapter_fails_its_rules_and_no_others(run: Conduct, fault: str) -> None:
    must, may = FAULTS[fault]

    found = failed(run(commands_of(BROKEN, fault), within=8))

    assert found >= must
    assert found - must <= may
