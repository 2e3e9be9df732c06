"""The parts of the gateway beside documents: the catalogue, what systems apply for, the provincial face."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from starlette.routing import BaseRoute, Mount, Route

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES as APPLICATIONS
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.calls import catalogue_calls
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.lists import KINDS
from adapters.vxp.catalogue.settings import CatalogueSettings, CatalogueTable
from adapters.vxp.description.document import ADDRESS, describe
from adapters.vxp.gateway import Gateway
from adapters.vxp.provincial.application import PREFIX, bounded, provincial_application
from adapters.vxp.provincial.calls import AGENCIES
from adapters.vxp.provincial.entrance import Entrance
from adapters.vxp.provincial.face import Provincial
from adapters.vxp.provincial.settings import ProvincialSettings, read_provincial
from adapters.vxp.xroad.asked import Calls
from hub.errors import ConfigurationError

TABLES: Final = APPLICATIONS
"""For `Mailbox.open(tables=…)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSettings:
    """What the tables `[catalogue]` and `[provincial]` say; None for one that is not there."""

    catalogue: CatalogueSettings | None
    provincial: ProvincialSettings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the parts add to the gateway."""

    calls: Calls
    """Of the X-Road style face."""
    routes: Sequence[BaseRoute]
    """Of the other face; they come before."""
    catalogue: Catalogue | None

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the catalogue up to date until *stop*."""
        if self.catalogue is not None:
            await self.catalogue.run(stop)
        else:
            await stop.wait()


def read_part_settings(tables: Mapping[str, Mapping[str, object]], folder: Path) -> PartSettings:
    """Read the tables; paths in them start from *folder*. Raises `ConfigurationError`."""
    return PartSettings(
        catalogue=_catalogue(tables.get("catalogue", {}), folder),
        provincial=read_provincial(tables.get("provincial", {}), folder),
    )


@contextmanager
def opened_parts(
    settings: PartSettings, journal: Journal, gateway: Gateway, *, list_at_most: int
) -> Iterator[Parts]:
    """Open the parts that the settings name; without a catalogue there are no calls about agencies."""
    with ExitStack() as stack:
        catalogue: Catalogue | None = None
        applications: ApplicationDesk | None = None
        calls: Calls = {}
        if settings.catalogue is not None:
            catalogue = stack.enter_context(opened(settings.catalogue, (*KINDS, AGENCIES)))
            applications = ApplicationDesk(journal, catalogue)
            calls = catalogue_calls(catalogue, applications)
        routes: list[BaseRoute] = [Route(ADDRESS, describe)]
        if settings.provincial is not None:
            face = Provincial(
                gateway=gateway,
                entrance=Entrance(settings.provincial, clock=lambda: datetime.now(UTC)),
                catalogue=catalogue,
                applications=applications,
                list_at_most=list_at_most,
            )
            routes.append(Mount(PREFIX, bounded(provincial_application(face))))
        yield Parts(calls=calls, routes=routes, catalogue=catalogue)


def _catalogue(table: Mapping[str, object], folder: Path) -> CatalogueSettings | None:
    if not table:
        return None
    try:
        return CatalogueTable.model_validate(table).settings(folder)
    except ValidationError as error:
        raise ConfigurationError(f"[catalogue]: {error}") from error
