"""Every fault still finds in the real code what it is to spoil: the long scenes would say so, but later."""

import subprocess
import sys

from tests.chaos.planted import FAULTS

PLANT = "import sys; from tests.chaos.planted import FAULTS; [FAULTS[name]() for name in sys.argv[1:]]"


def test_every_fault_can_be_planted() -> None:
    command = [sys.executable, "-c", PLANT, *(name for name in FAULTS if "gate" not in name)]

    planted = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (planted.returncode, planted.stderr) == (0, "")
