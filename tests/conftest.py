"""Fixtures that more than one floor uses, and which tests run in one process where there are several."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from deploy.local import ports

pytest_plugins = [
    "tests.support.axis",
    "tests.support.broker",
    "tests.support.database",
    "tests.support.store",
]

FLOORS = Path(__file__).parent
GROUPS = {
    "acceptance": "axis",
    "integration/cli": "axis",
    "contract": "stack",
    "integration/certificates": "stack",
    "integration/operations": "stack",
    "integration/postgres": "stack",
    "integration/rabbitmq": "stack",
    "chaos/test_broker_line.py": "stack",
    "chaos/test_database_line.py": "stack",
    "integration/test_local_stack.py": "servers",
    "chaos/test_short_campaign.py": "campaign",
    "integration/secure": "secure",
    "chaos/test_checker_planted.py": "planted",
    "integration/rabbitmq/test_outages.py": "broker",
    "integration/kit": "kit",
    "integration/restore": "restore",
    "integration/cli/test_given_services.py": "given",
}
"""Which tests share servers that a session starts once, the longest group first; other files stand alone."""


def pytest_configure() -> None:
    """Let several processes look for free ports in different places: each takes a port a while after."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    every = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports.CANDIDATES = ports.CANDIDATES[int(worker) :: every]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those that share servers in one process, and let the longest group begin."""
    order = [*dict.fromkeys(GROUPS.values())]
    group_of = {item: _group(item.path.relative_to(FLOORS).as_posix()) for item in items}
    for item, group in group_of.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: order.index(group_of[item]) if group_of[item] in order else len(order))


def _group(file: str) -> str:
    places = [place for place in GROUPS if file.startswith(place)]
    return GROUPS[max(places, key=len)] if places else file.replace("/", ".")


@pytest.fixture(autouse=True)
def logs_as_nobody_had_set_them() -> Iterator[None]:
    """Undo what a command said about logs: it names a stream that pytest closes after the test."""
    yield
    structlog.reset_defaults()
