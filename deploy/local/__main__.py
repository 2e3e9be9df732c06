"""`python -m deploy.local up|down|status|purge`: the local stack without the rest of the axis."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from deploy.local.address import StackAddress, StackError
from deploy.local.stack import LocalStack, StackStatus

SECRETS: Final = frozenset({"postgres_password", "broker_admin_password"})
NOT_RUNNING: Final = 3  # what `systemctl status` answers, too


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the one thing asked for and answer with an exit code."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return act(options.act, LocalStack(options.home), as_json=options.json)
    except StackError as error:
        sys.stderr.write(f"local stack: {error}\n")
        return 1


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    description = "A private RabbitMQ and PostgreSQL for this checkout."
    result = argparse.ArgumentParser(prog="python -m deploy.local", description=description)
    result.add_argument(
        "act", choices=("up", "down", "status", "purge"), help="purge = down, and delete the data"
    )
    result.add_argument(
        "--home", type=Path, help="where it lives (default: TRUC_HOME, then .truc in the checkout)"
    )
    result.add_argument("--json", action="store_true", help="answer with one JSON object on standard output")
    return result


def act(name: str, stack: LocalStack, *, as_json: bool) -> int:
    """Do it, then show the state it led to."""
    acts: dict[str, Callable[[], object]] = {"up": stack.up, "down": stack.down, "purge": stack.purge}
    acts.get(name, stack.status)()
    status = stack.status()
    sys.stdout.write(to_json(status) if as_json else to_text(status))
    return NOT_RUNNING if name == "status" and not status.is_running else 0


def to_json(status: StackStatus) -> str:
    """Give the state to a program, without the passwords."""
    state = {
        "home": str(status.home),
        "running": status.is_running,
        "broker_pid": status.broker_pid,
        "database_pid": status.database_pid,
        "address": without_secrets(status.address) if status.address else None,
    }
    return json.dumps(state, indent=2) + "\n"


def to_text(status: StackStatus) -> str:
    """Give the state to a person, without the passwords."""
    if (address := status.address) is None:
        return f"there is no local stack in {status.home}\n"
    lines = (
        ("home", status.home),
        ("PostgreSQL", f"{address.postgres_host}:{address.postgres_port}  {state(status.database_pid)}"),
        ("RabbitMQ", f"{address.amqp_host}:{address.amqp_port}  {state(status.broker_pid)}"),
        (
            "management",
            f"{address.management_scheme}://{address.management_servers}/  as {address.broker_admin}",
        ),
        ("passwords", status.home / "stack.toml"),
    )
    return "".join(f"{name:<12}{value}\n" for name, value in lines)


def state(pid: int | None) -> str:
    """Say whether a half of the stack runs."""
    return "stopped" if pid is None else f"running, pid {pid}"


def without_secrets(address: StackAddress) -> dict[str, object]:
    """Leave the passwords out: output ends up in logs."""
    return {name: value for name, value in asdict(address).items() if name not in SECRETS}


if __name__ == "__main__":
    sys.exit(main())
