"""What the axis makes of servers that somebody else runs, without any."""

from pathlib import Path

import pytest

from deploy.given import GivenStack, read_services
from deploy.local import StackError
from deploy.local.address import new_record, write_record
from deploy.local.ports import free_ports

SERVICES = """
postgres_host = "database.example"
postgres_port = 5432
postgres_password = 'a "quoted" secret'
amqp_host = "broker.example"
amqp_port = 5672
management_port = 15672
broker_admin = "quản trị"
broker_admin_password = "another secret"
"""


@pytest.fixture
def services(tmp_path: Path) -> Path:
    file = tmp_path / "given.toml"
    file.write_text(SERVICES, encoding="utf-8")
    return file


def test_the_copy_in_the_home_says_the_same_and_is_private(services: Path, tmp_path: Path) -> None:
    stack = GivenStack(tmp_path / "home")

    stack.adopt(services)

    assert stack.address() == read_services(services)
    assert (stack.home / "services.toml").stat().st_mode & 0o777 == 0o600


def test_a_cluster_is_several_hosts_in_one_line(services: Path) -> None:
    several = SERVICES.replace("database.example", "a,b").replace("broker.example", "a, b, c")
    services.write_text(several, encoding="utf-8")

    address = read_services(services)

    assert address.postgres_servers == "a:5432,b:5432"
    assert address.amqp_servers == "a:5672,b:5672,c:5672"
    assert address.management_servers == "a:15672,b:15672,c:15672"


def test_every_complaint_about_a_file_is_told_at_once_and_no_password(services: Path) -> None:
    wrong = SERVICES.replace("amqp_port = 5672", 'amqp_port = "5672"').replace("postgres_port", "port")
    services.write_text(wrong, encoding="utf-8")

    with pytest.raises(StackError) as told:
        read_services(services)

    assert "port: is unknown" in str(told.value)
    assert "postgres_port: is missing" in str(told.value)
    assert "amqp_port: must be a number" in str(told.value)
    assert "secret" not in str(told.value)


def test_servers_may_speak_tls_and_their_authority_is_found_from_the_home(
    services: Path, tmp_path: Path
) -> None:
    encrypted = 'broker_tls = true\nbroker_ca = "broker-ca.pem"\npostgres_ca = "db-ca.pem"\n'
    services.write_text(SERVICES + encrypted, encoding="utf-8")
    stack = GivenStack(tmp_path / "home")

    stack.adopt(services)

    address = stack.address()
    assert (address.amqp_scheme, address.management_scheme) == ("amqps", "https")
    assert address.broker_ca == str(tmp_path / "broker-ca.pem")
    assert address.postgres_ca == str(tmp_path / "db-ca.pem")


def test_servers_without_tls_are_spoken_to_without(services: Path) -> None:
    address = read_services(services)

    assert (address.amqp_scheme, address.management_scheme) == ("amqp", "http")


def test_whether_there_is_tls_is_true_or_false(services: Path) -> None:
    services.write_text(SERVICES + 'broker_tls = "yes"\n', encoding="utf-8")

    with pytest.raises(StackError, match="broker_tls: must be true or false"):
        read_services(services)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot be read"):
        GivenStack(tmp_path / "home").adopt(tmp_path / "nowhere.toml")


def test_a_home_with_a_stack_of_its_own_takes_no_other(services: Path, tmp_path: Path) -> None:
    write_record(tmp_path, new_record(tmp_path))

    with pytest.raises(StackError, match="name another home"):
        GivenStack(tmp_path).adopt(services)


def test_both_servers_that_do_not_answer_are_named(services: Path, tmp_path: Path) -> None:
    amqp, postgres = free_ports(2)
    nobody = SERVICES.replace("database.example", "127.0.0.1").replace("broker.example", "127.0.0.1")
    services.write_text(nobody.replace(" 5432", f" {postgres}").replace(" 5672", f" {amqp}"), "utf-8")
    stack = GivenStack(tmp_path / "home", patience_seconds=0)
    stack.adopt(services)

    with pytest.raises(StackError) as told:
        stack.up()

    assert f"no RabbitMQ answers at 127.0.0.1:{amqp}" in str(told.value)
    assert f"no PostgreSQL answers at 127.0.0.1:{postgres}" in str(told.value)
    assert not stack.status().is_running


def test_a_home_that_was_given_servers_stops_nothing(
    services: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = GivenStack(tmp_path / "home")
    stack.adopt(services)

    stack.down()

    assert "somebody else runs" in capsys.readouterr().err
