"""The soak itself, as long as `TRUC_SOAK_MINUTES` says."""

import os
from pathlib import Path

import pytest
from rich.console import Console

from tests.soak.__main__ import Plan, soak

MINUTES = float(os.environ.get("TRUC_SOAK_MINUTES", "20"))


@pytest.mark.long
@pytest.mark.timeout(60 * MINUTES + 600)
async def test_a_steady_load_leaves_memory_and_latency_flat(tmp_path: Path) -> None:
    done = await soak(Plan(minutes=MINUTES, home=tmp_path / "home"), Console(width=160))

    assert done.verdict.complaints == ()
