"""Three machines in one: a RabbitMQ cluster, a PostgreSQL primary and its synchronous standby."""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from deploy.cluster.node import ClusterNode, Membership
from deploy.cluster.record import (
    DATABASES,
    ClusterAddress,
    ClusterRecord,
    address_of,
    ensure_machines,
    machine_home,
    new_cluster,
    read_cluster,
    write_cluster,
)
from deploy.cluster.replica import Partner, Replica
from deploy.local import packages
from deploy.local.address import StackError, StackRecord, write_record
from deploy.local.broker import place_broker
from deploy.local.database import make_private_folder
from deploy.local.ports import free_ports, taken
from deploy.local.programs import Release, chosen_release
from deploy.local.stack import default_home, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """What runs, and where; the pids are the first running node's and the primary's."""

    home: Path
    node_pids: tuple[int | None, ...]
    database_pids: tuple[int | None, ...]
    primary: int
    is_alone: bool
    """Whether the primary commits without a standby."""
    address: ClusterAddress | None

    @property
    def broker_pid(self) -> int | None:
        """The first node that runs."""
        return next((pid for pid in self.node_pids if pid is not None), None)

    @property
    def database_pid(self) -> int | None:
        """The primary."""
        return self.database_pids[self.primary] if self.database_pids else None

    @property
    def is_running(self) -> bool:
        """Whether all of it runs."""
        return bool(self.node_pids) and None not in (*self.node_pids, *self.database_pids)


class ClusterStack:
    """A cluster that keeps everything in *home*; making the object does nothing."""

    def __init__(
        self, home: Path | None = None, *, tls: bool = False, progress: Callable[[str], None] = say
    ) -> None:
        """Prepare; with *tls* a new home's servers listen with TLS only, and a home keeps to it."""
        self.home = (home or default_home() / "cluster").absolute()
        self._tls = tls
        self._progress = progress

    def up(self) -> ClusterAddress:
        """Start what does not run and return once all of it answers and the standby follows."""
        packages.ensure_installed(self._progress, chosen_release() or Release.MACHINE)
        with self._alone():
            self._remember()
            for node in self.nodes:
                self._launch(node)
            self._start_databases()
            for node in self.nodes:
                node.await_answer()
        return self.address()

    def up_databases(self) -> ClusterAddress:
        """Start PostgreSQL alone, where nothing asks for the broker."""
        packages.ensure_installed(self._progress)
        with self._alone():
            self._remember()
            self._start_databases()
        return self.address()

    def down(self) -> None:
        """Stop everything; the data stay."""
        if read_cluster(self.home) is None:
            return
        with self._alone():
            self._stop()

    def purge(self) -> None:
        """Stop everything and delete the home, also the parts of it that lie elsewhere."""
        if read_cluster(self.home) is not None:
            with self._alone():
                self._stop()
                for index, node in enumerate(self.nodes):
                    shutil.rmtree(node.folder, ignore_errors=True)
                    if index < DATABASES:
                        self.databases[index].remove()
        shutil.rmtree(self.home, ignore_errors=True)

    def status(self) -> ClusterStatus:
        """Look, without changing anything."""
        record = read_cluster(self.home)
        if record is None:
            return ClusterStatus(
                home=self.home, node_pids=(), database_pids=(), primary=0, is_alone=True, address=None
            )
        return ClusterStatus(
            home=self.home,
            node_pids=tuple(node.pid for node in self.nodes),
            database_pids=tuple(each.pid for each in self.databases),
            primary=record.primary,
            is_alone=record.is_alone,
            address=self.address(),
        )

    def address(self) -> ClusterAddress:
        """Say where everything listens, running or not."""
        return address_of(self._record(), ensure_machines(self.home))

    @property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """The nodes of RabbitMQ, each to be stopped, killed and started on its own."""
        machines = ensure_machines(self.home)
        membership = Membership(
            node_names=tuple(each.node_name for each in machines), cookie=self._record().cookie
        )
        return tuple(
            ClusterNode(place_broker(Path(each.home)), each, membership=membership) for each in machines
        )

    @property
    def databases(self) -> tuple[Replica, ...]:
        """The servers of PostgreSQL, each to be stopped, killed and started on its own."""
        machines = ensure_machines(self.home)[:DATABASES]
        record = self._record()
        return tuple(_replica(record, machines, index) for index in range(DATABASES))

    @property
    def primary(self) -> Replica:
        """The one that is written to."""
        return self.databases[self._record().primary]

    @property
    def standby(self) -> Replica:
        """The one that follows, or will."""
        return self.databases[1 - self._record().primary]

    def promote(self) -> None:
        """Make the standby the primary, for good: the former one is ended first, so that it is fenced.

        The new one commits alone until the former one has joined again: somebody had to say so.
        """
        former, standby = self.primary, self.standby
        self._progress(f"ending {former.name}, promoting {standby.name}")
        former.kill()
        write_cluster(self.home, self._record().without_standby(1 - self._record().primary))
        self.primary.reload()
        self.primary.promote()
        self.primary.admit_standby()

    def rejoin(self) -> None:
        """Let the former primary follow the new one, and every commit wait for it again."""
        self._follow(self.standby)
        self._wait_for_standby()

    def _record(self) -> ClusterRecord:
        if (record := read_cluster(self.home)) is None:
            raise StackError(f"there is no cluster in {self.home} yet: `make cluster-demo` makes one")
        return record

    def _remember(self) -> None:
        """Make the records where there are none, and ports that are free where there are."""
        if (record := read_cluster(self.home)) is None:
            write_cluster(self.home, new_cluster(self.home, tls=self._tls))
        elif self._tls and not record.tls:
            raise StackError(f"{self.home} was made without TLS and keeps to it: use another home (--home)")
        self._settle_ports()

    def _launch(self, node: ClusterNode) -> None:
        if node.pid is None:
            self._progress(f"starting RabbitMQ {node.record.node_name}")
            if not node.folder.is_relative_to(self.home):
                make_private_folder(node.folder, None)
            node.launch()

    def _start_databases(self) -> None:
        if self.primary.pid is None:
            self._progress(f"starting PostgreSQL {self.primary.name}, the primary")
        self.primary.start()
        if self.standby.pid is None:
            self._progress(f"starting PostgreSQL {self.standby.name}, the standby")
            if self._record().is_alone:  # else every write would wait for what is only about to start
                self.primary.admit_standby()
            self._follow(self.standby)
        self._wait_for_standby()

    def _follow(self, standby: Replica) -> None:
        """Start *standby* behind the primary, whatever it was before."""
        if not standby.is_made:
            self._progress(f"copying {self.primary.name} to {standby.name}")
            standby.copy_partner()
        elif not standby.is_standby:
            self._rewind(standby)
        standby.start()
        standby.forget_slots()

    def _rewind(self, former: Replica) -> None:
        self._progress(f"rewinding {former.name}, the former primary")
        try:
            former.rewind()
        except StackError as error:
            self._progress(f"{former.name} cannot be rewound ({error}): copying it anew")
            former.copy_partner()

    def _wait_for_standby(self) -> None:
        """Let every commit wait for the standby from now on: it has caught up."""
        if self._record().is_alone:
            self.primary.await_streaming_standby()
            write_cluster(self.home, replace(self._record(), is_alone=False))
            self.primary.reload()
        self.primary.await_synchronous_standby()

    def _stop(self) -> None:
        self._progress("stopping RabbitMQ and PostgreSQL")
        for server in (self.primary, self.standby):
            server.stop()
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.stop_port_mapper()

    def _settle_ports(self) -> None:
        """Exchange remembered ports that somebody else has taken while the cluster was down."""
        status = self.status()
        if any(pid is not None for pid in (*status.node_pids, *status.database_pids)):
            return
        machines = ensure_machines(self.home)
        ports = sorted({port for each in machines for port in _ports(each)})
        lost = taken(ports)
        exchanged = dict(zip(lost, free_ports(len(lost)), strict=True))
        for index, machine in enumerate(machines):
            values = {
                name: exchanged.get(value, value) if name.endswith("_port") else value
                for name, value in asdict(machine).items()
            }
            write_record(machine_home(self.home, index), StackRecord(**values))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the home against a second `up` or `down` at the same time."""
        self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _replica(record: ClusterRecord, machines: Sequence[StackRecord], index: int) -> Replica:
    machine, other = machines[index], 1 - index
    return Replica(
        Path(machine.database_folder or Path(machine.home) / "database"),
        machine,
        name=_name(index),
        partner=Partner(name=_name(other), port=machines[other].postgres_port),
        replication_password=record.replication_password,
        is_alone=record.is_alone,
    )


def _name(index: int) -> str:
    return f"truc_{index + 1}"


def _ports(machine: StackRecord) -> tuple[int, ...]:
    return (
        machine.postgres_port,
        machine.amqp_port,
        machine.management_port,
        machine.prometheus_port,
        machine.distribution_port,
        machine.epmd_port,
    )
