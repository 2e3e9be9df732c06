"""A real hub on a real axis, and agencies whose software speaks the vendors' interface."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hub.commands.local_axis import LocalAgency
from tests.support.vxp_gateway import VxpGateway

Gateways = Callable[..., VxpGateway]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


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
