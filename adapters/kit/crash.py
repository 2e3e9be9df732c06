"""Named places at which a test kills the process: one between each pair of effects."""

import os
import signal
from enum import StrEnum
from typing import Final

VARIABLE: Final = "TRUC_CRASH_AT"
"""Environment variable: a point's name, or `name:3` for the third time that the process passes it."""


class CrashPoint(StrEnum):
    """Every place in the kit at which a crash could lose or double an effect, in their order."""

    AFTER_JOURNAL_BEFORE_PUBLISH = "after-journal-before-publish"
    AFTER_PUBLISH_BEFORE_CONFIRM_MARK = "after-publish-before-confirm-mark"
    AFTER_RECEIVED = "after-received"
    AFTER_HANDLER_BEFORE_COMMIT = "after-handler-before-commit"
    AFTER_COMMIT_BEFORE_ACK = "after-commit-before-ack"
    AFTER_ACK_BEFORE_STATUS = "after-ack-before-status"


class RejectCrashPoint(StrEnum):
    """The same for what is given back."""

    AFTER_EXPLAINED_BEFORE_JOURNAL = "after-explained-before-journal"
    AFTER_REJECTION_JOURNALLED_BEFORE_REJECT = "after-rejection-journalled-before-reject"


class LargeBodyCrashPoint(StrEnum):
    """The same for what only large bodies pass."""

    AFTER_SPOOLED_BEFORE_JOURNAL = "after-spooled-before-journal"
    AFTER_PART_BEFORE_NEXT = "after-part-before-next"
    AFTER_CHECKED_IN_BEFORE_MARK = "after-checked-in-before-mark"
    AFTER_PIECE_BEFORE_WHOLE = "after-piece-before-whole"
    AFTER_REDEEMED_BEFORE_RECEIVED = "after-redeemed-before-received"


class _Countdown:
    """Kills this process at the wanted passage of the wanted point; without the variable it does nothing."""

    def __init__(self, wanted: str | None) -> None:
        name, _, passages = (wanted or "").partition(":")
        self._name = name
        self._left = int(passages or "1")

    def passes(self, point: StrEnum) -> None:
        if point.value != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


crash_point: Final = _Countdown(os.environ.get(VARIABLE)).passes
"""Call with a point, the kit's or an adapter's own: the process dies there by SIGKILL, as in a power cut,
when the environment says so."""
