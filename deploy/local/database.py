"""A private PostgreSQL cluster: own data, own port on the loopback address, never run by root."""

import os
import pwd
import shutil
import signal
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local import process
from deploy.local.address import LOOPBACK, StackAddress, StackError, StackRecord, tag, write_private
from deploy.local.archive import archiving, quoted
from deploy.local.tls import BrokerAuthority, trusting

START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 60.0
REPLACED: Final = "data-replaced-"
"""How the data directory before a restore is called; nothing of ours ever deletes it."""
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)
_ADMITTED: Final = f"""\
local   all         all  scram-sha-256
hostssl all         all  {LOOPBACK}/32  scram-sha-256
hostssl replication all  {LOOPBACK}/32  scram-sha-256
"""
LONGEST_SOCKET_FOLDER: Final = 80  # Linux: 107 bytes for the whole path, `/.s.PGSQL.65535.lock` included


@dataclass(frozen=True, slots=True)
class Database:
    """The cluster of one stack; `start` returns once it lets clients in."""

    folder: Path
    record: StackRecord

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Where to look when the cluster does not start."""
        return self.folder / "log"

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it runs."""
        postmaster = self._postmaster()
        return postmaster.pid if postmaster else None

    @property
    def ports(self) -> tuple[int, ...]:
        """The port that a start of the cluster must find free."""
        return (self.record.postgres_port,)

    def start(self) -> None:
        """Start the cluster, if it does not run, and wait until it answers; the first start creates it."""
        if self.pid is None:
            self._create()
            self._clear_leftovers()
            self._launch()
        process.await_answer(
            self.answers,
            pid=self.pid or self._launched_pid(),
            what="PostgreSQL",
            log=self.log,
            seconds=START_SECONDS,
        )

    def reload(self) -> None:
        """Let the running cluster read its settings anew."""
        self._write_settings()
        if (postmaster := self._postmaster()) is not None:
            postmaster.send_signal(signal.SIGHUP)

    def answers(self) -> bool:
        """Tell whether the cluster lets a client in as far as the password."""
        record = self.record
        return asks_for_password(record.postgres_port, record.postgres_superuser, tls=tls_of(record))

    def stop(self) -> None:
        """End sessions, write everything, stop (a fast shutdown); what does not obey is killed."""
        if (postmaster := self._postmaster()) is None:
            return
        members = process.family(postmaster)
        with suppress(psutil.Error):
            postmaster.send_signal(signal.SIGINT)
        if not process.await_end(members, seconds=STOP_SECONDS):
            process.kill([*members, *self._at_work()])

    def kill(self) -> None:
        """End the postmaster and its children at once (SIGKILL), as a power cut would; port and data stay."""
        if (postmaster := self._postmaster()) is not None:
            process.kill(process.family(postmaster))
            process.kill(self._at_work())

    def remove(self) -> None:
        """Delete the cluster and everything in it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _postmaster(self) -> psutil.Process | None:
        return process.running(self.data / "postmaster.pid", mark=str(self.data))

    def _at_work(self) -> list[psutil.Process]:
        """Find every PostgreSQL process of this cluster: they all work inside the data directory."""
        found = []
        for candidate in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if Path(candidate.cwd()) == self.data and candidate.name().startswith("postgres"):
                    found.append(candidate)
        return found

    def _create(self) -> None:
        """Create the cluster unless there is one; a creation cut short leaves nothing that looks like one."""
        if self.data.exists():
            return
        if replaced := sorted(self.folder.glob(f"{REPLACED}*")):
            raise StackError(
                f"a restore was cut short while it exchanged the data: give {replaced[-1]} its old name "
                f"{self.data.name!r} back, or begin the restore again"
            )
        user = unprivileged_user()
        make_private_folder(self.folder, user)
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with self._password_file(user) as password_file:
            run_as(
                user,
                *(binary("initdb"), "--pgdata", unfinished, "--username", self.record.postgres_superuser),
                *("--auth", "scram-sha-256", "--pwfile", password_file, "--data-checksums"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"),
            )
        unfinished.rename(self.data)

    @contextmanager
    def _password_file(self, user: str | None) -> Iterator[Path]:
        path = self.folder / "password"
        write_private(path, self.record.postgres_password)
        give_to(path, user)
        try:
            yield path
        finally:
            path.unlink()

    def _clear_leftovers(self) -> None:
        """Remove a pid file that now names a stranger, which PostgreSQL would not dare to do itself.

        After a kill, children of the dead postmaster may still be at work: a second one would ruin the data.
        """
        process.kill(self._at_work())
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        # A killed postmaster that nobody has taken leave of yet is a zombie, for which its pid still answers.
        (self.folder / f".s.PGSQL.{self.record.postgres_port}.lock").unlink(missing_ok=True)

    def _launch(self) -> None:
        self._write_settings()
        if self.record.postgres_ca:
            self._write_tls_files()
        pid = process.launch(
            [binary("postgres"), "-D", self.data],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            folder=self.folder,
            log=self.log,
            user=unprivileged_user(),
        )
        (self.folder / "launched.pid").write_text(str(pid), "ascii")

    def _write_settings(self) -> None:
        settings = self.data / "postgresql.conf"
        write_private(settings, configuration(self.record, self.folder))
        give_to(settings, unprivileged_user())

    def _write_tls_files(self) -> None:
        """Give the cluster a new certificate, the authority, and a list of who gets in: over TLS, or not."""
        authority = BrokerAuthority(Path(self.record.postgres_ca).parent)
        authority.ensure()
        authority.issue_server(self.folder / "server.pem")
        write_private(self.folder / "ca.pem", authority.certificate_file.read_text("ascii"))
        write_private(self.folder / "pg_hba.conf", _ADMITTED)
        for name in ("server.pem", "ca.pem", "pg_hba.conf"):
            give_to(self.folder / name, unprivileged_user())

    def _launched_pid(self) -> int:
        launched = process.running(self.folder / "launched.pid", mark=str(self.data))
        return launched.pid if launched else -1


def place_database(home: Path) -> Path:
    """Choose where the cluster of the stack in *home* lives: inside it, if its user can get there."""
    user = unprivileged_user()
    if user is None or can_enter(user, home):
        return home / "database"
    return outside_folder(home)


def outside_folder(home: Path) -> Path:
    """Name the place of a cluster whose user cannot reach *home* (a checkout in /root)."""
    return Path("/var/tmp") / f"truc-{tag(home)}-database"  # noqa: S108  # make_private_folder checks it


def unprivileged_user() -> str | None:
    """Name the user that runs PostgreSQL when we are root; nobody else is needed when we are not."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def can_enter(user: str, folder: Path) -> bool:
    """Ask the system itself whether *user* reaches *folder*: modes, groups and lists all count."""
    outcome = subprocess.run(
        ["test", "-x", str(folder)],
        check=False,
        cwd="/",
        user=user,
        group=process.group_of(user),
        extra_groups=(),
    )
    return outcome.returncode == 0


def make_private_folder(folder: Path, user: str | None) -> None:
    """Make *folder* for *user* alone; refuse one that somebody else has put there."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        give_to(folder, user)
    owner = folder.stat(follow_symlinks=False)
    expected = os.geteuid() if user is None else pwd.getpwnam(user).pw_uid
    if not folder.is_dir() or folder.is_symlink() or owner.st_uid != expected or owner.st_mode & 0o077:
        raise StackError(f"{folder} exists and is not a private folder of {user or 'ours'}: remove it")


def give_to(path: Path, user: str | None) -> None:
    """Make *user* the owner of *path*; nothing to do when we run as that user."""
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def run_as(user: str | None, *command: str | Path) -> None:
    """Run *command* as *user* to its end."""
    outcome = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        user=user,
        group=user and process.group_of(user),
        extra_groups=user and (),
    )
    if outcome.returncode:
        raise StackError(f"{command[0]} failed: {outcome.stderr.strip()}")


def binary(name: str) -> Path:
    """Find a PostgreSQL server program: Debian keeps the newest below /usr/lib, others on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=version, reverse=True)
    found = versions[0] if versions else shutil.which(name)
    if found is None:
        raise StackError(f"PostgreSQL's server programs are not installed: no {name}")
    return Path(found).resolve()


def version(program: Path) -> float:
    """Read the version out of `/usr/lib/postgresql/15/bin/initdb`."""
    return float(program.parts[-3])


def configuration(record: StackRecord, folder: Path) -> str:
    """Write `postgresql.conf`: durable as in production, sized for a small machine that it shares."""
    sockets = folder if len(bytes(folder)) < LONGEST_SOCKET_FOLDER else ""
    settings = {
        "listen_addresses": LOOPBACK,
        "port": record.postgres_port,
        "unix_socket_directories": sockets,
        "max_connections": 200,
        "shared_buffers": "256MB",
        "effective_cache_size": "2GB",
        "work_mem": "8MB",
        "maintenance_work_mem": "128MB",
        "fsync": "on",
        "synchronous_commit": "on",
        "wal_compression": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "10min",
        "random_page_cost": 1.1,
        "jit": "off",
        "track_io_timing": "on",
        "shared_preload_libraries": "pg_stat_statements" if has_statement_statistics() else "",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C.UTF-8",
        "log_line_prefix": "%m [%p] %q%a ",
        "log_min_messages": "warning",
    } | archiving(folder)
    settings |= tls_settings(folder) if record.postgres_ca else {}
    return "".join(f"{name} = {quoted(value)}\n" for name, value in settings.items())


def tls_settings(folder: Path) -> dict[str, object]:
    """Let the cluster speak TLS, and let nobody in without it."""
    return {
        "ssl": "on",
        "ssl_cert_file": folder / "server.pem",
        "ssl_key_file": folder / "server.pem",
        "ssl_min_protocol_version": "TLSv1.2",
        "hba_file": folder / "pg_hba.conf",
    }


def tls_of(address: StackAddress) -> ssl.SSLContext | None:
    """Return how connections to the database at *address* are protected; nothing where they need not be."""
    return trusting(address.postgres_ca, "postgres_ca") if address.postgres_ca else None


def has_statement_statistics() -> bool:
    """Tell whether this installation can count its statements."""
    library = binary("postgres").parents[1] / "lib" / "pg_stat_statements.so"
    return library.exists()


def asks_for_password(port: int, user: str, *, tls: ssl.SSLContext | None = None) -> bool:
    """Tell whether the server answers a client's first message with a question, not with `starting up`."""
    parameters = f"user\0{user}\0database\0postgres\0\0".encode()
    greeting = struct.pack("!ii", len(parameters) + 8, 196_608) + parameters
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            if tls is None:
                return _asks(connection, greeting)
            connection.sendall(_SSL_REQUEST)
            if connection.recv(1) != b"S":
                return False
            with tls.wrap_socket(connection, server_hostname=LOOPBACK) as protected:
                return _asks(protected, greeting)
    except OSError:
        return False


def _asks(connection: socket.socket, greeting: bytes) -> bool:
    connection.sendall(greeting)
    return connection.recv(1) == b"R"
