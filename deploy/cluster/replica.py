"""A PostgreSQL server that is the primary or follows it, and may change from one to the other."""

import shutil
from dataclasses import dataclass, field
from typing import Final

from deploy.local import process
from deploy.local.address import LOOPBACK, StackError, write_private
from deploy.local.administrator import ask, let_role
from deploy.local.archive import quoted
from deploy.local.database import Database, binary, give_to, make_private_folder, run_as, unprivileged_user

REPLICATION: Final = "truc_replication"
FOLLOW_SECONDS: Final = 120.0
PROMOTE_SECONDS: Final = 60
STANDBY_SIGNAL: Final = "standby.signal"
PASSWORDS: Final = "replication.pgpass"
LONGEST_LAG: Final = "4GB"
"""A standby that is further behind is given up, before its slot fills the primary's disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """The other server."""

    name: str
    port: int


@dataclass(frozen=True)
class Replica(Database):
    """One server of a pair."""

    name: str
    partner: Partner
    replication_password: str = field(repr=False)
    is_alone: bool
    """As a primary it waits for nobody: an operator has said so."""

    @property
    def is_standby(self) -> bool:
        """Whether it follows when it is started."""
        return (self.data / STANDBY_SIGNAL).exists()

    @property
    def is_made(self) -> bool:
        """Whether it has data at all."""
        return self.data.exists()

    def admit_standby(self) -> None:
        """As the primary: let the other one log in to replicate, and keep the WAL that it has not seen."""
        let_role(self.record, REPLICATION, "login replication", self.replication_password)
        slot = self.partner.name
        query = "select count(*) as count from pg_replication_slots where slot_name = $1"
        if not ask(self.record, query, slot)["count"]:
            ask(self.record, "select pg_create_physical_replication_slot($1, true)", slot)

    def copy_partner(self) -> None:
        """Make the data anew as a copy of the primary's, ready to follow it."""
        user = unprivileged_user()
        make_private_folder(self.folder, user)
        self._let_tools_in()
        unfinished = self.folder / "unfinished"
        for folder in (unfinished, self.data):
            shutil.rmtree(folder, ignore_errors=True)
        run_as(
            user,
            *(binary("pg_basebackup"), "--dbname", self._conninfo(REPLICATION), "--pgdata", unfinished),
            *("--checkpoint", "fast", "--wal-method", "stream", "--slot", self.name, "--no-password"),
        )
        unfinished.rename(self.data)
        self._signal_standby()

    def rewind(self) -> None:
        """As a former primary: take back what the new one never had, and get ready to follow it.

        Raises `StackError` where too much has happened since; a new copy is the way then.
        """
        self._let_tools_in()
        self._clear_leftovers()
        run_as(
            unprivileged_user(),
            *(binary("pg_rewind"), "--target-pgdata", self.data),
            *("--source-server", self._conninfo(self.record.postgres_superuser) + " dbname=postgres"),
        )
        self._signal_standby()

    def promote(self) -> None:
        """As a standby: become the primary, on a timeline of its own; returns once it takes writes."""
        if not ask(self.record, "select pg_promote(true, $1) as done", PROMOTE_SECONDS)["done"]:
            raise StackError(f"{self.name} was not promoted within {PROMOTE_SECONDS} seconds: see {self.log}")
        ask(self.record, "checkpoint")  # writes the new timeline down: a rewind reads it there

    def forget_slots(self) -> None:
        """As a standby: give up the slots that it kept when it was the primary, which would hold WAL."""
        ask(self.record, "select count(pg_drop_replication_slot(slot_name)) from pg_replication_slots")

    def await_streaming_standby(self) -> None:
        """As the primary: return once the standby has caught up; raises `StackError` in the end."""
        self._await_standby("state = 'streaming'")

    def await_synchronous_standby(self) -> None:
        """As the primary: return once every commit waits for the standby; raises `StackError` in the end."""
        self._await_standby("state = 'streaming' and sync_state in ('sync', 'quorum')")

    def _await_standby(self, condition: str) -> None:
        query = f"select count(*) as count from pg_stat_replication where {condition}"  # noqa: S608 - ours

        def follows() -> bool:
            return bool(ask(self.record, query)["count"])

        if not process.holds(follows, seconds=FOLLOW_SECONDS):
            raise StackError(f"{self.partner.name} does not follow {self.name}: see {self.log}")

    def _write_settings(self) -> None:
        super()._write_settings()
        self._write_passwords()
        settings = self.data / "postgresql.auto.conf"
        write_private(settings, replication(self))
        give_to(settings, unprivileged_user())

    def _signal_standby(self) -> None:
        signal = self.data / STANDBY_SIGNAL
        write_private(signal, "")
        give_to(signal, unprivileged_user())

    def _let_tools_in(self) -> None:
        """Write what a tool needs at the partner: a password, and whom to trust."""
        self._write_passwords()
        if self.record.postgres_ca:
            self._write_tls_files()

    def _write_passwords(self) -> None:
        """Write the file from which the tools read passwords: on a command line everybody could."""
        superuser, password = self.record.postgres_superuser, self.record.postgres_password
        file = self.folder / PASSWORDS
        write_private(
            file, f"*:*:*:{REPLICATION}:{self.replication_password}\n*:*:*:{superuser}:{password}\n"
        )
        give_to(file, unprivileged_user())

    def _conninfo(self, user: str) -> str:
        return conninfo(self, user)


def conninfo(server: Replica, user: str) -> str:
    """Write how *server* reaches its partner, as libpq reads it: where there is TLS, verified."""
    words = {
        "host": LOOPBACK,
        "port": server.partner.port,
        "user": user,
        "passfile": quoted(server.folder / PASSWORDS),
        "application_name": server.name,
        "connect_timeout": 5,
    }
    if server.record.postgres_ca:
        words |= {"sslmode": "verify-full", "sslrootcert": quoted(server.folder / "ca.pem")}
    return " ".join(f"{name}={value}" for name, value in words.items())


def replication(server: Replica) -> str:
    """Write the settings that make a pair of two servers; production has the same."""
    primary = conninfo(server, REPLICATION)
    settings = {
        "cluster_name": server.name,
        "primary_conninfo": primary,
        "primary_slot_name": server.name,
        # A commit is answered when the other one has it on disk, too; alone only where an operator says so.
        "synchronous_standby_names": "" if server.is_alone else f"FIRST 1 ({server.partner.name})",
        "max_slot_wal_keep_size": LONGEST_LAG,
        "wal_receiver_status_interval": "1s",
        "wal_receiver_timeout": "10s",
        "wal_sender_timeout": "10s",
    }
    return "".join(f"{name} = {quoted(value)}\n" for name, value in settings.items())
