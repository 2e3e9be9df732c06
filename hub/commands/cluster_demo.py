"""`truc cluster-demo`: the cluster, killed server by server under load."""

import asyncio
from typing import Annotated, Final

import typer

from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home

CLUSTER: Final = "cluster"


def cluster_demo(
    home: Home = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, max=200, help="Documents a second from each of two senders.")
    ] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Kill each broker node and the database's primary under load, and count what was accepted.

    Starts three RabbitMQ nodes, a PostgreSQL primary with a synchronous standby and two hubs as processes of
    this machine, in the folder `cluster` of the home; stops them in the end. Exits with 1 where anything was
    lost, doubled or out of order.

    \b
    Example:
      truc cluster-demo --rate 20
    """
    from hub.commands.cluster_demonstration.story import play
    from hub.commands.place import home_of

    # In a folder of its own: the home may have a stack, which other commands work on.
    went_well = asyncio.run(play(home_of(home) / CLUSTER, per_second=rate, as_json=as_json))
    raise typer.Exit(ExitCode.DONE if went_well else ExitCode.FAILED)
