"""Named places at which a test kills the process: one between each pair of effects, beside the kit's own."""

import os
import signal
from enum import StrEnum
from typing import Final

VARIABLE: Final = "TRUC_CRASH_AT"
"""Environment variable, the kit's: a point's name, or `name:3` for the third time that it is passed."""


class CrashPoint(StrEnum):
    """Every place in the adapter at which a crash could lose or double an effect, in their order."""

    AFTER_TAKEN_BEFORE_SIGNED = "after-taken-before-signed"
    AFTER_SIGNED_BEFORE_JOURNAL = "after-signed-before-journal"
    AFTER_JOURNAL_BEFORE_MOVE = "after-journal-before-move"
    AFTER_FIRST_FILE_MOVED = "after-first-file-moved"
    AFTER_MOVE_BEFORE_SHOWN = "after-move-before-shown"
    AFTER_SHOWN_BEFORE_MARK = "after-shown-before-mark"
    AFTER_UNPACKED_BEFORE_COMMIT = "after-unpacked-before-commit"
    AFTER_COMMIT_BEFORE_APPEARING = "after-commit-before-appearing"
    AFTER_APPEARING_BEFORE_MARK = "after-appearing-before-mark"
    AFTER_NEWS_WRITTEN_BEFORE_MARK = "after-news-written-before-mark"
    AFTER_REPORT_JOURNALLED_BEFORE_FILED = "after-report-journalled-before-filed"


class _Countdown:
    """Kills this process at the wanted passage of the wanted point; without the variable it does nothing."""

    def __init__(self, wanted: str | None) -> None:
        name, _, passages = (wanted or "").partition(":")
        self._name = name
        self._left = int(passages or "1")

    def passes(self, point: CrashPoint) -> None:
        if point.value != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


crash_point: Final = _Countdown(os.environ.get(VARIABLE)).passes
"""Call with a point: the process dies there by SIGKILL, as in a power cut, when the environment says so."""
