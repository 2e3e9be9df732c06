"""A real hub on a real axis, and agencies whose software speaks HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World
from tests.support.hook_endpoint import HookEndpoint
from tests.support.webhook_adapter import WebhookAdapter

Adapters = Callable[..., WebhookAdapter]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A town with a hub that runs, and agencies that nobody has used yet."""

    town: World
    unused: list[LocalAgency]


@pytest.fixture(scope="module")
def served(town: World, request: pytest.FixtureRequest) -> Served:
    """Enter all agencies of a module at once: the broker is told once for all of them."""
    tests = sum(item.path == request.path for item in request.session.items)
    return asyncio.run(_served(town, 2 * tests))


async def _served(town: World, count: int) -> Served:
    added = await town.connected(count)
    await town.hub()
    return Served(town=town, unused=list(added))


@pytest.fixture
def agencies(served: Served) -> tuple[LocalAgency, LocalAgency]:
    """Give two agencies that nobody has used."""
    return served.unused.pop(), served.unused.pop()


@pytest.fixture
async def endpoint() -> AsyncIterator[HookEndpoint]:
    """Give an endpoint that ends with the test."""
    async with HookEndpoint.open() as endpoint:
        yield endpoint


@pytest.fixture
async def adapters(tmp_path: Path) -> AsyncIterator[Adapters]:
    """Make webhook adapters that end with the test."""
    async with AsyncExitStack() as made:
        count = 0

        def make(agency: LocalAgency, endpoint: HookEndpoint, **terms: object) -> WebhookAdapter:
            nonlocal count
            count += 1
            adapter = WebhookAdapter(agency, tmp_path / f"{agency.code}-{count}", endpoint.url, **terms)
            made.push_async_exit(adapter)
            return adapter

        yield make
