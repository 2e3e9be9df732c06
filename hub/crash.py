"""Named crash points between each pair of effects: tests kill the process there and look for losses."""

import os
import signal
from typing import Final

_CHOSEN: Final = os.environ.get("HUB_CRASH_AT", "")

POINTS: Final = frozenset(
    {
        "intake.before_commit",
        "intake.inside_commit",
        "intake.after_commit_before_ack",
        "delivery.before_publish",
        "delivery.after_publish_before_mark",
        "delivery.inside_mark",
        "returns.before_commit",
        "returns.after_commit_before_ack",
    }
)


def crash_point(name: str) -> None:
    """Kill this process as a power cut would, where the environment's `HUB_CRASH_AT` names *name*."""
    if name == _CHOSEN:
        os.kill(os.getpid(), signal.SIGKILL)
