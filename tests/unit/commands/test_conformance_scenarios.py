"""The scenarios as a team meets them: named once, said in both languages, and listed in the how-to."""

import re
from pathlib import Path

import pytest

from hub.commands.conforming.play import SCENARIOS, chosen
from hub.commands.line import main
from hub.errors import OperationRefused

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "test-your-adapter.md"


def test_each_scenario_has_a_name_of_its_own_and_speaks_both_languages() -> None:
    said = [sentence for each in SCENARIOS for sentence in (each.sent, each.expected, each.way_out)]

    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    assert all(sentence.vi.strip() and sentence.en.strip() for sentence in said)
    assert all(sentence.vi != sentence.en for sentence in said if " " in sentence.en)


def test_the_page_lists_them_all_with_what_is_sent_expected_and_needed() -> None:
    rows = [
        f"| `{each.name}` | {each.sent.en} | {each.expected.en} | "
        f"{', '.join(f'`{need}`' for need in each.needs)} |"
        for each in SCENARIOS
    ]

    listed = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| `\w+\.", line)]

    assert listed == rows


def test_a_part_of_a_name_means_all_that_begin_with_it() -> None:
    assert {each.name.partition(".")[0] for each in chosen(["hostile"])} == {"hostile"}
    assert [each.name for each in chosen(["repeat.same", "answer.arrived"])] == [
        "answer.arrived",
        "repeat.same",
    ]
    assert chosen([]) == SCENARIOS


def test_a_name_that_no_scenario_has_is_refused() -> None:
    with pytest.raises(OperationRefused, match="hostil'"):
        chosen(["hostil"])


@pytest.mark.parametrize("arguments", [(), ("--wait", "--reference"), ("--adapter", "x", "--wait")])
def test_a_run_needs_to_be_told_whom_to_test(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["conformance", "run", *arguments])

    assert code == 2
    assert "one of --adapter COMMAND, --wait and --reference" in capsys.readouterr().err
