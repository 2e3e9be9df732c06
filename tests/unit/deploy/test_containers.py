"""`deploy/compose.yaml` cannot be started everywhere; that it is well formed can be seen anywhere."""

import re
from pathlib import Path

import yaml

from deploy.given import read_services

CHECKOUT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((CHECKOUT / "deploy/compose.yaml").read_text("utf-8"))


def test_the_four_containers_are_there() -> None:
    assert set(COMPOSE["services"]) == {"postgres", "rabbitmq", "operator", "hub"}


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_named_volume_and_config_is_declared() -> None:
    services = COMPOSE["services"].values()
    volumes = {volume.split(":")[0] for service in services for volume in service.get("volumes", [])}
    configs = {config["source"] for service in services for config in service.get("configs", [])}

    assert volumes == set(COMPOSE["volumes"])
    assert configs == set(COMPOSE["configs"])


def test_no_password_has_a_default() -> None:
    text = (CHECKOUT / "deploy/compose.yaml").read_text("utf-8")

    assert not re.findall(r"\$\{\w*PASSWORD:-", text)


def test_the_hub_is_built_from_a_file_that_exists() -> None:
    build = COMPOSE["services"]["hub"]["build"]

    assert (CHECKOUT / "deploy" / build["context"] / build["dockerfile"]).is_file()


def test_a_hub_has_no_password_no_rights_and_nothing_to_write() -> None:
    hub = COMPOSE["services"]["hub"]

    assert "PASSWORD" not in str(hub)
    assert "configs" not in hub
    assert hub["cap_drop"] == ["ALL"]
    assert hub["read_only"] is True
    assert all(volume.endswith(":ro") for volume in hub["volumes"])
    assert re.search(r"^USER axis$", (CHECKOUT / "deploy/Dockerfile").read_text("utf-8"), re.MULTILINE)


def test_what_the_operator_gets_names_the_servers_of_this_file(tmp_path: Path) -> None:
    (given,) = COMPOSE["services"]["operator"]["configs"]
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", r"<\1>", COMPOSE["configs"][given["source"]]["content"])
    (tmp_path / "services.toml").write_text(text, encoding="utf-8")

    address = read_services(tmp_path / "services.toml")

    broker = COMPOSE["services"]["rabbitmq"]["environment"]
    assert {address.postgres_host, address.amqp_host} <= set(COMPOSE["services"])
    assert (address.postgres_password, address.broker_admin_password) == (
        "<POSTGRES_PASSWORD>",
        "<BROKER_PASSWORD>",
    )
    assert address.broker_admin == broker["RABBITMQ_DEFAULT_USER"]
    assert given["target"] == COMPOSE["services"]["operator"]["environment"]["SERVICES_FILE"]
    assert given["mode"] == 0o400


def test_the_operators_script_can_be_started() -> None:
    (script,) = COMPOSE["services"]["operator"]["entrypoint"]

    file = CHECKOUT / Path(script).relative_to("/srv/axis")

    assert file.stat().st_mode & 0o111


def test_the_engine_is_sent_what_the_image_copies_and_no_secrets() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (CHECKOUT / "deploy/Dockerfile").read_text("utf-8"), re.MULTILINE)
    sent = (CHECKOUT / "deploy/Dockerfile.dockerignore").read_text("utf-8").splitlines()

    assert "*" in sent
    assert {line[1:] for line in sent if line.startswith("!")} == set(" ".join(copied).split())
