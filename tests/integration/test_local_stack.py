"""The local stack by itself: it starts, dies, comes back and leaves nothing behind."""

import asyncio
import ipaddress
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import aio_pika
import asyncpg
import psutil
import pytest

from deploy.local import LocalStack, StackAddress, StackError
from deploy.local.ports import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    # In a folder that the database's user cannot reach, as a checkout in /root would be.
    stack = LocalStack(tmp_path_factory.mktemp("stack") / "home")
    stack.up()
    yield stack
    stack.purge()


async def test_it_lets_its_administrator_into_database_and_broker(stack: LocalStack) -> None:
    assert await database_version(stack.up()) >= 15
    await put(stack.up(), b"hello")
    assert await take(stack.up()) == b"hello"


async def test_it_knows_no_guest(stack: LocalStack) -> None:
    address = stack.up()

    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        await aio_pika.connect(f"amqp://guest:guest@{address.amqp_host}:{address.amqp_port}/axis")


def test_it_listens_on_the_loopback_address_only(stack: LocalStack) -> None:
    stack.up()

    listening = {
        ipaddress.ip_address(connection.laddr.ip)
        for process in processes_of(stack)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening
    assert all(address.is_loopback for address in listening)


def test_a_second_up_changes_nothing(stack: LocalStack) -> None:
    address, before = stack.up(), stack.status()

    assert stack.up() == address
    assert stack.status() == before


def test_its_passwords_are_for_its_owner_alone(stack: LocalStack) -> None:
    address = stack.up()

    assert (stack.home / "stack.toml").stat().st_mode & 0o077 == 0
    assert tomllib.loads((stack.home / "stack.toml").read_text()).items() >= asdict(address).items()
    assert address.postgres_password not in repr(address)


def test_the_database_does_not_run_as_root(stack: LocalStack) -> None:
    stack.up()

    assert psutil.Process(stack.database.pid).uids().effective != 0


async def test_what_was_confirmed_survives_a_killed_broker(stack: LocalStack) -> None:
    address = stack.up()
    await put(address, b"one")
    # RabbitMQ 3.10 writes a queue's registration down a second after its declaration; a node killed before
    # that has a queue that answers nobody. There is nothing to ask whether it has been written.
    await asyncio.sleep(3)

    stack.broker.kill()
    assert stack.broker.pid is None
    stack.broker.start()

    assert await take(address) == b"one"


async def test_what_was_committed_survives_a_killed_database(stack: LocalStack) -> None:
    address = stack.up()
    await execute(address, "create table if not exists kept (line text)")
    await execute(address, "insert into kept values ('one')")

    stack.database.kill()
    assert stack.database.pid is None
    stack.database.start()

    assert await execute(address, "delete from kept") == "DELETE 1"


def test_up_repairs_what_a_kill_left_behind(stack: LocalStack) -> None:
    address = stack.up()

    stack.broker.kill()
    stack.database.kill()

    assert stack.up() == address
    assert stack.status().is_running


def test_up_goes_on_with_a_node_that_is_still_booting(stack: LocalStack) -> None:
    address = stack.up()
    stack.broker.kill()

    stack.broker.launch()

    assert stack.up() == address
    assert stack.status().is_running


def test_a_pid_file_that_names_a_stranger_is_not_believed(stack: LocalStack) -> None:
    stack.down()
    strangers = [stack.home / "broker" / "node.pid", stack.database.data / "postmaster.pid"]
    for pid_file in strangers:
        pid_file.write_text(f"{psutil.Process().pid}\n")

    stack.down()
    stack.up()

    assert stack.status().is_running


def test_a_port_that_somebody_took_meanwhile_is_exchanged(stack: LocalStack) -> None:
    address = stack.up()
    stack.down()

    with listener(address.amqp_port):
        moved = stack.up()

    assert moved.amqp_port != address.amqp_port
    assert moved.postgres_port == address.postgres_port


def test_down_leaves_no_process_behind(stack: LocalStack) -> None:
    stack.up()
    add_a_port_mapper_as_the_node_would(stack)
    members = processes_of(stack)

    stack.down()
    stack.down()

    assert [process for process in members if is_at_work(process)] == []
    assert processes_of(stack) == []
    assert [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE] == []


def test_two_stacks_run_side_by_side_and_purge_removes_one(stack: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(tmp_path / "other")
    try:
        ports = {value for name, value in asdict(stack.up()).items() if name.endswith("_port")}
        assert ports.isdisjoint(asdict(other.up()).values())
        folder = other.database.folder
    finally:
        other.purge()

    assert not folder.exists()
    assert not other.home.exists()
    assert stack.status().is_running


def test_a_home_that_was_copied_is_refused(stack: LocalStack, tmp_path: Path) -> None:
    stack.up()
    (tmp_path / "stack.toml").write_bytes((stack.home / "stack.toml").read_bytes())

    with pytest.raises(StackError, match="was made in"):
        LocalStack(tmp_path).up()


def test_the_command_line_says_where_it_is_but_no_password(stack: LocalStack) -> None:
    address = stack.up()

    command = [sys.executable, "-m", "deploy.local", "status", "--json", "--home", str(stack.home)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert f'"amqp_port": {address.amqp_port}' in answer
    assert address.broker_admin_password not in answer


async def database_version(address: StackAddress) -> int:
    connection = await connect(address)
    try:
        return connection.get_server_version().major
    finally:
        await connection.close()


async def execute(address: StackAddress, statement: str) -> str:
    connection = await connect(address)
    try:
        return await connection.execute(statement)
    finally:
        await connection.close()


async def connect(address: StackAddress) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=address.postgres_host,
        port=address.postgres_port,
        user=address.postgres_superuser,
        password=address.postgres_password,
        database="postgres",
    )


async def put(address: StackAddress, body: bytes) -> None:
    """Return once the broker has confirmed *body* in a quorum queue."""
    async with await greet(address) as connection, connection.channel() as channel:
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(body, delivery_mode=2), "kept")


async def take(address: StackAddress) -> bytes:
    async with await greet(address) as connection, connection.channel() as channel:
        queue = await channel.get_queue("kept")
        message = await queue.get(timeout=30)
        await message.ack()
        return message.body


async def greet(address: StackAddress) -> aio_pika.abc.AbstractConnection:
    return await aio_pika.connect(
        host=address.amqp_host,
        port=address.amqp_port,
        login=address.broker_admin,
        password=address.broker_admin_password,
        virtualhost="axis",
    )


def add_a_port_mapper_as_the_node_would(stack: LocalStack) -> None:
    environment = {"HOME": str(stack.home / "broker" / "home"), "ERL_EPMD_PORT": str(free_ports(1)[0])}
    subprocess.run(["epmd", "-daemon"], check=True, env=environment | {"PATH": os.environ["PATH"]})


def listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def processes_of(stack: LocalStack) -> list[psutil.Process]:
    """Find everything that the stack has started, by environment, arguments or working folder."""
    places = (str(stack.home), str(stack.database.folder))
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            traces = [*process.cmdline(), *process.environ().values(), process.cwd()]
            if is_at_work(process) and any(trace.startswith(places) for trace in traces):
                found.append(process)
    return found


def is_at_work(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
