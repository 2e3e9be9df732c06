"""`deploy/compose.yaml` cannot be started everywhere; that it is well formed can be seen anywhere."""

import re
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((CHECKOUT / "deploy/compose.yaml").read_text("utf-8"))


def test_the_three_containers_are_there() -> None:
    assert set(COMPOSE["services"]) == {"postgres", "rabbitmq", "hub"}


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
