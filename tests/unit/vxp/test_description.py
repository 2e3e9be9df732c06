"""The OpenAPI document says what both faces do: schemathesis asks what it allows, and what it does not."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from schemathesis import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from adapters.kit.journal import Journal
from adapters.vxp.applications.book import TABLES
from adapters.vxp.applications.desk import ApplicationDesk
from adapters.vxp.catalogue.calls import catalogue_calls
from adapters.vxp.catalogue.catalogue import Catalogue, opened
from adapters.vxp.catalogue.lists import KINDS
from adapters.vxp.catalogue.settings import CatalogueSettings
from adapters.vxp.description.document import ADDRESS, describe, description
from adapters.vxp.description.xroad import CALLS, PREFIX
from adapters.vxp.gateway import Packet, PacketKind
from adapters.vxp.provincial.application import PREFIX as PROVINCIAL
from adapters.vxp.provincial.application import bounded, provincial_application
from adapters.vxp.provincial.calls import AGENCIES
from adapters.vxp.provincial.entrance import Entrance, GuessTerms
from adapters.vxp.provincial.face import Provincial
from adapters.vxp.provincial.settings import ProvincialSettings, User
from adapters.vxp.systems import System, Systems
from adapters.vxp.uploads import IN_MEMORY, Uploads
from adapters.vxp.xroad.application import XroadFace, application, xroad_routes
from adapters.vxp.xroad.documents import document_calls
from adapters.vxp.xroad.replies import refuse
from hub.message.identifiers import AgencyCode
from hub.transport.http_serving import HttpTerms, serve
from tests.support.agency_catalogue import HubCatalogue
from tests.support.described import CHECKS, asked, operations
from tests.support.envelopes import a_document
from tests.support.vxp_description import PAGE, page
from tests.support.vxp_memory_gateway import MemoryGateway

pytestmark = pytest.mark.timeout(900)
UPLOADS = Uploads(folder=Path(gettempdir()), above=IN_MEMORY)
SECRET = "bi-mat-cua-phan-mem"
OFTEN = 10**9
OFFICE = System(systemid="qlvb", secret=SECRET, agency=AgencyCode("H37"), requests_per_minute=OFTEN)
QUICK, LONG = 6, 100
"""Questions of each kind to each operation."""
ANSWERED = {
    "/getAgenciesList",
    "/getSynchronizeUnit",
    "/getSentEdocList",
    "/countReceiveEdoc",
    "/v1/getAgenciesList",
    "/v1/syncReceivedEdocList",
}
"""What needs no names that only somebody knows."""
COMMON = {"systemid", "timestamp", "sign-header-key", "sign-header", "hash-header"}


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """Serve both faces over a gateway that has a packet; return the address, and what proves who calls."""
    gateway = await gateway_with_a_packet(folder)
    hub = HubCatalogue()
    hub.enter("H37", "UBND tỉnh Lạng Sơn")
    terms = CatalogueSettings(
        folder=folder / "copy", console=None, file=hub.export(folder / "c.jsonl"), every=timedelta(60)
    )
    journal = await Journal.open(folder / "journal", tables=TABLES)
    with opened(terms, [*KINDS, AGENCIES]) as catalogue:
        await catalogue.refresh()
        face = Provincial(
            gateway=gateway,
            entrance=entrance(),
            catalogue=catalogue,
            applications=ApplicationDesk(journal, catalogue),
            list_at_most=10,
        )
        token, _ = await face.entrance.log_in("u", "p", address="10.0.0.1")
        proof = {"Authorization": f"Bearer {token}", "X-SystemId": "qlvb", "X-SecretKey": SECRET}
        async with listening(both_faces(face, catalogue)) as url:
            yield url, proof
    await journal.close()


async def gateway_with_a_packet(folder: Path) -> MemoryGateway:
    (folder / "packets").mkdir()
    gateway = MemoryGateway(systems=Systems([OFFICE]), folder=folder / "packets")
    letter = a_document().from_("H37").to("H37").unsigned()
    code = AgencyCode("H37")
    await gateway.send(OFFICE, Packet(kind=PacketKind.EDOC, sender=code, recipients=(code,), body=letter))
    return gateway


def entrance() -> Entrance:
    hasher = PasswordHasher.from_parameters(CHEAPEST)
    user = User(username="u", password_hash=hasher.hash("p"), systems=frozenset({"qlvb"}), is_admin=True)
    return Entrance(
        ProvincialSettings(users={"u": user}, token_life=timedelta(hours=1), key=b"k" * 32),
        clock=lambda: datetime.now(UTC),
        hasher=hasher,
        terms=GuessTerms(of_both=OFTEN, of_address=OFTEN, of_name=OFTEN),
    )


def both_faces(face: Provincial, catalogue: Catalogue) -> ASGIApp:
    assert face.applications is not None
    calls = {
        **document_calls(face.gateway, list_at_most=10),
        **catalogue_calls(catalogue, face.applications),
    }
    xroad = XroadFace(
        face.gateway, calls, uploads=UPLOADS, clock=lambda: datetime.now(UTC), skew=timedelta(minutes=15)
    )
    return application(
        [
            Route(ADDRESS, describe),
            Mount(PROVINCIAL, bounded(provincial_application(face))),
            *xroad_routes(xroad),
        ]
    )


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    terms = HttpTerms(host="127.0.0.1", port=0)
    serving = asyncio.create_task(
        serve(app, terms, refuse=refuse, stop=stop, ready=lambda _host, found: port.set_result(found))
    )
    try:
        yield f"http://127.0.0.1:{await port}"
    finally:
        stop.set()
        await serving


def signed(case: Case) -> dict[str, str]:
    """Return the headers of *case* as software that knows the secret sends them."""
    said = {
        name[len(PREFIX) :]: str(value).strip()
        for name, value in dict(case.headers or {}).items()
        if name.lower().startswith(PREFIX.lower()) and name[len(PREFIX) :].lower() not in COMMON
    }
    said |= {"systemid": OFFICE.systemid, "timestamp": f"{datetime.now(UTC):%d%m%YT%H%M%S}+0001"}
    headers = {f"{PREFIX}{name}": value for name, value in said.items()}
    line = json.dumps(headers, separators=(",", ":"))
    mac = hmac.new(SECRET.encode(), line.encode(), hashlib.sha256).hexdigest()
    return {
        **headers,
        f"{PREFIX}sign-header-key": ";".join(said),
        f"{PREFIX}sign-header": line,
        f"{PREFIX}hash-header": mac,
    }


def all_asked(
    operation: APIOperation, mode: GenerationMode, proof: dict[str, str], count: int, done: set[str]
) -> str | None:
    """Ask *operation* up to *count* times; return what did not come as described.

    Into *done* goes what was done at least once, and not refused.
    """
    is_provincial = operation.path.startswith(f"{PROVINCIAL}/")

    def ask(case: Case) -> None:
        answer = case.call_and_validate(
            headers=proof if is_provincial else signed(case), checks=CHECKS, timeout=30
        )
        if b'"OK"' in answer.content[:20] or b'"success":true' in answer.content[:20]:
            done.add(operation.path)

    return asked(operation, mode, count, ask)


@pytest.mark.parametrize(
    "count", [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_call_answers_as_it_is_described(
    tmp_path: Path, mode: GenerationMode, count: int
) -> None:
    done: set[str] = set()
    async with served(tmp_path) as (url, proof):
        # Strangers' letters in headers are not about us.
        told = [
            await asyncio.to_thread(all_asked, operation, mode, proof, count, done)
            for operation in operations(description(), url, codec="ascii")
        ]

    assert [each for each in told if each] == []
    assert mode is GenerationMode.NEGATIVE or done >= ANSWERED


async def test_every_call_that_there_is_is_described(tmp_path: Path) -> None:
    gateway = MemoryGateway(systems=Systems.none(), folder=tmp_path)
    documents = set(document_calls(gateway, list_at_most=1))
    agencies = {"getAgenciesList", "getAgenciesListQD20", "getSynchronizeUnit", "registerAgency"}

    assert {each.name for each in CALLS} == documents | agencies | {"deleteAgency"}


async def test_the_gateway_tells_everybody_its_description(tmp_path: Path) -> None:
    async with served(tmp_path) as (url, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == description()


def test_the_reference_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.vxp_description"
