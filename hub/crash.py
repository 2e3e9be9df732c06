"""Named crash points between each pair of effects: tests kill the process there and look for losses."""

import os
import signal
from typing import Final

VARIABLE: Final = "HUB_CRASH_AT"
"""Environment variable: a point's name, or `name:3` for the third time that the process passes it."""

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


SEALER_POINTS: Final = frozenset({"audit.inside_seal", "audit.after_seal"})
"""Only the one hub process that is the sealer passes here."""
CAMPAIGN_POINTS: Final = frozenset({"campaign.inside_move", "campaign.after_move"})
"""Who works on campaigns passes here, which no hub process does."""
LOSS_POINTS: Final = frozenset({"losses.inside_batch", "losses.after_batch"})
"""Who sends again what a lost queue held passes here, which no hub process does."""
SWEEP_POINTS: Final = frozenset({"sweep.before_delete", "sweep.after_delete"})
"""A hub process passes here only where it deletes a large body."""


class _Countdown:
    """Kills this process at the wanted passage of the wanted point; without the variable it does nothing."""

    def __init__(self, wanted: str) -> None:
        self._name, _, passages = wanted.partition(":")
        self._left = int(passages or "1")

    def passes(self, point: str) -> None:
        if point != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


crash_point: Final = _Countdown(os.environ.get(VARIABLE, "")).passes
"""Call with a point's name: the process dies there as in a power cut, where the environment says so."""
