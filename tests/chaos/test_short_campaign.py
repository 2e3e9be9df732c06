"""A short campaign holds every law; the long ones are `make chaos` and `make test-long`."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import arguments_of, run
from tests.chaos.report import Outcome

SHORT_SEED = 77
LONG_SEEDS = (11, 12)


async def campaign(folder: Path, *, seed: int, minutes: float) -> Outcome:
    """Run one whose ledgers lie in *folder* afterwards."""
    given = ["--seed", str(seed), "--minutes", str(minutes), "--home", str(folder / "home")]
    return await run(arguments_of([*given, "--build", str(folder / "build")]))


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_twenty_seconds_of_failures_break_no_law(tmp_path: Path) -> None:
    outcome = await campaign(tmp_path, seed=SHORT_SEED, minutes=0.35)

    assert "\n".join(outcome.faults) == ""
    deeds = outcome.performance.deeds
    assert {"kill hub", "kill agency", "kill broker", "kill database"} <= deeds.keys()
    assert any(deed.startswith("cut ") for deed in deeds)
    assert any(deed.startswith("pause ") for deed in deeds)
    assert outcome.verdict.delivered > 50


@pytest.mark.long
@pytest.mark.acceptance
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("seed", LONG_SEEDS)
async def test_five_minutes_of_failures_break_no_law(tmp_path: Path, seed: int) -> None:
    outcome = await campaign(tmp_path, seed=seed, minutes=5)

    assert "\n".join(outcome.faults) == ""
    assert outcome.points_missed == ()
