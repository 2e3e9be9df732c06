"""`python -m deploy.cluster up|status|promote|rejoin|down|purge`: the cluster, without the axis on it."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.cluster.stack import ClusterStack, ClusterStatus
from deploy.local.address import StackError

NOT_RUNNING: Final = 3  # what `systemctl status` answers, too


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the one thing asked for and answer with an exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    parser.add_argument("act", choices=("up", "status", "promote", "rejoin", "down", "purge"))
    parser.add_argument("--home", type=Path, help="where it lives (default: `cluster` in TRUC_HOME or .truc)")
    parser.add_argument("--tls", action="store_true", help="a new cluster speaks TLS, and nothing else")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return act(options.act, ClusterStack(options.home, tls=options.tls))
    except StackError as error:
        sys.stderr.write(f"cluster: {error}\n")
        return 1


def act(name: str, stack: ClusterStack) -> int:
    """Do it, then show the state it led to."""
    acts: dict[str, Callable[[], object]] = {
        "up": stack.up,
        "promote": stack.promote,
        "rejoin": stack.rejoin,
        "down": stack.down,
        "purge": stack.purge,
    }
    acts.get(name, stack.status)()
    status = stack.status()
    sys.stdout.write(to_text(status))
    return NOT_RUNNING if name == "status" and not status.is_running else 0


def to_text(status: ClusterStatus) -> str:
    """Give the state to a person, without the passwords."""
    if (address := status.address) is None:
        return f"there is no cluster in {status.home}\n"
    lines = [("home", str(status.home))]
    if address.broker_tls:
        lines.append(("TLS", f"by the authority in {address.broker_ca}"))
    for port, pid in zip(address.amqp_ports, status.node_pids, strict=True):
        lines.append(("RabbitMQ", f"{address.amqp_host}:{port}  {_state(pid)}"))
    for index, (port, pid) in enumerate(zip(address.postgres_ports, status.database_pids, strict=True)):
        role = "standby" if index != status.primary else "primary, alone" if status.is_alone else "primary"
        lines.append(("PostgreSQL", f"{address.postgres_host}:{port}  {_state(pid)}  {role}"))
    return "".join(f"{name:<12}{value}\n" for name, value in lines)


def _state(pid: int | None) -> str:
    return "stopped" if pid is None else f"running, pid {pid}"


if __name__ == "__main__":
    sys.exit(main())
