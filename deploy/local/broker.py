"""A private RabbitMQ node: own name, own epmd, own ports on the loopback address; no service."""

import base64
import hashlib
import http.client
import json
import secrets
import socket
import ssl
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local import process
from deploy.local.address import LOOPBACK, StackAddress, StackError, StackRecord, tag, write_private
from deploy.local.programs import BrokerPrograms, Release, broker_programs, keep_to_version
from deploy.local.tls import BrokerAuthority, trusting

PRODUCT_VHOST: Final = "axis"
BOOT_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0
CONTROL_SECONDS: Final = 60.0
PLUGINS: Final = ("rabbitmq_management", "rabbitmq_prometheus")
TLS_PLUGINS: Final = ("rabbitmq_auth_mechanism_ssl",)
"""Lets a client certificate say who a client is."""


@dataclass(frozen=True, slots=True)
class Broker:
    """The node of one stack; `start` returns once it serves AMQP and the management API."""

    folder: Path
    record: StackRecord

    @property
    def pid(self) -> int | None:
        """The node's pid while it runs."""
        node = self._node()
        return node.pid if node else None

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that a start of the node must find free."""
        record = self.record
        ports = (
            record.amqp_port,
            record.management_port,
            record.prometheus_port,
            record.distribution_port,
        )
        return ports if self._epmd() else (*ports, record.epmd_port)

    @property
    def log(self) -> Path:
        """Where to look when the node does not start."""
        return self.folder / "log" / "node.log"

    def start(self) -> None:
        """Start the node, if it does not run, and wait until it answers."""
        self.launch()
        self.await_answer()

    def launch(self) -> None:
        """Start the node, if it does not run, without waiting for it."""
        if self.pid is not None:
            return
        self._kill_shell()
        self._write_files()
        server = self._programs.server
        keep_to_version(self.folder, server)
        self._launch_epmd()
        shell = process.launch(
            [server], environment=self._environment(), folder=self.folder, log=self._console
        )
        self._shell_pid_file.write_text(str(shell), "ascii")

    def await_answer(self) -> None:
        """Wait until the node speaks AMQP and knows the product's virtual host."""
        shell = process.running(self._shell_pid_file, mark=self._mark)
        process.await_answer(
            self.answers,
            pid=self.pid or (shell.pid if shell else -1),
            what=f"RabbitMQ ({self.record.node_name})",
            log=self._console,
            seconds=BOOT_SECONDS,
        )

    def answers(self) -> bool:
        """Tell whether the node speaks AMQP and the product's virtual host is up."""
        record = self.record
        return speaks_amqp(record.amqp_port, tls=tls_of(record)) and self._serves_vhost()

    def stop(self) -> None:
        """Let the node finish and write what it holds, then end it and its epmd."""
        if (node := self._node()) is not None:
            members = process.family(node)
            with suppress(psutil.Error):
                node.terminate()
            if not process.await_end(members, seconds=STOP_SECONDS):
                process.kill(members)
        self._kill_shell()
        self._kill_epmd()
        self._node_pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the node at once (SIGKILL), as a power cut would; ports and data stay."""
        if (node := self._node()) is not None:
            process.kill(process.family(node))
        self._kill_shell()
        self._node_pid_file.unlink(missing_ok=True)

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against the node and return what it says: for what is changed while it runs."""
        outcome = subprocess.run(
            [self._programs.control, *arguments],
            check=False,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CONTROL_SECONDS,
        )
        if outcome.returncode:
            raise StackError(f"rabbitmqctl {arguments[0]} failed:\n{outcome.stdout.strip()}")
        return outcome.stdout

    @property
    def _programs(self) -> BrokerPrograms:
        return broker_programs(Release(self.record.broker_release))

    def _node(self) -> psutil.Process | None:
        """Find the node, also one that is still booting: it writes its pid file late."""
        if (node := process.running(self._node_pid_file, mark=self._mark)) is not None:
            return node
        shell = process.running(self._shell_pid_file, mark=self._mark)
        below = process.family(shell)[1:] if shell else []
        return next((member for member in below if process.is_named(member, "beam.smp")), None)

    @property
    def _mark(self) -> str:
        """What the node, the script above it and its port mapper have in their environment, and no others."""
        return f"HOME={self.folder}/home"

    @property
    def _node_pid_file(self) -> Path:
        return self.folder / "node.pid"

    @property
    def _shell_pid_file(self) -> Path:
        return self.folder / "shell.pid"

    @property
    def _console(self) -> Path:
        return self.folder / "log" / "console.log"

    def _launch_epmd(self) -> None:
        """Start the port mapper ourselves: one that the node starts would be left behind as a stranger."""
        if self._epmd():
            return
        port = str(self.record.epmd_port)
        pid = process.launch(
            [self._programs.epmd, "-port", port, "-address", LOOPBACK],
            environment=self._environment(),
            folder=self.folder,
            log=self._console,
        )
        process.holds(lambda: not process.pid_is_alive(pid) or listens(self.record.epmd_port), seconds=10)

    def _epmd(self) -> list[psutil.Process]:
        """Find the port mapper wherever it came from: a node whose mapper died starts another one itself."""
        mappers = (member for member in psutil.process_iter() if process.is_named(member, "epmd"))
        return [mapper for mapper in mappers if process.has_mark(mapper, self._mark)]

    def _kill_epmd(self) -> None:
        process.kill(self._epmd())

    def _kill_shell(self) -> None:
        """End the script that started the node, with whatever of a half-started node is below it."""
        shell = process.running(self._shell_pid_file, mark=self._mark)
        if shell is not None:
            process.await_end([shell], seconds=2)
            process.kill(process.family(shell))
        self._shell_pid_file.unlink(missing_ok=True)

    def _serves_vhost(self) -> bool:
        record = self.record
        credentials = f"{record.broker_admin}:{record.broker_admin_password}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(credentials).decode("ascii")}
        connection = management_connection(record, LOOPBACK, timeout=5)
        try:
            connection.request("GET", f"/api/vhosts/{PRODUCT_VHOST}", headers=headers)
            response = connection.getresponse()
            return response.status == http.HTTPStatus.OK and b'"running"' in response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _write_files(self) -> None:
        for folder in (self.folder, self.folder / "log", self.folder / "home"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(20))
            cookie.chmod(0o400)
        write_private(self.folder / "definitions.json", json.dumps(definitions(self.record), indent=1))
        plugins = (*PLUGINS, *(TLS_PLUGINS if self.record.broker_tls else ()))
        write_private(self.folder / "enabled_plugins", f"[{','.join(plugins)}].\n")
        if self.record.broker_tls:
            self._write_tls_files()
        write_private(self.folder / "rabbitmq.conf", configuration(self.record, self.folder))
        write_private(self.folder / "advanced.config", "[].\n")
        write_private(self.folder / "environment", "")
        self._node_pid_file.unlink(missing_ok=True)

    def _write_tls_files(self) -> None:
        """Give the node a new certificate: one that starts is never far from the end of its own."""
        authority = BrokerAuthority(Path(self.record.broker_ca).parent)
        authority.ensure()
        authority.issue_server(self.folder / "server.pem")
        write_private(self.folder / "ca.pem", authority.certificate_file.read_text("ascii"))

    def _environment(self) -> dict[str, str]:
        record, folder = self.record, str(self.folder)
        # These two make a listener without TLS, whatever the configuration says.
        plain = {"RABBITMQ_NODE_IP_ADDRESS": LOOPBACK, "RABBITMQ_NODE_PORT": str(record.amqp_port)}
        return ({} if record.broker_tls else plain) | {
            "PATH": self._programs.path,
            "LANG": "C.UTF-8",
            "HOME": f"{folder}/home",
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(record.epmd_port),
            "RABBITMQ_NODENAME": record.node_name,
            "RABBITMQ_DIST_PORT": str(record.distribution_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": str(self.log),
            "RABBITMQ_PID_FILE": str(self._node_pid_file),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/environment",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/generated",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{folder}/feature_flags",
            # Without the first part the distribution port is open to the network; the second keeps idle
            # schedulers from burning a small machine's cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
                # A renewed certificate is shown within seconds, not minutes.
                " -ssl ssl_pem_cache_clean 2000"
            ),
        }


def place_broker(home: Path) -> Path:
    """Choose where the node of the stack in *home* lives: RabbitMQ reads no path beyond ASCII (Tài liệu)."""
    if str(home).isascii():
        return home / "broker"
    return Path("/var/tmp") / f"truc-{tag(home)}-broker"  # noqa: S108  # the stack makes it private


def configuration(record: StackRecord, folder: Path) -> str:
    """Write `rabbitmq.conf` for a small machine that it shares with the hub and the database."""
    settings = (tls_listeners(record, folder) if record.broker_tls else plain_listeners(record)) | {
        "prometheus.tcp.ip": LOOPBACK,
        "prometheus.tcp.port": record.prometheus_port,
        # Users and virtual hosts come with the boot: no command line tool to wait for, and no guest user.
        "load_definitions": folder / "definitions.json",
        "max_message_size": 16_777_216,
        "heartbeat": 15,
        "raft.wal_max_size_bytes": 67_108_864,
        "collect_statistics_interval": 5000,
        "vm_memory_high_watermark.relative": 0.4,
        "disk_free_limit.absolute": "50MB",
        "log.console": "false",
        "log.file.level": "warning",
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def plain_listeners(record: StackRecord) -> dict[str, object]:
    """Let the broker listen on the loopback address."""
    return {
        "listeners.tcp.1": f"{LOOPBACK}:{record.amqp_port}",
        "management.tcp.ip": LOOPBACK,
        "management.tcp.port": record.management_port,
    }


def tls_listeners(record: StackRecord, folder: Path) -> dict[str, object]:
    """Let the broker listen on the loopback address with TLS only, and know clients by certificate, too."""
    files = {"cacertfile": "ca.pem", "certfile": "server.pem", "keyfile": "server.pem"}
    return {
        "listeners.tcp": "none",
        "listeners.ssl.1": f"{LOOPBACK}:{record.amqp_port}",
        **{f"ssl_options.{name}": folder / file for name, file in files.items()},
        "ssl_options.versions.1": "tlsv1.3",
        "ssl_options.versions.2": "tlsv1.2",
        # Whoever shows a certificate must have one of ours; whoever shows none needs a password.
        "ssl_options.verify": "verify_peer",
        "ssl_options.fail_if_no_peer_cert": "false",
        "ssl_cert_login_from": "common_name",
        "auth_mechanisms.1": "PLAIN",
        "auth_mechanisms.2": "EXTERNAL",
        "management.ssl.ip": LOOPBACK,
        "management.ssl.port": record.management_port,
        **{f"management.ssl.{name}": folder / file for name, file in files.items()},
        "management.ssl.versions.1": "tlsv1.3",
        "management.ssl.versions.2": "tlsv1.2",
    }


def definitions(record: StackRecord) -> dict[str, object]:
    """Describe the one administrator and the product's virtual host."""
    administrator = {
        "name": record.broker_admin,
        "password_hash": password_hash(record.broker_admin_password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator",
        "limits": {},
    }
    everything = {"user": record.broker_admin, "configure": ".*", "write": ".*", "read": ".*"}
    vhosts = ("/", PRODUCT_VHOST)
    return {
        "users": [administrator],
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [everything | {"vhost": name} for name in vhosts],
    }


def password_hash(password: str) -> str:
    """Hash *password* as RabbitMQ stores it: four bytes of salt before SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode("ascii")


def tls_of(address: StackAddress) -> ssl.SSLContext | None:
    """Return how connections to the broker at *address* are protected; nothing where they are not."""
    return trusting(address.broker_ca, "broker_ca") if address.broker_tls else None


def management_connection(address: StackAddress, host: str, *, timeout: float) -> http.client.HTTPConnection:
    """Prepare to ask the management interface on *host*; nothing is opened yet."""
    tls = tls_of(address)
    if tls is None:
        return http.client.HTTPConnection(host, address.management_port, timeout=timeout)
    return http.client.HTTPSConnection(host, address.management_port, timeout=timeout, context=tls)


def speaks_amqp(port: int, host: str = LOOPBACK, *, tls: ssl.SSLContext | None = None) -> bool:
    """Tell whether a broker answers the AMQP greeting; an open port alone is too early."""
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            if tls is None:
                return _greets(connection)
            with tls.wrap_socket(connection, server_hostname=host) as protected:
                return _greets(protected)
    except OSError:
        return False


def _greets(connection: socket.socket) -> bool:
    connection.sendall(b"AMQP\x00\x00\x09\x01")
    return connection.recv(1) == b"\x01"


def listens(port: int) -> bool:
    """Tell whether anybody accepts connections on *port*."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False
