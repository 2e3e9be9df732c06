"""Named places at which a test kills the process (`adapters.kit.crash`), beside the kit's own."""

from enum import StrEnum


class CrashPoint(StrEnum):
    """Every place in the gateway at which a crash could lose or double an effect, in their order."""

    AFTER_PLANNED_BEFORE_JOURNAL = "after-planned-before-journal"
    AFTER_JOURNAL_BEFORE_MARK = "after-journal-before-mark"
    AFTER_MARK_BEFORE_ANSWER = "after-mark-before-answer"
    AFTER_FILED_BEFORE_COMMIT = "after-filed-before-commit"
    AFTER_REPORTED_BEFORE_MARK = "after-reported-before-mark"
    AFTER_DONE_BEFORE_ANSWER = "after-done-before-answer"
