"""A real hub on a real axis, and agencies whose software speaks the vendors' interface."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World
from tests.support.vxp_gateway import VxpGateway

Gateways = Callable[..., VxpGateway]


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
async def gateways(tmp_path: Path) -> AsyncIterator[Gateways]:
    """Make gateways that end with the test."""
    made: list[VxpGateway] = []

    def make(agency: LocalAgency, **options: object) -> VxpGateway:
        made.append(VxpGateway(agency, tmp_path / f"{agency.code}-{len(made)}", **options))
        return made[-1]

    yield make
    for each in made:
        await each.stop()
