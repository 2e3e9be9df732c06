"""Four agencies, each connected in its own way, and one hub between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World


@pytest.fixture(scope="module")
def agencies(town: World) -> list[LocalAgency]:
    """Give agencies that nobody has used; the hub runs."""
    return asyncio.run(_agencies(town))


async def _agencies(town: World) -> list[LocalAgency]:
    added = await town.connected(4)
    await town.hub()
    return list(added)


@pytest.fixture
async def ending() -> AsyncIterator[AsyncExitStack]:
    """End what a test has started, the last first."""
    async with AsyncExitStack() as stack:
        yield stack
