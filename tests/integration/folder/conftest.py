"""A real hub on a real axis, and agencies without a developer."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.folder_adapter import FolderAdapter

Adapters = Callable[..., FolderAdapter]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


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
