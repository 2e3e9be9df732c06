"""The local stack's decisions, without starting anything."""

import socket
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from deploy.local import LocalStack, StackError, process
from deploy.local.address import new_record, read_record, write_record
from deploy.local.broker import definitions, place_broker
from deploy.local.packages import CLUSTER_TEXT, nothing_starts
from deploy.local.ports import free_ports, taken
from deploy.local.programs import server_script
from deploy.local.stack import exchange_port


def test_looking_at_a_stack_that_never_was_makes_nothing(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "home")

    assert stack.status().address is None
    assert not stack.status().is_running
    stack.down()
    stack.purge()
    assert not stack.home.exists()


def test_what_was_never_made_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make up"):
        LocalStack(tmp_path).address()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = replace(new_record(tmp_path), database_folder='/var/tmp/a "quoted" place')

    write_record(tmp_path, record)

    assert read_record(tmp_path) == record
    assert (tmp_path / "stack.toml").stat().st_mode & 0o777 == 0o600


def test_two_homes_share_neither_name_nor_password(tmp_path: Path) -> None:
    one, other = new_record(tmp_path / "one"), new_record(tmp_path / "other")

    assert one.node_name != other.node_name
    assert one.broker_admin_password != other.broker_admin_password


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    record = new_record(tmp_path)

    assert record.postgres_password not in repr(record)
    assert record.broker_admin_password not in str(definitions(record))


def test_purge_takes_the_stacks_of_the_tests_along(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "test", elsewhere):
        folder.mkdir(parents=True)
    write_record(home / "test", replace(new_record(home / "test"), database_folder=str(elsewhere)))

    LocalStack(home).purge()

    assert not home.exists()
    assert not elsewhere.exists()


def test_the_broker_leaves_a_home_whose_name_it_cannot_read() -> None:
    assert place_broker(Path("/srv/van phong/.truc")) == Path("/srv/van phong/.truc/broker")
    assert str(place_broker(Path("/srv/văn phòng/.truc"))).isascii()
    assert place_broker(Path("/srv/văn phòng/.truc")) != place_broker(Path("/srv/Tài liệu/.truc"))


def test_a_pid_file_is_read_whatever_else_stands_in_it(tmp_path: Path) -> None:
    own = psutil.Process()
    file = tmp_path / "postmaster.pid"
    file.write_text(f"{own.pid}\n/srv/văn phòng/.truc/database/data\n", "utf-8")

    assert process.running(file, mark=own.cmdline()[0]) == own


def test_free_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert max(ports) < 32_768
    assert free_ports(0) == ()


def test_a_port_somebody_listens_on_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert taken([port]) == (port,)


def test_one_port_is_exchanged_and_nothing_else(tmp_path: Path) -> None:
    record = new_record(tmp_path)

    changed = exchange_port(record, record.amqp_port, 1)

    assert asdict(changed) == asdict(record) | {"amqp_port": 1}


def test_a_missing_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_RABBITMQ_SERVER", "/nowhere/rabbitmq-server")

    with pytest.raises(StackError, match="/nowhere/rabbitmq-server"):
        server_script()


def test_the_policy_against_starting_services_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr("deploy.local.packages.POLICY", policy)

    with nothing_starts():
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()

    with pytest.raises(StackError), nothing_starts():
        raise StackError

    assert not policy.exists()


def test_a_policy_of_the_machine_itself_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    monkeypatch.setattr("deploy.local.packages.POLICY", policy)

    with nothing_starts():
        pass

    assert policy.read_text() == "#!/bin/sh\nexit 101\n"


def test_no_default_cluster_is_wanted_only_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy.local.packages import no_default_cluster

    settings = tmp_path / "createcluster.conf"
    settings.write_text("ssl = on\n")
    monkeypatch.setattr("deploy.local.packages.CLUSTER_SETTINGS", settings)

    with no_default_cluster():
        assert settings.read_text() == "ssl = on\n" + CLUSTER_TEXT

    assert settings.read_text() == "ssl = on\n"
