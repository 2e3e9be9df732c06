"""Fixtures that more than one floor uses, and which tests run in one process where there are several."""

import os
from collections.abc import Iterator

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local import ports

pytest_plugins = [
    "tests.support.axis",
    "tests.support.broker",
    "tests.support.database",
    "tests.support.served",
    "tests.support.store",
]

GROUPS = {
    "acceptance": "axis",
    "integration/cli": "axis",
    "integration/folder": "axis",
    "integration/vxp": "axis",
    "integration/webhook": "axis",
    "contract": "stack",
    "integration/bodies": "stack",
    "integration/certificates": "stack",
    "integration/operations": "stack",
    "integration/console": "stack",
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest group begin."""
    order = [*dict.fromkeys(GROUPS.values())]
    groups = {item: group_of(item.nodeid) for item in items}
    items.sort(key=lambda item: order.index(groups[item]) if groups[item] in order else len(order))


def group_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0].removeprefix("tests/")
    places = [place for place in GROUPS if file.startswith(place)]
    return GROUPS[max(places, key=len)] if places else file


class GroupScheduling(LoadScopeScheduling):
    """Gives each process whole groups; xdist's own groups are names in node ids, which pytest 9.2 ignores."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Hand out groups in the order of the tests."""
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


@pytest.fixture(autouse=True)
def logs_as_nobody_had_set_them() -> Iterator[None]:
    """Undo what a command said about logs: it names a stream that pytest closes after the test."""
    yield
    structlog.reset_defaults()
