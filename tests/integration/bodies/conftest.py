"""The service of large bodies on a real database and a folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.backends.blobs import BlobPlace, BlobStore
from hub.backends.postgres.pool import Database
from tests.support.cloakroom import House, a_house
from tests.support.database import OPERATOR, PrivateDatabase


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "bodies" in item.path.parts and "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
async def operator(private_database: PrivateDatabase) -> AsyncIterator[Database]:
    database = await Database.open(private_database.dsn(OPERATOR), name="truc test operator", size=2)
    yield database
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bodies"


@pytest.fixture
async def house(hub_database: Database, operator: Database, folder: Path) -> AsyncIterator[House]:
    blobs = BlobStore.open(BlobPlace(url=folder.as_uri()))
    async with a_house(hub_database, operator, blobs) as opened:
        yield opened
