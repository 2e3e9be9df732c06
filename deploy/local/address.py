"""Where a local stack listens and whom it lets in; `stack.toml` remembers it over restarts."""

import hashlib
import json
import os
import secrets
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Final

from deploy.local.ports import free_ports

LOOPBACK: Final = "127.0.0.1"


class StackError(Exception):
    """The local stack cannot be had like this; the sentence says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAddress:
    """All that a client of the stack needs to know."""

    postgres_host: str = LOOPBACK
    postgres_port: int
    postgres_superuser: str = "postgres"
    postgres_password: str = field(repr=False)
    postgres_ca: str = ""
    """PEM file with the authority of the database's certificate: it is then spoken to over TLS only."""
    amqp_host: str = LOOPBACK
    amqp_port: int
    management_port: int
    prometheus_port: int
    broker_admin: str = "axis-admin"
    broker_admin_password: str = field(repr=False)
    broker_tls: bool = False
    """Whether AMQP and the management interface are spoken over TLS, and over nothing else."""
    broker_ca: str = ""
    """PEM file with the authority of the broker's certificate; empty for those that the machine trusts."""

    @property
    def amqp_scheme(self) -> str:
        """How an address of the broker begins."""
        return "amqps" if self.broker_tls else "amqp"

    @property
    def management_scheme(self) -> str:
        """How an address of the management interface begins."""
        return "https" if self.broker_tls else "http"

    @property
    def postgres_servers(self) -> str:
        """Host and port of the database; several are separated by commas."""
        return _with_port(self.postgres_host, self.postgres_port)

    @property
    def amqp_servers(self) -> str:
        """Host and port of the broker; several are separated by commas."""
        return _with_port(self.amqp_host, self.amqp_port)

    @property
    def management_servers(self) -> str:
        """Host and port of the broker's management interface; several are separated by commas."""
        return _with_port(self.amqp_host, self.management_port)


def _with_port(hosts: str, port: int) -> str:
    return ",".join(f"{host.strip()}:{port}" for host in hosts.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRecord(StackAddress):
    """The address and what only the stack itself needs."""

    home: str
    node_name: str
    distribution_port: int
    epmd_port: int
    database_folder: str = ""
    broker_release: str = "machine"

    def address(self) -> StackAddress:
        """Leave out what is the stack's own business."""
        return StackAddress(**{item.name: getattr(self, item.name) for item in fields(StackAddress)})


def new_record(home: Path) -> StackRecord:
    """Make up free ports, a node name of its own and fresh passwords for the stack in *home*."""
    postgres, amqp, management, prometheus, distribution, epmd = free_ports(6)
    return StackRecord(
        postgres_port=postgres,
        postgres_password=secrets.token_urlsafe(24),
        amqp_port=amqp,
        management_port=management,
        prometheus_port=prometheus,
        broker_admin_password=secrets.token_urlsafe(24),
        home=str(home),
        node_name=f"truc-{tag(home)}@localhost",
        distribution_port=distribution,
        epmd_port=epmd,
    )


def tag(home: Path) -> str:
    """Derive a short name from *home* that two stacks on one machine do not share."""
    return hashlib.sha256(bytes(home)).hexdigest()[:10]


def read_record(home: Path) -> StackRecord | None:
    """Read what *home* remembers; nothing when no stack was ever made there."""
    path = home / "stack.toml"
    if not path.exists():
        return None
    record = StackRecord(**tomllib.loads(path.read_text("utf-8")))
    if record.home != str(home):
        raise StackError(
            f"{path} was made in {record.home} and still points there: move it back, or delete {home}"
        )
    return record


def write_record(home: Path, record: StackRecord) -> None:
    """Replace `stack.toml` in one step, readable by its owner only."""
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in asdict(record).items())
    write_private(home / "stack.toml", "".join(lines))


def write_private(path: Path, text: str) -> None:
    """Replace *path* in one step by a file that only its owner can read."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
