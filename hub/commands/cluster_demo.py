"""`truc cluster-demo`: the cluster, killed server by server under load."""

import asyncio
from typing import Annotated, Final

import typer

from hub.commands.failure import ExitCode
from hub.commands.options import AsJson, Home

CLUSTER: Final = "cluster"
ENCRYPTED_CLUSTER: Final = "cluster-tls"


def cluster_demo(
    home: Home = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, max=200, help="Documents a second from each of two senders.")
    ] = 15.0,
    tls: Annotated[
        bool, typer.Option("--tls", help="Broker and database are spoken to over verified TLS only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Kill each broker node and the database's primary under load, and count what was accepted.

    Starts three RabbitMQ nodes, a PostgreSQL primary with a synchronous standby and two hubs as processes of
    this machine, in the folder `cluster` of the home (`cluster-tls` with --tls); stops them in the end. Exits
    with 1 where anything was lost, doubled or out of order, or with --tls where a connection is in the clear.

    \b
    Example:
      truc cluster-demo --rate 20
      truc cluster-demo --tls
    """
    from hub.commands.cluster_demonstration.story import play
    from hub.commands.place import home_of

    # In a folder of its own: the home may have a stack, which other commands work on.
    folder = home_of(home) / (ENCRYPTED_CLUSTER if tls else CLUSTER)
    went_well = asyncio.run(play(folder, per_second=rate, tls=tls, as_json=as_json))
    raise typer.Exit(ExitCode.DONE if went_well else ExitCode.FAILED)
