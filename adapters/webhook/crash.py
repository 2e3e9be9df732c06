"""Named places at which a test kills the process (`adapters.kit.crash`), beside the kit's own."""

from enum import StrEnum


class CrashPoint(StrEnum):
    """Every place in the adapter at which a crash could lose or double an effect, in their order."""

    AFTER_KEPT_BEFORE_POST = "after-kept-before-post"
    AFTER_POST_BEFORE_ANSWER = "after-post-before-answer"
    AFTER_EVENT_POSTED_BEFORE_MARK = "after-event-posted-before-mark"
    AFTER_KEY_BEFORE_JOURNAL = "after-key-before-journal"
    AFTER_JOURNAL_BEFORE_REPLY = "after-journal-before-reply"
