"""The parts of the gateway beside documents: the catalogue of agencies and what systems apply for."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from starlette.routing import BaseRoute

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES as APPLICATIONS
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.calls import catalogue_calls
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.lists import KINDS
from adapters.vxp.catalogue.settings import CatalogueSettings, CatalogueTable
from adapters.vxp.xroad.asked import Calls
from hub.errors import ConfigurationError

TABLES: Final = APPLICATIONS
"""For `Mailbox.open(tables=…)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSettings:
    """What the tables `[catalogue]` and `[provincial]` say; None for one that is not there."""

    catalogue: CatalogueSettings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the parts add to the gateway."""

    calls: Calls
    """Of the X-Road style face."""
    routes: Sequence[BaseRoute]
    """Of other faces; they come before."""
    catalogue: Catalogue | None

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the catalogue up to date until *stop*."""
        if self.catalogue is not None:
            await self.catalogue.run(stop)
        else:
            await stop.wait()


def read_part_settings(tables: Mapping[str, Mapping[str, object]], folder: Path) -> PartSettings:
    """Read the tables; paths in them start from *folder*. Raises `ConfigurationError`."""
    table = tables.get("catalogue", {})
    if not table:
        return PartSettings(catalogue=None)
    try:
        read = CatalogueTable.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"[catalogue]: {error}") from error
    return PartSettings(catalogue=read.settings(folder))


@contextmanager
def opened_parts(settings: PartSettings, journal: Journal) -> Iterator[Parts]:
    """Open the parts that the settings name; without a catalogue there are no calls about agencies."""
    if settings.catalogue is None:
        yield Parts(calls={}, routes=(), catalogue=None)
        return
    with opened(settings.catalogue, KINDS) as catalogue:
        applications = ApplicationDesk(journal, catalogue)
        yield Parts(calls=catalogue_calls(catalogue, applications), routes=(), catalogue=catalogue)
