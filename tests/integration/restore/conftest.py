"""An axis of its own: what is restored here must not be anybody else's."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import LocalStack
from hub.commands.local_axis import LocalAxis, provision_local
from tests.support.axis import World, world_on

HOMES = Path(
    os.environ.get("TRUC_TEST_HOME") or Path(__file__).resolve().parents[3] / ".truc" / "test-restore"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "restore" in item.path.parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def restored_axis() -> Iterator[LocalAxis]:
    """Provision an axis whose database may be lost and restored."""
    stack = LocalStack(HOMES / f"restore-{os.getpid()}")
    try:
        yield asyncio.run(provision_local(stack=stack))
    finally:
        stack.purge()


@pytest.fixture
def ruin(restored_axis: LocalAxis, tmp_path: Path) -> Iterator[World]:
    """Give one test a world on that axis."""
    restored_axis.stack.up()
    with world_on(restored_axis, tmp_path) as fresh:
        yield fresh
