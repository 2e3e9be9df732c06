"""What a scenario is, and what can come of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from hub.message.refusal import Sentence

if TYPE_CHECKING:
    from hub.commands.conforming.stage import Stage


class Verdict(StrEnum):
    """What came of a scenario."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_TESTED = "not-tested"


class Need(StrEnum):
    """What a scenario cannot do without; the value is the option that gives it."""

    START = "--adapter"
    SEND = "--send"
    EFFECTS = "--effects"


class RuleBroken(Exception):
    """The adapter did what the rule forbids, or did not do what it asks for."""

    def __init__(self, vi: str, en: str) -> None:
        """Say what was seen, in both languages."""
        super().__init__(en)
        self.sentence = Sentence(vi, en)


class NotTested(Exception):
    """Nothing can be said about the rule; that is no fault."""

    def __init__(self, vi: str, en: str) -> None:
        """Say what is missing, in both languages."""
        super().__init__(en)
        self.sentence = Sentence(vi, en)


Play: TypeAlias = "Callable[[Stage], Awaitable[None]]"
"""Returns where the rule was kept; raises `RuleBroken` or `NotTested`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One rule, and how it is put to the test."""

    name: str
    rule: str
    """Where the rule stands."""
    sent: Sentence
    expected: Sentence
    way_out: Sentence
    """What to look at where it fails."""
    play: Play
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one scenario."""

    scenario: Scenario
    verdict: Verdict
    found: Sentence
    seconds: float
    lacks: Need | None = None
    """What was not given and would have been needed."""
