"""Named places at which a test kills the process (`adapters.kit.crash`), beside the kit's own."""

from enum import StrEnum


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
