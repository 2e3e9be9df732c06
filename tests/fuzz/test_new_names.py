"""Names that are new in each message fill no hub's memory, and honest documents are decided meanwhile."""

import json
import subprocess
import sys

import pytest

from tests.fuzz.new_names import KINDS

BOUND = 70
"""Megabytes. Half of them are used; a process that forgot nothing would grow by more than it is fed."""


@pytest.mark.parametrize(
    "megabytes", [14, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
def test_names_that_are_new_in_each_message_do_not_stay(megabytes: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz.new_names", str(megabytes * 1_000_000)]

    said = subprocess.run(command, stdout=subprocess.PIPE, check=True)

    found = json.loads(said.stdout)
    assert [each["kind"] for each in found] == [kind.__name__ for kind in KINDS]
    assert sum(each["octets"] for each in found) > 2 * BOUND * 1_000_000
    assert max(each["grew_by"] for each in found) < BOUND
    assert {tuple(each["hostile"]) for each in found[:-1]} == {("refused",)}
    assert tuple(found[-1]["hostile"]) == ("admitted",)
    assert {tuple(each["honest"]) for each in found} == {("admitted",)}
