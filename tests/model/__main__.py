"""`python -m tests.model`: search every world through, and show how each planted fault is found."""

import argparse
import sys
import time
from collections.abc import Sequence

from tests.model.axis import model_of
from tests.model.search import search
from tests.model.state import World
from tests.model.worlds import FLOOR, PLANTED, WORLDS


def tell(line: str) -> None:
    """Write a line at once: a world may take minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def look_through(worlds: Sequence[World]) -> bool:
    """Search *worlds*; return whether the laws hold in all of them."""
    holds = True
    for world in worlds:
        began = time.process_time()
        found = search(model_of(world))
        seconds = time.process_time() - began
        tell(f"| {world.name} | {found.states:,} | {found.transitions:,} | {found.depth} | {seconds:.0f} s |")
        if found.counterexample is not None:
            holds = False
            tell(str(found.counterexample))
    return holds


def show_planted(name: str) -> None:
    """Tell the counterexamples of the planted faults whose name contains *name*."""
    for world, _ in PLANTED:
        if name in world.name:
            tell(f"\n{world.name}\n{search(model_of(world)).counterexample}")


def main() -> int:
    """Look through the model as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one trouble in a run: half a minute")
    parser.add_argument("--planted", metavar="WORDS", help="tell the stories of the planted faults instead")
    given = parser.parse_args()
    if given.planted is not None:
        show_planted(given.planted)
        return 0
    return 0 if look_through(FLOOR if given.quick else WORLDS) else 1


if __name__ == "__main__":
    sys.exit(main())
