"""`truc up`, `down`, `status`: the local axis."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hub.commands import shown
from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home

if TYPE_CHECKING:
    from deploy.cluster import ClusterStatus
    from deploy.given import GivenStatus
    from deploy.local import StackStatus


def add_to(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def up(
    home: Home = None,
    services: Annotated[
        Path | None,
        typer.Option(
            "--services",
            help="TOML file with the RabbitMQ and PostgreSQL to use instead; the home keeps to them.",
            show_default=False,
        ),
    ] = None,
    broker: Annotated[
        Literal["machine", "4"] | None,
        typer.Option(
            "--broker",
            help="RabbitMQ of a new home: the machine's own, or 4, fetched once and not installed.",
            envvar="TRUC_BROKER",
            show_default="machine",
        ),
    ] = None,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="A new home's servers listen with TLS only, by an authority of its own."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start the local stack and provision the axis: database, roles, keys, topology.

    A second call is quick and changes nothing. With --services nothing is started: the servers that the file
    names are waited for and used, by this command and by all others in this home.

    \b
    Example:
      truc up
      truc up --home /var/lib/truc --services services.toml
      truc up --home .truc-4 --broker 4
      truc up --home .truc-tls --tls
    """
    from deploy.given import GivenStack
    from deploy.local import LocalStack
    from deploy.local.programs import Release
    from hub.commands.local_axis import provision_local
    from hub.commands.place import home_of, stack_of

    if services is not None:
        GivenStack(home_of(home)).adopt(services)
    stack = stack_of(home)
    if isinstance(stack, LocalStack):
        stack = LocalStack(stack.home, release=Release(broker) if broker is not None else None, tls=tls)
    elif tls:
        raise typer.BadParameter(
            "only a local stack makes certificates; services.toml says broker_tls = true"
        )
    axis = asyncio.run(provision_local(stack=stack))
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
    """Stop the local stack; its data stay. Servers that somebody else runs are left alone.

    \b
    Example:
      truc down
    """
    from hub.commands.place import stack_of

    stack = stack_of(home)
    stack.down()
    found = stack.status()
    if as_json:
        shown.emit({"home": found.home, "running": found.is_running})
    elif not found.is_running:
        shown.say(f"the stack in {found.home} is down; `truc up` brings it back with its data")


def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what carries the axis, where, and whether it runs; exit code 3 where it does not.

    \b
    Example:
      truc status --json
    """
    from hub.commands.place import stack_of

    found = stack_of(home).status()
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
        shown.pairs(_headline(found), _places(found))
    raise typer.Exit(ExitCode.DONE if found.is_running else ExitCode.AWAY)


def _headline(found: "StackStatus | ClusterStatus | GivenStatus") -> str:
    from deploy.given import GivenStatus

    match found:
        case GivenStatus(away=()):
            return "the servers that this home was given answer"
        case GivenStatus(away=away):
            return "; ".join(away)
        case _ if found.is_running:
            return "the local stack is running"
        case _:
            return "the local stack is not running: `truc up` starts it"


def _places(found: "StackStatus | ClusterStatus | GivenStatus") -> dict[str, object]:
    from hub.commands.place import HUB_FILE, OPERATOR_FILE

    places: dict[str, object] = {"home": found.home}
    if (address := found.address) is not None:
        places |= {
            "RabbitMQ": f"{address.amqp_scheme}://{address.amqp_servers}, pid {found.broker_pid or '-'}",
            "management": f"{address.management_scheme}://{address.management_servers}",
            "PostgreSQL": f"{address.postgres_servers}, pid {found.database_pid or '-'}",
        }
    files = {"settings of hubs": HUB_FILE, "settings of operators": OPERATOR_FILE}
    return places | {what: found.home / name for what, name in files.items() if (found.home / name).exists()}
