"""`truc up`, `down`, `status`: the local axis."""

import asyncio

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(home: Home = None, as_json: AsJson = False) -> None:
    """Start the local stack and provision the axis: database, roles, keys, topology.

    A second call is quick and changes nothing.

    \b
    Example:
      truc up
    """
    from hub.commands.local_axis import provision_local

    axis = asyncio.run(provision_local(home))
    if as_json:
        shown.emit(
            {
                "home": axis.home,
                "settings": axis.settings_file,
                "operator_settings": axis.operator_file,
                "address": axis.address,
            }
        )
    else:
        shown.say(f"the axis is up; hubs run with {axis.settings_file}, operators with {axis.operator_file}")
        shown.say("next: `truc run` starts a hub, `truc agency add CODE NAME` connects an agency")


def down(home: Home = None, as_json: AsJson = False) -> None:
    """Stop the local stack; its data stay.

    \b
    Example:
      truc down
    """
    from deploy.local import LocalStack

    stack = LocalStack(home)
    stack.down()
    if as_json:
        shown.emit({"home": stack.home, "running": False})
    else:
        shown.say(f"the local stack in {stack.home} is down; `truc up` brings it back with its data")


def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what of the local axis runs, and where; exit code 3 where it does not.

    \b
    Example:
      truc status --json
    """
    from deploy.local import LocalStack

    found = LocalStack(home).status()
    if as_json:
        shown.emit(
            {
                "home": found.home,
                "running": found.is_running,
                "broker_pid": found.broker_pid,
                "database_pid": found.database_pid,
                "address": found.address,
            }
        )
    else:
        address = found.address
        shown.pairs(
            "the local stack is running"
            if found.is_running
            else "the local stack is not running: `truc up` starts it",
            {
                "home": found.home,
                "RabbitMQ": address
                and f"{address.amqp_host}:{address.amqp_port}, pid {found.broker_pid or '-'}",
                "management": address and f"http://{address.amqp_host}:{address.management_port}",
                "PostgreSQL": address
                and f"{address.postgres_host}:{address.postgres_port}, pid {found.database_pid or '-'}",
                "settings": (found.home / "hub.toml") if (found.home / "hub.toml").exists() else None,
            },
        )
    raise typer.Exit(ExitCode.DONE if found.is_running else ExitCode.AWAY)
