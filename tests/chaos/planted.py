"""Runs a program with faults planted in it, to see the checker catch them.

    python -m tests.chaos.planted ack-before-commit hub serve --settings hub.toml
    python -m tests.chaos.planted forgets-what-it-handled tests.chaos.agency agency.toml
    python -m tests.chaos.planted none,gate hub serve …

A fault replaces one method or collaborator in this process, before the program starts. Neither the hub nor
the kit has a line of it, nor a switch: what is shipped cannot be made to do any of this.
"""

import runpy
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.chaos import planted_conduct, planted_gate, planted_hub, planted_kit

FAULTS: Final[Mapping[str, Callable[[], None]]] = {
    "none": lambda: None,
    "gate": planted_gate.plant_in_hub,
    "kit-gate": planted_gate.plant_in_kit,
    "commit-gate": planted_gate.plant_in_commit,
    "no-sealer": planted_conduct.leave_sealing_to_others,
    "stubborn": planted_conduct.take_nothing,
    **planted_hub.FAULTS,
    **planted_kit.FAULTS,
}


def main(arguments: list[str]) -> None:
    """Plant, then be the program."""
    names, module, *rest = arguments
    for name in names.split(","):
        FAULTS[name]()
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
