"""What speaks to a broker speaks to RabbitMQ 4 as to 3.10: the same tests once more, on a private 4.x."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import LocalStack
from deploy.local.programs import Release, chosen_release
from hub.backends.rabbitmq.management import ManagementApi
from hub.backends.rabbitmq.reconciler import Reconciler
from tests.support.broker import CHECKOUT, a_topology, private_vhost

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(chosen_release() is Release.FOUR, reason="this session runs on RabbitMQ 4 already"),
]
FLOORS = {
    "the contract": ("tests/contract/test_publisher_contract.py", "tests/contract/test_consumer_contract.py"),
    "the broker": ("tests/integration/rabbitmq",),
    "the kit": ("tests/integration/kit",),
    "the command line": ("tests/integration/cli",),
    "journeys": ("tests/acceptance",),
}


@pytest.fixture(scope="module")
def newer_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("newer") / "home", release=Release.FOUR)
    stack.up()
    yield stack
    stack.purge()


@pytest.mark.parametrize("floor", FLOORS)
def test_what_passes_on_3_10_passes_on_4(floor: str, tmp_path: Path) -> None:
    report = tmp_path / "report.log"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "not long",
        "-p",
        "no:cacheprovider",
        *FLOORS[floor],
    ]

    with report.open("wb") as output:
        outcome = subprocess.run(
            command,
            check=False,
            cwd=CHECKOUT,
            env=os.environ | {"TRUC_BROKER": Release.FOUR, "TRUC_TEST_HOME": str(tmp_path / "stack")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    assert outcome.returncode == 0, report.read_text("utf-8", errors="replace")[-6000:]


async def test_the_topology_is_made_without_drift_and_without_deprecated_features(
    newer_stack: LocalStack,
) -> None:
    async with private_vhost(newer_stack) as vhost:
        changes = await Reconciler(vhost.api).apply(a_topology())

        assert (await vhost.api.version())[0] == 4
        assert changes.left == ()
        assert await used_deprecated_features(vhost.api) == []


async def used_deprecated_features(api: ManagementApi) -> list[object]:
    return [record["name"] for record in await api.records("deprecated-features/used")]
