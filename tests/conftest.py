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

TOGETHER = {
    "integration/secure": "secure",
    "integration/restore": "restore",
}
"""Which files share servers that nobody else needs; each other file is a group of its own."""
FIRST = (
    "secure",
    "acceptance/test_outages.py",
    "acceptance/test_returns.py",
    "chaos/test_short_campaign.py",
    "acceptance/test_shutdown.py",
    "restore",
    "integration/test_local_stack.py",
    "integration/kit/test_crashing.py",
    "integration/cli/test_documents.py",
    "integration/rabbitmq/test_outages.py",
    "acceptance/test_no_room.py",
    "acceptance/test_crashes.py",
    "acceptance/test_urgent.py",
    "acceptance/test_lost_queues.py",
    "integration/console/test_accessibility.py",
    "acceptance/test_console.py",
    "integration/cli/test_registry_commands.py",
    "integration/cli/test_given_services.py",
    "integration/console/test_described_api.py",
    "integration/vxp/test_exchange.py",
    "chaos/test_checker_planted.py",
    "integration/conformance/test_conformance.py",
    "acceptance/test_health.py",
    "acceptance/test_several_hubs.py",
    "integration/webhook/test_exchange.py",
    "integration/folder/test_exchange.py",
    "integration/postgres/test_evidence.py",
)
"""The longest groups, the longest first, so that processes side by side end together: the short ones fill up.

A server that a session starts once is then started in each process that meets a test of it, which costs some
seconds; a whole floor in one process would cost the minutes that the other waits for it.
"""


def pytest_configure() -> None:
    """Let several processes look for free ports in different places: each takes a port a while after."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    every = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports.CANDIDATES = ports.CANDIDATES[int(worker) :: every]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest groups begin."""
    turns = {group: turn for turn, group in enumerate(FIRST)}
    items.sort(key=lambda item: turns.get(group_of(item.nodeid), len(turns)))


def group_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return next((group for place, group in TOGETHER.items() if file.startswith(place)), file)


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
