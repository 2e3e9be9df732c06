"""A few seconds of coverage-guided fuzzing; `make fuzz` does it for longer."""

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzz

SECONDS = 8


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)
def test_the_hub_fails_on_nothing_that_a_few_seconds_of_fuzzing_find(tmp_path: Path) -> None:
    campaign = fuzz(SECONDS, tmp_path)

    assert campaign.executions > 200, campaign.output[-2_000:]
    assert campaign.coverage > 500
    assert campaign.crashes == (), campaign.output[-4_000:]
