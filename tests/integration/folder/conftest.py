"""A real hub on a real axis, and agencies without a developer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.axis import World
from tests.support.folder_adapter import FolderAdapter

Adapters = Callable[..., FolderAdapter]


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
async def adapters(tmp_path: Path) -> AsyncIterator[Adapters]:
    """Make folder adapters that end with the test."""
    made: list[FolderAdapter] = []

    def make(agency: LocalAgency, *, root: Path | None = None, **limits: object) -> FolderAdapter:
        made.append(FolderAdapter(agency, tmp_path / f"{agency.code}-{len(made)}", root=root, **limits))
        return made[-1]

    yield make
    for each in made:
        await each.stop()
