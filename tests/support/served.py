"""A real hub on a real axis, and agencies that nobody has used, for the tests of an adapter."""

import asyncio
from dataclasses import dataclass

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World


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
