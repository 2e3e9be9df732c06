"""Who may do what: roles, and the agencies whose documents an account works on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.message.identifiers import AgencyKey


class Role(StrEnum):
    """What an account is for; each may do what the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What a role is needed for."""

    SEE = "see"
    """Read pages, download what an account may see."""
    WORK = "work"
    """Work on single cases, and begin campaigns that need no second person."""
    DECIDE = "decide"
    """Confirm what another has asked for; discard, restore, change routes."""
    ADMINISTER = "administer"
    """Keep accounts and their tokens."""


LEAST_ROLE: Final = {
    Right.SEE: Role.VIEWER,
    Right.WORK: Role.OPERATOR,
    Right.DECIDE: Role.SUPERVISOR,
    Right.ADMINISTER: Role.ADMINISTRATOR,
}
_ORDER: Final = tuple(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who acts, for as long as a request takes."""

    account_id: int
    login: str
    """By which acts are recorded."""
    display_name: str
    role: Role
    visible_to: tuple[AgencyKey, ...] | None
    """The agencies that it is limited to, with all below them; None where nothing limits it."""

    def may(self, right: Right) -> bool:
        """Tell whether the role goes as far as *right*.

        Who is limited to agencies keeps no accounts: it would lift its own limit.
        """
        if right is Right.ADMINISTER and self.visible_to is not None:
            return False
        return _ORDER.index(self.role) >= _ORDER.index(LEAST_ROLE[right])

    def sees(self, *parties: AgencyKey | None) -> bool:
        """Tell whether one of *parties* is among the agencies that the account works for."""
        return self.visible_to is None or not frozenset(self.visible_to).isdisjoint(parties)
