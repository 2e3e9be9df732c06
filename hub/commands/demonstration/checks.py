"""What the story expects, and whether it came so."""

from dataclasses import dataclass

from hub.commands import shown
from hub.errors import HubError


class StoryBroken(HubError):
    """Something that the story cannot go on without did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation."""

    what: str
    wanted: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether it came so."""
        return self.wanted == self.found


class Checks:
    """Everything that was expected so far."""

    def __init__(self, *, is_quiet: bool) -> None:
        """Tell each one as it is looked at, unless *is_quiet*."""
        self.all: list[Check] = []
        self._is_quiet = is_quiet

    def tell(self, sentence: str) -> None:
        """Say what happens now."""
        if not self._is_quiet:
            shown.say(sentence)

    def expect(self, what: str, *, found: object, wanted: object) -> None:
        """Compare, and tell."""
        check = Check(what=what, wanted=wanted, found=found)
        self.all.append(check)
        if check.holds:
            self.tell(f"   ✓ {what}")
        else:
            self.tell(f"   ✗ {what}: expected {wanted}, found {found}")

    @property
    def failed(self) -> tuple[Check, ...]:
        """Those that did not come as expected."""
        return tuple(check for check in self.all if not check.holds)
