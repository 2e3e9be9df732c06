"""The service of large bodies in this process, on a real database, and mailboxes that speak to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from hub.backends.blobs import BlobStore
from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.postgres.registry import PostgresRegistry
from hub.bodies.access import Doorkeeper
from hub.bodies.app import BodyService, application
from hub.bodies.problems import refuse
from hub.message.body_proof import (
    BODIES_PATH,
    PART_OCTETS,
    PART_TYPE,
    UPLOAD_OFFSET,
    BodyProof,
    path_of,
)
from hub.message.identifiers import AgencyCode, Digest, MailboxName, digest_of
from hub.message.large_body import BodyKey
from hub.operations.cloakroom import Cloakroom, CloakroomTerms
from hub.operations.registry import RegistryDesk
from hub.ports import Clock
from hub.signature.body_proof import sign_proof
from hub.signature.signing import SigningKey
from hub.signature.verdict import Judge
from hub.transport.http_serving import HttpTerms, serve
from tests.support.authority import agency_signing_key, session_anchors

TERMS = CloakroomTerms(max_octets=100_000_000, quota_octets=150_000_000)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A mailbox that asks the service for things."""

    url: str
    mailbox: MailboxName
    key: SigningKey
    clock: Clock = field(default_factory=SystemClock)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        proof: str | None = None,
    ) -> httpx.Response:
        """Send one request with a proof of its own."""
        if proof is None:
            proof = sign_proof(BodyProof.of(self.mailbox, method, path, self.clock.now()), self.key)
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            return await client.request(
                method, path, content=content, headers={"Authorization": f"Bearer {proof}", **(headers or {})}
            )

    async def announce(self, digest: Digest, octets: int) -> httpx.Response:
        """Begin an upload."""
        told = b'{"sha256":"%s","octets":%d}' % (digest.hex().encode(), octets)
        return await self.ask("POST", BODIES_PATH, content=told)

    async def bring(self, digest: Digest, offset: int, part: bytes) -> httpx.Response:
        """Send one part."""
        headers = {UPLOAD_OFFSET: str(offset), "Content-Type": PART_TYPE}
        return await self.ask("PATCH", path_of(digest), content=part, headers=headers)

    async def check_in(self, body: bytes) -> BodyKey:
        """Upload *body* wholly."""
        digest = digest_of(body)
        begun = await self.announce(digest, len(body))
        assert begun.status_code in {200, 201}, begun.text
        for offset in range(int(begun.headers[UPLOAD_OFFSET]), len(body), PART_OCTETS):
            taken = await self.bring(digest, offset, body[offset : offset + PART_OCTETS])
            assert taken.status_code == 204, taken.text
        return BodyKey(mailbox=self.mailbox, digest=digest)

    async def redeem(self, digest: Digest, asked: str | None = None) -> httpx.Response:
        """Download a body, or the range that is asked for."""
        headers = {} if asked is None else {"Range": asked}
        return await self.ask("GET", path_of(digest), headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The service, where it lies, and who keeps the registry."""

    url: str
    database: Database
    blobs: BlobStore
    cloakroom: Cloakroom
    keeper: RegistryDesk

    async def visitor(self, code: str, *, parent: str | None = None) -> Visitor:
        """Connect an agency with a registered certificate."""
        agency = AgencyCode(code)
        await self.keeper.add(code=agency, name=f"Agency {code}", parent=parent and AgencyCode(parent))
        mailbox = await self.keeper.connect(agency)
        key = agency_signing_key(code)
        await self.keeper.register_certificate(agency, key.certificate)
        return Visitor(url=self.url, mailbox=mailbox, key=key)


@asynccontextmanager
async def a_house(
    hub: Database, operator: Database, blobs: BlobStore, terms: CloakroomTerms = TERMS
) -> AsyncIterator[House]:
    """Serve on a free port until the block ends."""
    clock = SystemClock()
    cloakroom = Cloakroom(database=hub, blobs=blobs, terms=terms)
    registry = PostgresRegistry(hub, clock=clock, max_age=timedelta(0))
    doorkeeper = Doorkeeper(registry=registry, judge=Judge(session_anchors()), clock=clock)
    service = BodyService(cloakroom=cloakroom, doorkeeper=doorkeeper)
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                application(service),
                HttpTerms(host="127.0.0.1", port=0, max_body_octets=PART_OCTETS),
                refuse=refuse,
                stop=stop,
                ready=lambda host, port: listening.set_result(f"http://{host}:{port}"),
            )
        )
        try:
            yield House(
                url=await listening,
                database=hub,
                blobs=blobs,
                cloakroom=cloakroom,
                keeper=RegistryDesk(operator, operator="Lan", clock=clock),
            )
        finally:
            stop.set()


def some_octets(number: int, seed: int = 1) -> bytes:
    """Return octets that are the same each time, and no two megabytes of which are equal."""
    line = b"".join(seed.to_bytes(4) + place.to_bytes(4) for place in range(number // 8 + 1))
    return line[:number]
