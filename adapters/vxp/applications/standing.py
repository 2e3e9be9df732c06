"""Where an application stands: found by holding it against the catalogue, kept nowhere."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.vxp.applications.book import Application, Wish
from adapters.vxp.catalogue.entry import CatalogueEntry
from hub.message.identifiers import agency_key


class Act(StrEnum):
    """What the registry's keeper would do; the interface's own words."""

    CREATE = "CREATE"
    MODIFY = "MODIFY"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An application, and what is missing for it."""

    application: Application
    act: Act
    is_pending: bool
    """False once the catalogue is as it was applied for."""
    has_conflict: bool
    """Whether the catalogue, or another system, says something else of this agency."""


def stand(
    application: Application, entry: CatalogueEntry | None, *, others: tuple[Application, ...] = ()
) -> Standing:
    """Hold *application* against the catalogue's *entry*, and what *others* want of the same agency."""
    is_open = entry is not None and entry.is_open
    if application.wish is Wish.CLOSE:
        return Standing(
            application=application,
            act=Act.DELETE,
            is_pending=is_open,
            has_conflict=any(each.wish is Wish.ENTER for each in others),
        )
    fits = entry is not None and is_open and _is_same(application, entry)
    return Standing(
        application=application,
        act=Act.CREATE if entry is None else Act.MODIFY,
        is_pending=not fits,
        has_conflict=not fits
        and (
            (entry is not None and (not is_open or entry.parent != _parent_key(application)))
            or any(not _agree(application, each) for each in others)
        ),
    )


def _is_same(application: Application, entry: CatalogueEntry) -> bool:
    return application.name == entry.name and _parent_key(application) == entry.parent


def _agree(first: Application, second: Application) -> bool:
    return (first.wish, first.name, _parent_key(first)) == (second.wish, second.name, _parent_key(second))


def _parent_key(application: Application) -> str | None:
    return agency_key(application.parent) if application.parent is not None else None
