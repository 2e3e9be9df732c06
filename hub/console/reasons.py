"""What operations say, in the reader's language: their sentences, and words for what is put into them."""

import re
from collections.abc import Callable
from typing import Final

from hub.console.languages import msgid
from hub.console.words import CAUSES, OUTCOMES, STATES

SENTENCES: Final = (
    msgid("%(cause)s at attempt %(number)s: %(said)s"),
    msgid("%(cause)s at attempt %(number)s"),
    msgid("no such case"),
    msgid("no case was chosen"),
    msgid("no open case is meant"),
    msgid("the case is closed already (%(outcome)s)"),
    msgid("only a discard can be taken back: the case is %(outcome)s"),
    msgid("the hub itself could not process it: let its sender submit it again, and discard the case"),
    msgid("the hub itself fails on it: %(error)s"),
    msgid("the recipient has acknowledged it with a signature: nothing is left to do"),
    msgid("its delivery is %(state)s"),
    msgid("the recipient has the same content through another delivery: discard this one"),
    msgid("nobody receives for its recipient any more: agency, mandate or mailbox has ended"),
    msgid("the mailbox %(mailbox)s does not exist or is closed"),
    msgid("the mailbox %(mailbox)s holds no mandate for %(recipient)s or anything above it"),
    msgid("this search takes too long: narrow it by a word, a sender, a recipient or days"),
    msgid("campaign %(number)s is confirmed by somebody else than who asked"),
    msgid("a password has %(least)s to %(most)s characters"),
    msgid("there is an account %(login)s already, or one with that subject"),
    msgid("an account needs a password or the subject that an OIDC provider gives it"),
    msgid("a ticket is an https address without blanks, not %(ticket)s"),
    msgid("a dead letter is discarded for a reason that stands in the evidence: give one"),
    msgid("a route is changed for a reason that stands in the evidence: give one"),
)
"""The more exact before the less exact ones."""
_WORDS: Final = {
    "cause": CAUSES,
    "outcome": {**OUTCOMES, "open": msgid("open")},
    "state": {str(key): word for key, word in STATES.items()},
}
_PLACE: Final = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(
        _PLACE.sub(lambda found: f"(?P<{found[1] or found[2]}>.+?)", re.escape(sentence)), re.DOTALL
    )


_PATTERNS: Final = tuple((_pattern(sentence), sentence) for sentence in SENTENCES)


def told(reason: str, say: Callable[[str], str]) -> str:
    """Return *reason* as *say* has it; what is not one of the sentences stays as it is."""
    for pattern, sentence in _PATTERNS:
        if (found := pattern.fullmatch(reason)) is not None:
            return say(sentence) % {
                name: _named(name, value, say) for name, value in found.groupdict().items()
            }
    return reason


def _named(place: str, value: str, say: Callable[[str], str]) -> str:
    words = _WORDS.get(place, {})
    return say(words[value]) if value in words else value
