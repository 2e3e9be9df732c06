"""People at the console, over a real database and beside a hub process."""

from collections.abc import AsyncIterator

import pytest

from hub.backends.postgres.pool import Database
from hub.console.console import SettingInForce
from hub.operations.entrance import EntranceTerms
from tests.support.console import ConsoleUnderTest, composed, make_console
from tests.support.database import OPERATOR, PrivateDatabase
from tests.support.store import NEVER_PARKS, PostgresUnderTest

SETTINGS = (
    SettingInForce(name="prefetch", value="150", is_set=True, is_default=True, meaning="Held per queue."),
    SettingInForce(name="hub_key_password", value=None, is_set=True, is_default=False, meaning="Secret."),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "console" in item.path.parts and "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
async def operators(private_database: PrivateDatabase) -> AsyncIterator[Database]:
    """Open the pool of the operators' user."""
    database = await Database.open(private_database.dsn(OPERATOR), name="truc test console", size=4)
    yield database
    await database.close()


@pytest.fixture
async def world(postgres_store: PostgresUnderTest, operators: Database) -> AsyncIterator[ConsoleUnderTest]:
    """Compose a console."""
    console = make_console(operators, terms=EntranceTerms(), settings=SETTINGS)
    under_test = composed(console, postgres_store, await postgres_store.process(terms=NEVER_PARKS))
    yield under_test
    await under_test.close()
