"""A development CA that serves on the loopback address, and a hub's knowledge of it in a real database."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from hub.backends.clock import SystemClock
from hub.backends.postgres.pool import Database
from hub.backends.postgres.revocation import PostgresRevocation, SourceEntry
from hub.backends.web import WebClient, WebLimits
from hub.commands.ca_folder import AuthorityFolder
from hub.commands.ca_server import server
from hub.errors import RejectionCode
from hub.message.directory import Mandate
from hub.message.identifiers import AgencyCode, AgencyKey, MailboxName
from hub.message.trust import RevocationPolicy, TrustMaterial
from hub.operations.certificates import CertificateDesk
from hub.signature.certificate_file import CertificateFile
from hub.signature.certificates import AnchorPolicy, TrustAnchors
from hub.signature.presented import presented
from hub.signature.signing import SigningKey
from hub.signature.verdict import Judge, Judgement
from hub.workers.revocation import RevocationWorker
from tests.support.authority import SINCE
from tests.support.database import OPERATOR, PrivateDatabase
from tests.support.store import PostgresUnderTest
from tests.support.waiting import until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "certificates" in item.path.parts and "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@dataclass(slots=True, kw_only=True)
class ServedAuthority:
    """The CA with its server, which can be away."""

    folder: AuthorityFolder
    _serving: "tuple[object, asyncio.Task[None]] | None" = field(default=None)

    @property
    def host(self) -> str:
        return self.folder.read().address.removeprefix("http://")

    def key(self, code: str = "G22", *, days: int = 900) -> SigningKey:
        _, file = self.folder.issue(
            AgencyCode(code), f"Cơ quan {code}", key_type="ec", lifetime=timedelta(days=days)
        )
        return SigningKey.from_pem(file.read_bytes(), self.folder.password)

    def revoke(self, key: SigningKey) -> None:
        self.folder.revoke(f"{key.certificate.serial_number:x}", "keyCompromise")

    def anchors(self, policy: RevocationPolicy, *, hosts: frozenset[str] | None = None) -> TrustAnchors:
        named = frozenset({self.host}) if hosts is None else hosts
        return TrustAnchors.from_bytes(
            self.folder.anchor_file.read_bytes(), otherwise=AnchorPolicy(revocation=policy, hosts=named)
        )

    async def start(self) -> None:
        serving, listener = server(self.folder)
        task = asyncio.create_task(serving.serve(sockets=[listener]))
        self._serving = (serving, task)
        await until(lambda: serving.started, what="the CA's server")

    async def stop(self) -> None:
        if self._serving is not None:
            serving, task = self._serving
            self._serving = None
            serving.should_exit = True  # type: ignore[attr-defined]
            await task


@pytest.fixture
async def ca(tmp_path: Path) -> AsyncIterator[ServedAuthority]:
    """Make a CA and serve it."""
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    served = ServedAuthority(folder=AuthorityFolder.create(tmp_path / "ca", name="Test CA", address=address))
    await served.start()
    yield served
    await served.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """A hub process that keeps revocation data fresh, and judges by them."""

    store: PostgresUnderTest
    worker: RevocationWorker
    judge_by: Judge

    async def refresh(self, *, again: bool = False) -> None:
        """Ask whoever is due; with *again*, everybody."""
        if again:
            await self.store.fetch("update revocation_sources set due_at = now() - interval '1 second'")
        await self.worker.refresh()

    async def material(self) -> TrustMaterial:
        return (await self.store.registry().directory()).material

    async def judge(self, key: SigningKey) -> Judgement:
        return self.judge_by.judge(
            presented(key.certificate, key.chain), SystemClock().now(), await self.material()
        )

    async def words(self, key: SigningKey) -> tuple[str, str | None]:
        validation = (await self.judge(key)).validation
        assert validation is not None
        return validation.indication.value, validation.sub_indication

    async def code(self, key: SigningKey) -> RejectionCode | None:
        violation = (await self.judge(key)).finding.violation
        return violation.code if violation is not None else None

    async def sources(self) -> dict[str, SourceEntry]:
        entries = await PostgresRevocation(self.store.database).sources()
        return {each.url.rpartition("/")[2]: each for each in entries}


@dataclass(slots=True, kw_only=True)
class Watching:
    """Makes watchers, each with connections of its own."""

    store: PostgresUnderTest
    ca: ServedAuthority
    web: WebClient
    executor: ThreadPoolExecutor

    def __call__(
        self,
        policy: RevocationPolicy = RevocationPolicy.HARD,
        *,
        hosts: frozenset[str] | None = None,
        web: WebClient | None = None,
    ) -> Watcher:
        anchors = self.ca.anchors(policy, hosts=hosts)
        worker = RevocationWorker(
            store=PostgresRevocation(self.store.database),
            registry=self.store.registry(),
            anchors=anchors,
            web=web or self.web,
            clock=SystemClock(),
            executor=self.executor,
            interval=timedelta(minutes=10),
        )
        return Watcher(store=self.store, worker=worker, judge_by=Judge(anchors))


@pytest.fixture
async def watching(postgres_store: PostgresUnderTest, ca: ServedAuthority) -> AsyncIterator[Watching]:
    """Let two agencies speak for themselves; watchers are made by the test."""
    mandates = [
        Mandate(mailbox=MailboxName(code), root=AgencyKey(code), valid_from=SINCE) for code in ("G22", "H41")
    ]
    await postgres_store.register([], mandates)
    async with WebClient.open(WebLimits(octets=100_000)) as web:
        with ThreadPoolExecutor(max_workers=1) as executor:
            yield Watching(store=postgres_store, ca=ca, web=web, executor=executor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Who keeps the registry of certificates."""

    desk: CertificateDesk
    database: Database

    async def register(self, code: str, key: SigningKey) -> None:
        file = CertificateFile(certificate=key.certificate, chain=key.chain)
        await self.desk.import_certificate(AgencyCode(code), file)


@pytest.fixture
async def keeper(
    private_database: PrivateDatabase, ca: ServedAuthority, watching: Watching
) -> AsyncIterator[Keeper]:
    """Open the registry of certificates as the operators' user."""
    database = await Database.open(private_database.dsn(OPERATOR), name="truc test operator", size=2)
    anchors = ca.anchors(RevocationPolicy.HARD)
    yield Keeper(
        desk=CertificateDesk(database, operator="Lan", clock=SystemClock(), anchors=anchors),
        database=database,
    )
    await database.close()
