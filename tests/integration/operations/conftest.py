"""Operators at work on a real database, beside a hub process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from hub.backends.clock import SystemClock, new_id
from hub.backends.postgres.desk import CaseFilter
from hub.backends.postgres.pool import Database
from hub.message.identifiers import DeliveryId
from hub.message.outbox import OutboxEntry
from hub.message.receipt import Receipt
from hub.operations.cases import CaseDesk
from hub.operations.registry import RegistryDesk
from tests.support.database import OPERATOR, PrivateDatabase
from tests.support.decisions import Submission
from tests.support.store import (
    NEVER_PARKS,
    HubProcess,
    PostgresUnderTest,
    documents,
    give_up,
    receipts,
    returned,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "operations" in item.path.parts and "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Operators, and the hub whose failures they repair."""

    store: PostgresUnderTest
    hub: HubProcess
    database: Database
    """As the operators' user."""

    def desk(self, operator: str = "Lan") -> CaseDesk:
        return CaseDesk(self.database, operator=operator, clock=SystemClock(), new_id=new_id)

    async def dead_letters(self, submission: Submission) -> list[OutboxEntry]:
        """Let every delivery of *submission* die; return what was published of it."""
        _, handed_over = await self.hub.accept(submission.admitted())
        dying = documents(handed_over)
        await self.hub.deliver(handed_over)
        await self.hub.deliver(
            await self.hub.come_back(*(returned(each.delivery_id) for each in dying), recover=give_up)
        )
        return dying

    async def cases(self) -> list[int]:
        """Return the numbers of the open cases."""
        return [case.case_id for case in await self.desk().find(CaseFilter(), limit=10_000)]

    async def published(self) -> list[OutboxEntry]:
        """Let the hub publish all that waits."""
        return await self.hub.deliver_all()

    async def receipts(self) -> list[Receipt]:
        """Let the hub publish all that waits, and read the receipts in it."""
        return receipts(await self.published())

    async def events(self, delivery_id: DeliveryId) -> list[str]:
        query = "select name from events where delivery_id = $1 order by event_id"
        return [str(row[0]) for row in await self.store.fetch(query, delivery_id)]

    async def actions(self) -> list[tuple[object, ...]]:
        query = "select operator, action, reason, case_id from operator_actions order by action_id"
        return [tuple(row) for row in await self.store.fetch(query)]


@pytest.fixture
async def operators(private_database: PrivateDatabase) -> AsyncIterator[Database]:
    """Open the pool of the operators' user."""
    database = await Database.open(private_database.dsn(OPERATOR), name="truc test operator", size=4)
    yield database
    await database.close()


@pytest.fixture
async def office(postgres_store: PostgresUnderTest, operators: Database) -> Office:
    """Start a hub process and open the desks."""
    return Office(
        store=postgres_store, hub=await postgres_store.process(terms=NEVER_PARKS), database=operators
    )


@pytest.fixture
def keeper(operators: Database) -> RegistryDesk:
    """Open the registry."""
    return RegistryDesk(operators, operator="Lan", clock=SystemClock())
