"""A process counts as ready once it has said so since its last start, not since the first."""

import sys
from pathlib import Path

import pytest

from tests.chaos.actor import Actor
from tests.chaos.rest import starting
from tests.support.waiting import until

AGENCY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
HUB = "import time; print('hub.started', flush=True); time.sleep(60)"
SILENT = "import time; time.sleep(60)"


def an_actor(folder: Path, program: str) -> Actor:
    ready = folder / "ready"
    command = [sys.executable, "-c", program, str(ready)]
    return Actor("somebody", command, log=folder / "log", environment={}, ready=ready)


@pytest.mark.parametrize("program", [AGENCY, HUB])
async def test_a_process_is_ready_once_it_says_so(tmp_path: Path, program: str) -> None:
    actor = an_actor(tmp_path, program)

    actor.launch()
    await until(lambda: actor.is_ready, what="readiness")

    assert starting([actor]) == ()
    await actor.kill()


@pytest.mark.parametrize("program", [AGENCY, HUB])
async def test_what_it_said_before_its_last_start_counts_no_more(tmp_path: Path, program: str) -> None:
    actor = an_actor(tmp_path, program)
    actor.launch()
    await until(lambda: actor.is_ready, what="readiness")
    await actor.kill()

    again = an_actor(tmp_path, SILENT)
    again.launch()

    assert [each.what for each in starting([again])] == ["somebody starts"]
    await again.kill()
