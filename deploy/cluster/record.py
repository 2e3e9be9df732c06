"""What a cluster remembers over restarts: `cluster.toml`, and a `stack.toml` for each of its machines."""

import json
import secrets
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Final, Self, TypedDict

from deploy.local.address import (
    StackAddress,
    StackRecord,
    new_record,
    read_record,
    write_private,
    write_record,
)
from deploy.local.database import place_database
from deploy.local.ports import free_ports
from deploy.local.programs import Release, chosen_release
from deploy.local.tls import authority_of

CLUSTER_FILE: Final = "cluster.toml"
MACHINES: Final = 3
"""Each has a node of RabbitMQ: two may go on without the third, and no two halves ever both do."""
DATABASES: Final = 2
"""The first machines have PostgreSQL, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRecord:
    """Who is the primary, and the secrets that the machines share."""

    home: str
    cookie: str = field(repr=False)
    replication_password: str = field(repr=False)
    primary: int = 0
    """Index of the machine."""
    is_alone: bool = True
    """Whether the primary commits without waiting for a standby, because an operator has said so."""
    tls: bool = False
    """Whether brokers and databases are spoken to over TLS, and over nothing else."""

    def without_standby(self, primary: int) -> Self:
        """Return the same cluster when *primary* has nobody to wait for."""
        return replace(self, primary=primary, is_alone=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress(StackAddress):
    """Where all of it listens; the single address of each kind is the primary's and the first node's."""

    amqp_ports: tuple[int, ...]
    management_ports: tuple[int, ...]
    postgres_ports: tuple[int, ...]

    @property
    def amqp_servers(self) -> str:
        """Every node."""
        return _listed(self.amqp_host, self.amqp_ports)

    @property
    def postgres_servers(self) -> str:
        """Every server, whichever the primary is."""
        return _listed(self.postgres_host, self.postgres_ports)

    @property
    def management_servers(self) -> str:
        """Every node's management interface."""
        return _listed(self.amqp_host, self.management_ports)


def _listed(host: str, ports: tuple[int, ...]) -> str:
    return ",".join(f"{host}:{port}" for port in ports)


def address_of(record: ClusterRecord, machines: tuple[StackRecord, ...]) -> ClusterAddress:
    """Put together what clients need to know."""
    single = {item.name: getattr(machines[0], item.name) for item in fields(StackAddress)}
    return ClusterAddress(
        **(single | {"postgres_port": machines[record.primary].postgres_port}),
        amqp_ports=tuple(each.amqp_port for each in machines),
        management_ports=tuple(each.management_port for each in machines),
        postgres_ports=tuple(each.postgres_port for each in machines[:DATABASES]),
    )


def read_cluster(home: Path) -> ClusterRecord | None:
    """Read what *home* remembers; nothing where no cluster was ever made."""
    path = home / CLUSTER_FILE
    return ClusterRecord(**tomllib.loads(path.read_text("utf-8"))) if path.exists() else None


def write_cluster(home: Path, record: ClusterRecord) -> None:
    """Replace `cluster.toml` in one step, readable by its owner only."""
    lines = (f"{name} = {json.dumps(value)}\n" for name, value in asdict(record).items())
    write_private(home / CLUSTER_FILE, "".join(lines))


def new_cluster(home: Path, *, tls: bool) -> ClusterRecord:
    """Make up what a cluster in *home* shares; with *tls* an authority, too."""
    if tls:
        authority_of(home).ensure()
    return ClusterRecord(
        home=str(home), cookie=secrets.token_hex(20), replication_password=secrets.token_urlsafe(24), tls=tls
    )


def machine_home(home: Path, index: int) -> Path:
    """Name the folder of one machine: it looks like the home of a local stack."""
    return home / f"machine-{index + 1}"


def ensure_machines(home: Path) -> tuple[StackRecord, ...]:
    """Read every machine's record; a first call makes them, with ports of their own and shared passwords."""
    found = tuple(read_record(machine_home(home, index)) for index in range(MACHINES))
    known = tuple(each for each in found if each is not None)
    return known if len(known) == MACHINES else _new_machines(home)


def _new_machines(home: Path) -> tuple[StackRecord, ...]:
    homes = [machine_home(home, index) for index in range(MACHINES)]
    for each in homes:
        each.mkdir(mode=0o755, parents=True, exist_ok=True)
    ports = iter(free_ports(5 * MACHINES + 1))
    release = chosen_release() or Release.MACHINE
    first = replace(new_record(homes[0]), epmd_port=next(ports), broker_release=release, **_trust(home))
    records = tuple(
        replace(
            first,
            home=str(each),
            node_name=new_record(each).node_name,
            postgres_port=next(ports),
            amqp_port=next(ports),
            management_port=next(ports),
            prometheus_port=next(ports),
            distribution_port=next(ports),
            database_folder=_outside(each),
        )
        for each in homes
    )
    for each, record in zip(homes, records, strict=True):
        write_record(each, record)
    return records


class _Trust(TypedDict, total=False):
    """The words with which a machine's record says that its servers speak TLS."""

    broker_tls: bool
    broker_ca: str
    postgres_ca: str


def _trust(home: Path) -> _Trust:
    """Let every machine have certificates of the cluster's one authority, where it speaks TLS."""
    cluster = read_cluster(home)
    if cluster is None or not cluster.tls:
        return {}
    authority = str(authority_of(home).certificate_file)
    return {"broker_tls": True, "broker_ca": authority, "postgres_ca": authority}


def _outside(home: Path) -> str:
    place = place_database(home)
    return "" if place.is_relative_to(home) else str(place)
