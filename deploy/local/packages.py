"""Fetch what is missing with apt, and keep apt from starting services of its own on the way."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from deploy.local import database
from deploy.local.address import StackError
from deploy.local.programs import Release, chosen_script, ensure_fetched, server_script

POLICY: Final = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT: Final = "#!/bin/sh\n# truc: nothing starts while its packages are installed\nexit 101\n"
CLUSTER_SETTINGS: Final = Path("/etc/postgresql-common/createcluster.conf")
CLUSTER_TEXT: Final = (
    "# truc: no default cluster while its packages are installed\ncreate_main_cluster = false\n"
)
SERVICES: Final = ("rabbitmq-server.service", "epmd.service", "epmd.socket")


def ensure_installed(progress: Callable[[str], None], release: Release = Release.MACHINE) -> None:
    """Install RabbitMQ and PostgreSQL if they are missing; apt leaves neither running nor enabled.

    A *release* of RabbitMQ that is not the machine's is fetched and unpacked, not installed.
    """
    ensure_fetched(release, progress)
    if missing := missing_packages(release):
        ensure_packages(missing, progress)


def ensure_packages(missing: tuple[str, ...], progress: Callable[[str], None]) -> None:
    """Install *missing*, which are not there; raises `StackError` where that cannot be done here."""
    if shutil.which("apt-get") is None:
        raise StackError(f"please install these first (no apt-get here to do it): {', '.join(missing)}")
    if os.geteuid() != 0:
        raise StackError(
            "not installed, and only root can do it. Run:\n"
            f"  sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(missing)}"
        )
    progress(f"installing {' and '.join(missing)} (once, about a minute)")
    install(missing)


def missing_packages(release: Release) -> tuple[str, ...]:
    """Name the Debian packages whose programs are not there."""
    programs: dict[str, Callable[[], object]] = {
        "rabbitmq-server": server_script,
        "postgresql": partial(database.binary, "initdb"),
    }
    if chosen_script() or release is not Release.MACHINE:  # apt would not bring that one
        del programs["rabbitmq-server"]
    return tuple(package for package, find in programs.items() if not is_found(find))


def is_found(find: Callable[[], object]) -> bool:
    """Tell whether *find* finds something."""
    try:
        find()
    except StackError:
        return False
    return True


def install(packages: tuple[str, ...]) -> None:
    """Run apt for *packages* while no package may start or create anything; undo what was temporary."""
    enabled_before = enabled_services()
    try:
        with nothing_starts():
            apt_get("update")
            if "postgresql" in packages:
                apt_get("install", "--yes", "--no-install-recommends", "postgresql-common")
            with no_default_cluster():
                apt_get("install", "--yes", "--no-install-recommends", *packages)
    finally:
        for link in enabled_services() - enabled_before:
            disable(link)


@contextmanager
def nothing_starts() -> Iterator[None]:
    """Forbid packages to start services, unless the machine has a policy of its own for that."""
    if POLICY.exists() and POLICY.read_text("utf-8") != POLICY_TEXT:
        yield
        return
    POLICY.write_text(POLICY_TEXT, "utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


@contextmanager
def no_default_cluster() -> Iterator[None]:
    """Keep Debian from creating a PostgreSQL cluster of its own; where nobody asks, tell nothing."""
    if not CLUSTER_SETTINGS.exists():
        yield
        return
    settings = CLUSTER_SETTINGS.read_text("utf-8").replace(CLUSTER_TEXT, "")
    CLUSTER_SETTINGS.write_text(settings + CLUSTER_TEXT, "utf-8")
    try:
        yield
    finally:
        CLUSTER_SETTINGS.write_text(settings, "utf-8")


def enabled_services() -> frozenset[Path]:
    """Find the links through which systemd would start one of the services at the next boot."""
    wanted = Path("/etc/systemd/system").glob("*.wants/*")
    return frozenset(link for link in wanted if link.name in SERVICES)


def disable(link: Path) -> None:
    """Keep a service from starting at the next boot, as `systemctl disable` would where there is one."""
    link.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        subprocess.run(["update-rc.d", link.stem, "disable"], check=False, capture_output=True)


def apt_get(*arguments: str) -> None:
    """Run apt-get without questions; wait a while for another apt to finish."""
    outcome = subprocess.run(
        ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0", *arguments],
        check=False,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode:
        end = "\n".join(outcome.stdout.splitlines()[-15:])
        raise StackError(f"apt-get {' '.join(arguments)} failed:\n{end}")
