"""Both faces over a catalogue and no mailbox, as a process of its own: `python -m … URL TOKEN FOLDER`.

It says its port once it listens, and then `copied N SECONDS` whenever the copy has changed.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.calls import catalogue_calls
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.lists import KINDS
from adapters.vxp.catalogue.settings import CatalogueTable
from adapters.vxp.provincial.calls import AGENCIES
from adapters.vxp.systems import System, Systems
from adapters.vxp.uploads import IN_MEMORY, Uploads
from adapters.vxp.xroad.application import XroadFace, application, xroad_routes
from adapters.vxp.xroad.documents import document_calls
from adapters.vxp.xroad.replies import refuse
from hub.message.identifiers import AgencyCode
from hub.transport.http_serving import HttpTerms, serve
from tests.support.vxp_memory_gateway import MemoryGateway

UPLOADS = Uploads(folder=Path(gettempdir()), above=IN_MEMORY)
SECRET = "bi-mat-cua-phan-mem"
OFFICE = System(systemid="qlvb", secret=SECRET, agency=AgencyCode("P00"), requests_per_minute=1_000_000)


async def run(url: str, token: str, folder: Path) -> None:
    table = CatalogueTable.model_validate({"url": url, "token": token, "refresh_seconds": 1})
    gateway = MemoryGateway(systems=Systems([OFFICE]), folder=folder)
    journal = await Journal.open(folder / "journal", tables=TABLES)
    with opened(table.settings(folder), [*KINDS, AGENCIES]) as catalogue:
        calls = {
            **document_calls(gateway, list_at_most=10),
            **catalogue_calls(catalogue, ApplicationDesk(journal, catalogue)),
        }
        face = XroadFace(
            gateway, calls, uploads=UPLOADS, clock=lambda: datetime.now(UTC), skew=timedelta(minutes=15)
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refresh(catalogue))
            await serve(
                application(xroad_routes(face)),
                HttpTerms(host="127.0.0.1", port=0),
                refuse=refuse,
                stop=asyncio.Event(),
                ready=lambda _host, port: sys.stdout.write(f"{port}\n") and sys.stdout.flush(),
            )


async def refresh(catalogue: Catalogue) -> None:
    while True:
        began = time.monotonic()
        changed = await catalogue.refresh()
        if changed is not None:
            sys.stdout.write(f"copied {changed} {time.monotonic() - began:.3f}\n")
            sys.stdout.flush()
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
