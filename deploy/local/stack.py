"""The whole local stack of one home folder: RabbitMQ and PostgreSQL together."""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from deploy.local import packages
from deploy.local.address import StackAddress, StackError, StackRecord, new_record, read_record, write_record
from deploy.local.broker import Broker, place_broker
from deploy.local.database import Database, make_private_folder, outside_folder, place_database
from deploy.local.ports import free_ports, taken
from deploy.local.programs import Release, chosen_release
from deploy.local.tls import authority_of

CHECKOUT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """What runs, and where: no pid for what does not run, no address where nothing was ever made."""

    home: Path
    broker_pid: int | None
    database_pid: int | None
    address: StackAddress | None

    @property
    def is_running(self) -> bool:
        """Whether both run."""
        return self.broker_pid is not None and self.database_pid is not None


def default_home() -> Path:
    """Give the home that `TRUC_HOME` names, otherwise `.truc` in the checkout."""
    return Path(os.environ.get("TRUC_HOME") or CHECKOUT / ".truc")


def say(text: str) -> None:
    """Tell the person in front of the terminal what takes so long."""
    sys.stderr.write(f"local stack: {text}\n")
    sys.stderr.flush()


class LocalStack:
    """A private RabbitMQ and PostgreSQL that keep everything in *home*; making the object does nothing."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        release: Release | None = None,
        tls: bool = False,
        progress: Callable[[str], None] = say,
    ) -> None:
        """Prepare; a new home's broker is *release*, else what `TRUC_BROKER` says, else the machine's.

        With *tls*, a new home's servers listen with TLS only; a home keeps to what it was made with.
        """
        self.home = (home or default_home()).absolute()
        self._release = release
        self._tls = tls
        self._progress = progress

    def up(self) -> StackAddress:
        """Start what does not run and return once both answer; quick when they do already."""
        record = read_record(self.home)
        release = self._settle_release(record)
        self._keep_to_tls(record)
        if record is not None and self._answers(record):
            return record.address()
        packages.ensure_installed(self._progress, release)
        with self._alone():
            record = self._settle_ports(read_record(self.home) or self._first_record())
            self._start(record)
        return record.address()

    def down(self) -> None:
        """Stop both, with everything they have started; data, ports and passwords stay for the next `up`."""
        if read_record(self.home) is None:
            return
        with self._alone():
            self._stop()

    def purge(self) -> None:
        """End both and delete the home, also the part of it that lies elsewhere, and the stacks below it.

        They are killed: nothing that they would write before they stop is kept.
        """
        if not self.home.exists():
            return
        for below in (
            *self.home.glob("*/stack.toml"),
            *self.home.glob("*/*/stack.toml"),
        ):  # those of the tests
            LocalStack(below.parent, progress=self._progress).purge()
        if read_record(self.home) is not None:
            with self._alone():
                self.broker.kill()
                self.database.kill()
                self._stop()
                self.database.remove()
        for folder in (outside_folder(self.home), place_broker(self.home)):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.home)

    def status(self) -> StackStatus:
        """Look, without changing anything."""
        record = read_record(self.home)
        if record is None:
            return StackStatus(home=self.home, broker_pid=None, database_pid=None, address=None)
        return StackStatus(
            home=self.home,
            broker_pid=self._broker(record).pid,
            database_pid=self._database(record).pid,
            address=record.address(),
        )

    def address(self) -> StackAddress:
        """Say where the stack is, running or not."""
        return self._record().address()

    @property
    def broker(self) -> Broker:
        """The RabbitMQ node, to be stopped, killed and started on its own."""
        return self._broker(self._record())

    @property
    def database(self) -> Database:
        """The PostgreSQL cluster, to be stopped, killed and started on its own."""
        return self._database(self._record())

    def _record(self) -> StackRecord:
        if (record := read_record(self.home)) is None:
            raise StackError(f"there is no local stack in {self.home} yet: `make up` makes it")
        return record

    def _broker(self, record: StackRecord) -> Broker:
        return Broker(place_broker(self.home), record)

    def _database(self, record: StackRecord) -> Database:
        return Database(Path(record.database_folder or self.home / "database"), record)

    def _answers(self, record: StackRecord) -> bool:
        broker, database = self._broker(record), self._database(record)
        return bool(broker.pid and database.pid and database.answers() and broker.answers())

    def _first_record(self) -> StackRecord:
        record = new_record(self.home)
        place = place_database(self.home)
        outside = "" if place.is_relative_to(self.home) else str(place)
        if outside:
            self._progress(f"PostgreSQL's user cannot reach {self.home}, so its data go to {outside}")
        if not (broker := place_broker(self.home)).is_relative_to(self.home):
            self._progress(f"RabbitMQ cannot read the name {self.home}, so its data go to {broker}")
        if self._tls:
            authority_of(self.home).ensure()
        authority = str(authority_of(self.home).certificate_file) if self._tls else ""
        return replace(
            record,
            database_folder=outside,
            broker_release=self._settle_release(None),
            broker_tls=self._tls,
            broker_ca=authority,
            postgres_ca=authority,
        )

    def _keep_to_tls(self, record: StackRecord | None) -> None:
        if self._tls and record is not None and not record.broker_tls:
            raise StackError(
                f"{self.home} was made without TLS and keeps to it: use another home (--home or TRUC_HOME)"
            )

    def _settle_release(self, record: StackRecord | None) -> Release:
        """Keep to the release that the home was made with: the data of one are nothing to the other."""
        wanted = self._release or chosen_release()
        if record is None:
            return wanted or Release.MACHINE
        kept = Release(record.broker_release)
        if wanted not in {None, kept}:
            raise StackError(
                f"{self.home} was made with broker {kept!s} and keeps to it, {wanted!s} was asked for: "
                "use another home (--home or TRUC_HOME)"
            )
        return kept

    def _settle_ports(self, record: StackRecord) -> StackRecord:
        """Exchange remembered ports that somebody else has taken while the stack was down."""
        for half in (self._broker(record), self._database(record)):
            lost = taken(half.ports) if half.pid is None and not half.answers() else ()
            for port, other in zip(lost, free_ports(len(lost)), strict=True):
                self._progress(f"port {port} is taken by somebody else, using {other} from now on")
                record = exchange_port(record, port, other)
        write_record(self.home, record)
        return record

    def _start(self, record: StackRecord) -> None:
        """Start both at the same time: PostgreSQL creates its cluster while RabbitMQ boots."""
        broker, database = self._broker(record), self._database(record)
        if broker.pid is None:
            self._progress("starting RabbitMQ (up to ten seconds)")
            if not broker.folder.is_relative_to(self.home):
                make_private_folder(broker.folder, None)
            broker.launch()
        if database.pid is None:
            self._progress("starting PostgreSQL")
        database.start()
        broker.await_answer()

    def _stop(self) -> None:
        if self.broker.pid is not None:
            self._progress("stopping RabbitMQ (up to ten seconds)")
        self.broker.stop()
        self.database.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the home against a second `up` or `down` at the same time."""
        self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def exchange_port(record: StackRecord, port: int, other: int) -> StackRecord:
    """Put *other* where *record* has *port*."""
    values = asdict(record)
    return StackRecord(**(values | {name: other for name, value in values.items() if value == port}))
