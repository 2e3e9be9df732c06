"""A RabbitMQ node that is one of several."""

from dataclasses import dataclass, field

from deploy.local.address import write_private
from deploy.local.broker import Broker, configuration, listens
from deploy.local.process import kill


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What makes nodes one cluster: their names, and the secret that lets them speak to one another."""

    node_names: tuple[str, ...]
    cookie: str = field(repr=False)


@dataclass(frozen=True)
class ClusterNode(Broker):
    """A node that looks for the others at its first boot, and pauses where it sees a minority of them."""

    membership: Membership

    def stop_port_mapper(self) -> None:
        """End the port mapper that all nodes share, if this node has started it."""
        kill(self._epmd())

    def _launch_epmd(self) -> None:
        if not listens(self.record.epmd_port):
            super()._launch_epmd()

    def _kill_epmd(self) -> None:
        """Leave the port mapper to the others."""

    def _write_files(self) -> None:
        super()._write_files()
        cookie = self.folder / "home" / ".erlang.cookie"
        write_private(cookie, self.membership.cookie)
        cookie.chmod(0o400)
        text = configuration(self.record, self.folder) + cluster_configuration(self.membership)
        write_private(self.folder / "rabbitmq.conf", text)


def cluster_configuration(membership: Membership) -> str:
    """Write the part of `rabbitmq.conf` that production has, too."""
    settings = {
        "cluster_formation.peer_discovery_backend": "classic_config",
        **{
            f"cluster_formation.classic_config.nodes.{number}": name
            for number, name in enumerate(membership.node_names, start=1)
        },
        # A node that sees less than half of the cluster stops until it sees more: no two halves both go on.
        "cluster_partition_handling": "pause_minority",
        # Else the node that an operator happens to speak to leads every queue.
        "queue_leader_locator": "balanced",
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())
