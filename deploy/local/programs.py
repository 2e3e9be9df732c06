"""Which RabbitMQ a stack runs on: the machine's own, RabbitMQ 4 beside it, or one that somebody names."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from deploy.local.address import StackError
from deploy.local.newer_broker import newer_broker, version_of

# On Debian the command on the PATH is a wrapper that drops our environment; the script behind it does not.
SERVER_SCRIPTS: Final = ("/usr/lib/rabbitmq/bin/rabbitmq-server",)
DATA_VERSION: Final = "made-by"


class Release(StrEnum):
    """What `TRUC_BROKER` and `truc up --broker` choose; a home keeps to the one it was made with."""

    MACHINE = "machine"
    FOUR = "4"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPrograms:
    """The scripts of one installation of RabbitMQ, and the PATH on which they find their Erlang."""

    server: Path
    path: str

    @property
    def control(self) -> Path:
        """`rabbitmqctl`, which speaks only to a node of its own version."""
        return self.server.with_name("rabbitmqctl")

    @property
    def epmd(self) -> str:
        """Find Erlang's port mapper."""
        found = shutil.which("epmd", path=self.path) or shutil.which("epmd", path="/usr/lib/erlang/bin")
        if found is None:
            raise StackError("Erlang's epmd is not on the PATH")
        return found


def chosen_release() -> Release | None:
    """Read which release `TRUC_BROKER` asks for; nothing where nobody asks."""
    if not (chosen := os.environ.get("TRUC_BROKER")):
        return None
    try:
        return Release(chosen)
    except ValueError:
        known = " or ".join(Release)
        raise StackError(f"TRUC_BROKER={chosen} is no broker that can be had here: {known}") from None


def chosen_script() -> str | None:
    """Read which broker was named, if not one of the releases: `TRUC_RABBITMQ_SERVER` is its script."""
    return os.environ.get("TRUC_RABBITMQ_SERVER")


def broker_programs(release: Release) -> BrokerPrograms:
    """Find the programs of *release*; raises `StackError` where they are not there."""
    path = os.environ.get("PATH", os.defpath)
    if chosen_script() is None and release is Release.FOUR:
        newer = newer_broker()
        return BrokerPrograms(server=newer.server, path=f"{newer.programs}{os.pathsep}{path}")
    return BrokerPrograms(server=server_script(), path=path)


def server_script() -> Path:
    """Find the script that starts a node; `TRUC_RABBITMQ_SERVER` names another version's."""
    chosen = chosen_script()
    candidates = (chosen,) if chosen else (*SERVER_SCRIPTS, shutil.which("rabbitmq-server"))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise StackError(f"RabbitMQ is not installed: no {' or '.join(filter(None, candidates))}")


def ensure_fetched(release: Release, progress: Callable[[str], None]) -> None:
    """Fetch the programs of *release* where that is for us to do, once."""
    if chosen_script() is None and release is Release.FOUR:
        newer_broker().fetch(progress)


def keep_to_version(folder: Path, server: Path) -> None:
    """Remember in *folder* which version made the node's data; refuse to open them with another major one.

    RabbitMQ 4 crashes on the data of 3.10, in the middle of its boot and without naming the reason.
    """
    note, version = folder / DATA_VERSION, version_of(server)
    before = note.read_text("utf-8").strip() if note.exists() else version
    if before and version and _major(before) != _major(version):
        raise StackError(
            f"the broker's data in {folder} are RabbitMQ {before}'s and {server} is {version}: there is no "
            "such jump. Move them as docs/reference/broker-versions.md says, or use another home"
        )
    note.write_text(f"{version}\n", "utf-8")


def _major(version: str) -> str:
    return version.partition(".")[0]
