"""What speaks to a broker speaks to RabbitMQ 4 as to 3.10: the same tests once more, on a private 4.x."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiormq
import pytest

from deploy.local import LocalStack
from deploy.local.programs import Release, chosen_release
from hub.backends.rabbitmq.management import ManagementAddress, ManagementApi
from hub.backends.rabbitmq.reconciler import Reconciler
from hub.backends.rabbitmq.topology import HubUser, MailboxTopology, Topology, topology
from hub.message.properties import queue_of
from tests.support.broker import (
    CHECKOUT,
    FULL_MAILBOX,
    MAILBOXES,
    PrivateVhost,
    a_topology,
    private_vhost,
)

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


async def test_users_move_to_4_with_their_passwords_and_the_topology_is_made_anew(
    axis: PrivateVhost, newer_stack: LocalStack, tmp_path: Path
) -> None:
    exported = tmp_path / "old.json"
    await asyncio.to_thread(axis.stack.broker.control, "export_definitions", str(exported))
    moved = tmp_path / "users.json"
    moved.write_text(json.dumps(users_of(json.loads(exported.read_bytes()), axis.name)))

    await asyncio.to_thread(newer_stack.broker.control, "import_definitions", str(moved))

    async with management_of(newer_stack, axis.name) as api:
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await api.put(f"permissions/{axis.name}/axis-admin", everything)
        changes = await Reconciler(api).apply(without_passwords())
        assert changes.left == ()
    address = newer_stack.address()
    url = axis.url(MAILBOXES[0]).replace(f":{axis.address.amqp_port}/", f":{address.amqp_port}/")
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        found = await channel.queue_declare(queue_of(MAILBOXES[0]), passive=True)
        assert found.message_count == 0


def users_of(definitions: dict[str, list[dict[str, str]]], vhost: str) -> dict[str, list[dict[str, str]]]:
    """Keep what makes users, and what they may do in *vhost*: the topology is another one for 4.x."""
    ours = [user for user in definitions["users"] if user["name"] != "axis-admin"]
    rights = {
        kind: [each for each in definitions[kind] if each["vhost"] == vhost and each["user"] != "axis-admin"]
        for kind in ("permissions", "topic_permissions")
    }
    return {
        "users": ours,
        "vhosts": [each for each in definitions["vhosts"] if each["name"] == vhost],
        **rights,
    }


def without_passwords() -> Topology:
    """Give the topology of the tests as an operator has it, who knows nobody's password."""
    names = (*MAILBOXES, FULL_MAILBOX)
    return topology([MailboxTopology(name=name) for name in names], HubUser())


def management_of(stack: LocalStack, vhost: str) -> ManagementApi:
    address = stack.address()
    return ManagementApi(
        ManagementAddress(
            url=f"http://{address.amqp_host}:{address.management_port}",
            user=address.broker_admin,
            password=address.broker_admin_password,
            vhost=vhost,
        )
    )


async def used_deprecated_features(api: ManagementApi) -> list[object]:
    return [record["name"] for record in await api.records("deprecated-features/used")]
