"""An axis whose servers speak TLS only, with an authority of their own; one for the session."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import LocalStack
from deploy.local.tls import BrokerAuthority, authority_of
from hub.commands.local_axis import LocalAxis, provision_local
from tests.support.axis import World, world_on

HOMES = Path(__file__).resolve().parents[3] / ".truc" / "test-secure"
GIVEN_HOME = "TRUC_SECURE_HOME"
"""A home that stays up from run to run, for who works on these tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def secure_axis() -> Iterator[LocalAxis]:
    """Provision an axis over TLS, in a home that goes with the session."""
    given = os.environ.get(GIVEN_HOME)
    stack = LocalStack(Path(given) if given else HOMES / str(os.getpid()), tls=True)
    try:
        yield asyncio.run(provision_local(stack=stack))
    finally:
        if not given:
            stack.purge()


@pytest.fixture(scope="session")
def authority(secure_axis: LocalAxis) -> BrokerAuthority:
    """Give the authority that the broker's clients trust."""
    return authority_of(secure_axis.home)


@pytest.fixture
def secure_world(secure_axis: LocalAxis, tmp_path: Path) -> Iterator[World]:
    """Give one test agencies and processes of its own."""
    with world_on(secure_axis, tmp_path) as fresh:
        yield fresh
