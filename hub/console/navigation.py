"""Where one can go, for who may go there; a test holds every place to a page."""

from dataclasses import dataclass
from typing import Final

from hub.console.languages import msgid
from hub.operations.rights import Account, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An entry of the navigation."""

    path: str
    label: str
    """English, to be looked up."""
    access_key: str
    """With the browser's own modifier keys."""
    right: Right = Right.SEE
    is_of_no_agency: bool = False
    """Whether accounts that are limited to agencies have no business there."""


PLACES: Final = (
    Place(path="/now", label=msgid("Now"), access_key="n", is_of_no_agency=True),
    Place(path="/documents", label=msgid("Documents"), access_key="d"),
    Place(path="/deadletters", label=msgid("Dead letters"), access_key="l"),
    Place(path="/campaigns", label=msgid("Campaigns"), access_key="c"),
    Place(path="/late", label=msgid("Late"), access_key="t"),
    Place(path="/agencies", label=msgid("Agencies"), access_key="g"),
    Place(path="/alerts", label=msgid("Alerts"), access_key="r", is_of_no_agency=True),
    Place(path="/invalid", label=msgid("Invalid"), access_key="i", is_of_no_agency=True),
    Place(path="/audit", label=msgid("Audit"), access_key="u", is_of_no_agency=True),
    Place(path="/settings", label=msgid("Settings"), access_key="s", is_of_no_agency=True),
    Place(path="/accounts", label=msgid("Accounts"), access_key="k", right=Right.ADMINISTER),
)
"""In the order of the navigation; the first is where a login leads."""


def places_for(account: Account) -> tuple[Place, ...]:
    """Return where *account* may go."""
    return tuple(
        each
        for each in PLACES
        if account.may(each.right) and not (each.is_of_no_agency and account.visible_to is not None)
    )
