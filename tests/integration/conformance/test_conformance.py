"""The kit passes; an adapter that is wrong in one way fails the rules of that, and no others."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hub.commands.conforming.acts import Outcome
from hub.commands.conforming.adapter import Commands
from hub.commands.conforming.play import SCENARIOS
from hub.commands.line import main
from tests.integration.conformance.conftest import Conduct, commands_of, conducted, failed, names

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
        {"send.unconfirmed", "repeat.same", "repeat.attempt", "receipt.other-content"},
        {"repeat.reconnect", *OF_THE_WEATHER},
    ),
}
"""By fault: what it must fail, and what it may fail beside, as chance will have it."""


@pytest.fixture(scope="module")
def found_out(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """Test an adapter that believes strangers, and cannot be told to send."""
    folder = tmp_path_factory.mktemp("found-out")
    broken = replace(commands_of(BROKEN, "believes-strangers"), send=None)
    outcome = conducted(home, broken, "receive.java", "hostile.stranger", "effects", "send", folder=folder)
    return outcome, folder


def test_the_reference_adapter_keeps_the_rules_that_are_soon_tested(run: Conduct) -> None:
    outcome = run(
        commands_of(*REFERENCE),
        *("receive.java", "receive.sheet", "answer", "repeat.same", "hostile.stranger", "hostile.too-deep"),
        *("receipt.agency", "send.document", "publish", "consume", "effects"),
    )

    assert names(outcome, "fail", "not-tested") == set()
    assert outcome.counts["pass"] == 25


def test_an_adapter_that_believes_strangers_fails_the_rules_of_that(
    found_out: tuple[Outcome, Path],
) -> None:
    outcome, folder = found_out

    assert failed(outcome) == {"hostile.stranger", "effects.nothing-forged"}
    assert json.loads((folder / "report.json").read_text("utf-8"))["conforms"] is False
    assert "ký bằng chứng thư của một CA lạ" in (folder / "report.html").read_text("utf-8")


def test_what_cannot_be_tested_is_told_and_fails_nothing(found_out: tuple[Outcome, Path]) -> None:
    outcome, _ = found_out

    assert names(outcome, "not-tested") == {
        *("send.document", "send.unconfirmed", "send.while-away", "send.late-receipt", "send.refused")
    }


def test_the_report_is_signed_and_whoever_changes_it_is_found_out(
    found_out: tuple[Outcome, Path], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, spoilt = found_out[1] / "report.json", tmp_path / "report.json"
    spoilt.write_text(whole.read_text("utf-8").replace("fail", "pass"), "utf-8")
    (tmp_path / "report.json.jws").write_bytes((found_out[1] / "report.json.jws").read_bytes())

    codes = [main(["conformance", "verify", str(each), "--home", str(home)]) for each in (whole, spoilt)]

    told = capsys.readouterr()
    assert codes == [0, 1]
    assert "chữ ký đúng" in told.out
    assert "does not hold" in told.err


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
def test_an_adapter_that_was_written_from_the_page_alone_keeps_every_rule(run: Conduct) -> None:
    commands = commands_of("tests.support.plain_adapter")
    by_settings = [
        each.replace("{kit}", "{folder}/settings.json")
        for each in (commands.adapter, commands.send, commands.effects)
        if each is not None
    ]

    outcome = run(Commands(adapter=by_settings[0], send=by_settings[1], effects=by_settings[2]))

    assert failed(outcome) == set()
    assert names(outcome, "not-tested") == {"publish.reason"}
    assert outcome.told["conforms"] is True


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_adapter_fails_its_rules_and_no_others(run: Conduct, fault: str) -> None:
    must, may = FAULTS[fault]

    found = failed(run(commands_of(BROKEN, fault), within=8))

    assert found >= must
    assert found - must <= may
