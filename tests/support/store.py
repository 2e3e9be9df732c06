"""The store of the axis as the lines see it, in memory and on PostgreSQL: one suite for both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from hub.backends.clock import SystemClock, new_id
from hub.backends.memory_outbox import MemoryOutbox
from hub.backends.memory_quarantine import MemoryQuarantine
from hub.backends.memory_registry import MemoryRegistry
from hub.backends.memory_reject_reasons import MemoryRejectReasons
from hub.backends.memory_returns import MemoryReturns
from hub.backends.memory_seam import MemorySeam
from hub.backends.memory_store import MemoryStore
from hub.backends.postgres.claimant import CLASS_OF_CLAIMANTS, Claimant, Presence
from hub.backends.postgres.outbox import PostgresOutbox
from hub.backends.postgres.pool import Database
from hub.backends.postgres.quarantine import PostgresQuarantine
from hub.backends.postgres.registry import PostgresRegistry
from hub.backends.postgres.reject_reasons import PostgresRejectReasons
from hub.backends.postgres.returns import PostgresReturns
from hub.backends.postgres.seam import PostgresSeam, Terms
from hub.message.breaker import BreakerTerms
from hub.message.decision import Accepted, Committed, Decision, Outcome
from hub.message.delivery_state import DeliveryState
from hub.message.directory import Agency, Mandate, RegisteredCertificate
from hub.message.edxml import MessageKind
from hub.message.identifiers import DeliveryId, MailboxName
from hub.message.outbox import (
    Attempted,
    Expire,
    GiveUp,
    OutboxEntry,
    PublishResult,
    Recovery,
    Retry,
    ReturnedDelivery,
    ReturnReason,
)
from hub.message.receipt import Receipt, ReceiptEvent
from hub.ports import Attest, Outbox, Quarantine, Recover, Registry, RejectReasons, Returns, Seam
from tests.support.database import PrivateDatabase
from tests.support.decisions import plain_pen, read_all
from tests.support.waiting import until

PLENTY = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HubProcess:
    """What one hub process works with."""

    number: int
    seam: Seam
    outbox: Outbox
    returns: Returns
    pen: Attest = plain_pen

    async def commit(self, *decisions: Decision) -> Committed:
        return await self.seam.commit(decisions, self.pen)

    async def accept(self, decision: Decision) -> tuple[Accepted, tuple[OutboxEntry, ...]]:
        """Commit one decision, which has to be accepted."""
        committed = await self.commit(decision)
        (outcome,) = committed.outcomes
        assert isinstance(outcome, Accepted), outcome
        return outcome, committed.handed_over

    async def decide(self, decision: Decision) -> Outcome:
        (outcome,) = (await self.commit(decision)).outcomes
        return outcome

    async def claim(self, limit: int = 200, octets: int = PLENTY) -> Sequence[OutboxEntry]:
        return await self.outbox.claim(limit, octets)

    async def record(
        self,
        entries: Sequence[OutboxEntry],
        result: PublishResult = PublishResult.CONFIRMED,
        recover: Recover | None = None,
    ) -> Sequence[OutboxEntry]:
        attempts = [Attempted(entry=entry, result=result, at=datetime.now(UTC)) for entry in entries]
        return await self.outbox.record(attempts, recover or retry_at_once, self.pen)

    async def come_back(
        self,
        *returned: ReturnedDelivery,
        recover: Recover | None = None,
    ) -> Sequence[OutboxEntry]:
        return await self.returns.settle(returned, recover or retry_at_once, self.pen)

    async def deliver_all(self) -> list[OutboxEntry]:
        """Claim and confirm until nothing is left."""
        delivered: list[OutboxEntry] = []
        while claimed := await self.claim():
            delivered += claimed
            delivered += await self.deliver(claimed)
        return delivered

    async def deliver(self, entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
        """Confirm *entries* and whatever is handed over for it."""
        delivered: list[OutboxEntry] = []
        while entries:
            entries = await self.record(entries)
            delivered += entries
        return delivered


def retry_at_once(returned: ReturnedDelivery, tries: int) -> Recovery:
    return Retry(not_before=returned.at - timedelta(hours=1))


def retry_later(returned: ReturnedDelivery, tries: int) -> Recovery:
    return Retry(not_before=returned.at + timedelta(hours=1))


def give_up(returned: ReturnedDelivery, tries: int) -> Recovery:
    return GiveUp(cause=f"{returned.reason.value} at attempt {returned.attempt}")


def expire(returned: ReturnedDelivery, tries: int) -> Recovery:
    return Expire(cause="not collected before its time was over")


def returned(
    delivery_id: DeliveryId, *, attempt: int = 1, reason: ReturnReason = ReturnReason.REJECTED
) -> ReturnedDelivery:
    return ReturnedDelivery(
        delivery_id=delivery_id, attempt=attempt, reason=reason, note=None, at=datetime.now(UTC)
    )


def of_kind(entries: Sequence[OutboxEntry], kind: MessageKind) -> list[OutboxEntry]:
    return [entry for entry in entries if entry.kind is kind]


def documents(entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    return of_kind(entries, MessageKind.DOCUMENT)


def receipts(entries: Sequence[OutboxEntry], event: ReceiptEvent | None = None) -> list[Receipt]:
    """Read the receipts that *entries* carry."""
    bodies = [entry.body for entry in of_kind(entries, MessageKind.RECEIPT)]
    return [receipt for body in bodies for receipt in read_all(body) if event in {None, receipt.event}]


def answered(entries: Sequence[OutboxEntry]) -> set[str]:
    """Return the submissions that the receipts in *entries* answer, in name or in content."""
    letters = of_kind(entries, MessageKind.RECEIPT)
    return {letter.correlation_id for letter in letters} | {each.submission_id for each in receipts(letters)}


class StoreUnderTest(Protocol):
    """What the contract suites need of the store, real or in memory."""

    async def process(self, *, terms: Terms = ..., lease: timedelta = ...) -> HubProcess: ...

    async def kill(self, process: HubProcess) -> None: ...

    def registry(self) -> Registry: ...

    def quarantine(self) -> Quarantine: ...

    def reject_reasons(self) -> RejectReasons: ...

    async def told(self) -> dict[tuple[DeliveryId, int], str]: ...

    async def state_of(self, delivery_id: DeliveryId) -> DeliveryState: ...

    async def open_cases(self) -> dict[DeliveryId | None, str]: ...

    async def kept(self) -> list[tuple[str, bytes, int]]: ...

    async def attempts_of(self, delivery_id: DeliveryId) -> list[tuple[int, str]]: ...

    async def register(
        self,
        agencies: Sequence[Agency],
        mandates: Sequence[Mandate],
        certificates: Sequence[RegisteredCertificate] = (),
    ) -> None: ...

    async def close_mailbox(self, mailbox: MailboxName) -> None: ...


TERMS = Terms()
NEVER_PARKS = Terms(breaker=BreakerTerms(failures=0))
"""For whoever wants dead letters by the dozen: no breaker stops them."""
LEASE = timedelta(seconds=60)
SHORT = timedelta(milliseconds=1)
MAILBOXES = ("G22", "H41", "H14", "H29")


class MemoryStoreUnderTest:
    def __init__(self) -> None:
        self.store = MemoryStore(clock=SystemClock(), new_id=new_id)
        self._registry = MemoryRegistry()

    async def process(self, *, terms: Terms = TERMS, lease: timedelta = LEASE) -> HubProcess:
        number = self.store.join()
        outbox = MemoryOutbox(
            self.store, claimant=number, lease=lease, park_time=terms.park_time, breaker=terms.breaker
        )
        return HubProcess(
            number=number,
            seam=MemorySeam(
                self.store,
                claimant=number,
                lease=lease,
                delivery_lifetime=terms.delivery_lifetime,
                status_patience=terms.status_patience,
            ),
            outbox=outbox,
            returns=MemoryReturns(self.store, claimant=number, lease=lease, breaker=terms.breaker),
        )

    async def kill(self, process: HubProcess) -> None:
        self.store.leave(process.number)

    def registry(self) -> Registry:
        return self._registry

    def quarantine(self) -> Quarantine:
        return MemoryQuarantine(self.store)

    def reject_reasons(self) -> RejectReasons:
        return MemoryRejectReasons(self.store)

    async def told(self) -> dict[tuple[DeliveryId, int], str]:
        return dict(self.store.tables.told)

    async def state_of(self, delivery_id: DeliveryId) -> DeliveryState:
        return self.store.tables.deliveries[delivery_id].state

    async def open_cases(self) -> dict[DeliveryId | None, str]:
        return {case.delivery_id: case.cause for case in self.store.tables.cases if case.is_open}

    async def kept(self) -> list[tuple[str, bytes, int]]:
        return [(queue, body, times) for (queue, body), times in self.store.tables.kept.items()]

    async def attempts_of(self, delivery_id: DeliveryId) -> list[tuple[int, str]]:
        return [
            (each.attempt, each.outcome)
            for each in self.store.tables.attempts
            if each.delivery_id == delivery_id
        ]

    async def register(
        self,
        agencies: Sequence[Agency],
        mandates: Sequence[Mandate],
        certificates: Sequence[RegisteredCertificate] = (),
    ) -> None:
        self._registry.register(agencies, mandates, certificates)

    async def close_mailbox(self, mailbox: MailboxName) -> None:
        self._registry.close_mailbox(mailbox)


@dataclass(slots=True)
class PostgresUnderTest:
    """The real one; every process is alive until it is killed or the test is over."""

    private: PrivateDatabase
    database: Database
    _presences: dict[int, tuple[asyncio.Event, "asyncio.Task[None]"]] = field(default_factory=dict)

    async def process(self, *, terms: Terms = TERMS, lease: timedelta = LEASE) -> HubProcess:
        claimant = Claimant(number=Claimant.draw().number, lease=lease)
        stop = asyncio.Event()
        presence = asyncio.create_task(Presence(self.private.dsn(), claimant).keep(stop))
        self._presences[claimant.number] = (stop, presence)
        await until(lambda: self._is_present(claimant.number), what="the claimant's lock")
        clock = SystemClock()
        return HubProcess(
            number=claimant.number,
            seam=PostgresSeam(self.database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            outbox=PostgresOutbox(self.database, claimant=claimant, clock=clock, new_id=new_id, terms=terms),
            returns=PostgresReturns(
                self.database, claimant=claimant, clock=clock, new_id=new_id, breaker=terms.breaker
            ),
        )

    async def kill(self, process: HubProcess) -> None:
        stop, presence = self._presences.pop(process.number)
        stop.set()
        await presence

    async def close(self) -> None:
        for stop, presence in self._presences.values():
            stop.set()
            await presence

    def registry(self) -> Registry:
        return PostgresRegistry(self.database, clock=SystemClock(), max_age=timedelta())

    def quarantine(self) -> Quarantine:
        return PostgresQuarantine(self.database)

    def reject_reasons(self) -> RejectReasons:
        return PostgresRejectReasons(self.database)

    async def told(self) -> dict[tuple[DeliveryId, int], str]:
        rows = await self.fetch("select delivery_id, attempt, reason from reject_reasons")
        return {(row[0], row[1]): row[2] for row in rows}

    async def state_of(self, delivery_id: DeliveryId) -> DeliveryState:
        found = await self.fetch("select state from deliveries where delivery_id = $1", delivery_id)
        return DeliveryState(str(found[0][0]))

    async def open_cases(self) -> dict[DeliveryId | None, str]:
        rows = await self.fetch("select delivery_id, cause from cases where outcome is null")
        return {row[0]: row[1] for row in rows}

    async def kept(self) -> list[tuple[str, bytes, int]]:
        return [
            (row[0], row[1], row[2])
            for row in await self.fetch(
                "select queue, body, times from invalid_messages"
                " union all select queue, body, 1 from cases where queue is not null"
            )
        ]

    async def attempts_of(self, delivery_id: DeliveryId) -> list[tuple[int, str]]:
        rows = await self.fetch(
            "select attempt, outcome from attempts where delivery_id = $1 order by at, attempt", delivery_id
        )
        return [(row[0], row[1]) for row in rows]

    async def register(
        self,
        agencies: Sequence[Agency],
        mandates: Sequence[Mandate],
        certificates: Sequence[RegisteredCertificate] = (),
    ) -> None:
        async with self.private.connect() as connection, connection.transaction():
            for each in agencies:
                await connection.execute(
                    "insert into agencies (key, code, name, level, parent, closed_at)"
                    " values ($1, $2, $3, 1, $4, $5)",
                    *(each.key, each.code, each.name, each.parent, each.closed_at),
                )
            for mandate in mandates:
                await connection.execute(
                    "insert into mailboxes (name, agency, kind) values ($1, $2, 'agency')"
                    " on conflict do nothing",
                    *(mandate.mailbox, mandate.root),
                )
                await connection.execute(
                    "insert into mandates (mailbox, root, valid_from, valid_to) values ($1, $2, $3, $4)",
                    *(mandate.mailbox, mandate.root, mandate.valid_from, mandate.valid_to),
                )
            for certificate in certificates:
                await connection.execute(
                    "insert into certificates (fingerprint, agency, subject, der, not_before, not_after)"
                    " values ($1, $2, $3, '', $4, $5)",
                    *(certificate.fingerprint, certificate.agency, certificate.subject),
                    *(certificate.not_before, certificate.not_after),
                )

    async def close_mailbox(self, mailbox: MailboxName) -> None:
        await self.fetch("update mailboxes set closed_at = now() where name = $1", mailbox)

    async def fetch(self, query: str, *values: object) -> list[Sequence[object]]:
        """Look at the tables, or change them, as their owner."""
        async with self.private.connect() as connection:
            return [tuple(row) for row in await connection.fetch(query, *values)]

    async def _is_present(self, number: int) -> bool:
        query = "select 1 from pg_locks where locktype = 'advisory' and classid = $1 and objid::bigint = $2"
        return bool(await self.fetch(query, CLASS_OF_CLAIMANTS, number))


@pytest.fixture
async def memory_store() -> MemoryStoreUnderTest:
    """Make a twin."""
    return MemoryStoreUnderTest()


@pytest.fixture
async def postgres_store(
    private_database: PrivateDatabase, hub_database: Database
) -> AsyncIterator[PostgresUnderTest]:
    """Use the real one, with the mailboxes that the tests speak of."""
    under_test = PostgresUnderTest(private_database, hub_database)
    await under_test.fetch(
        "with entered as (insert into agencies (key, code, name, level)"
        " select name, name, name, 1 from unnest($1::text[]) as name returning key)"
        " insert into mailboxes (name, agency, kind) select key, key, 'agency' from entered",
        MAILBOXES,
    )
    yield under_test
    await under_test.close()


@pytest.fixture(params=["memory_store", pytest.param("postgres_store", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest) -> StoreUnderTest:
    """Run a test with the twin, then with the real one."""
    under_test: StoreUnderTest = request.getfixturevalue(request.param)
    return under_test


@pytest.fixture
async def hub(store: StoreUnderTest) -> HubProcess:
    """Run one hub process on the store."""
    return await store.process()
