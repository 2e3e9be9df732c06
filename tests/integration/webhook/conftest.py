"""A real hub on a real axis, and agencies whose software speaks HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.hook_endpoint import HookEndpoint
from tests.support.webhook_adapter import WebhookAdapter

Adapters = Callable[..., WebhookAdapter]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


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
